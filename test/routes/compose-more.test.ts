/** What else composition and transformation can do, and what of others' words the log has. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { answers, type HttpUpstream, startHttpUpstream } from '../support/http-upstream.js';
import { routesOf, startRoutes, type TestRoutes } from '../support/routes.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function server(handler?: HttpUpstream['handler']): Promise<HttpUpstream> {
  const made = await startHttpUpstream(handler);
  closing.push(() => made.stop());
  return made;
}

async function routes(...all: object[]): Promise<TestRoutes> {
  const gateway = await startRoutes(
    all.map((one, i) => ({ name: `r${i}`, match: { path: '/*' }, auth: { none: {} }, ...one })),
  );
  closing.push(() => gateway.stop());
  return gateway;
}

const ask = async (gateway: TestRoutes, init: RequestInit = {}) => {
  const answer = await fetch(`${gateway.url}/x`, { redirect: 'manual', ...init });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
};

describe('a part', () => {
  it('that is missing is replaced by its default, and the answer says why', async () => {
    const good = await server(answers({ a: 1 }));
    const bad = await server(answers({ secret: 'words of the part' }, 500));
    const gateway = await routes({
      compose: [
        { url: good.url, group: 'good' },
        { url: bad.url, group: 'bad', optional: true, default: { list: [], n: 1.5 }, error: 'bad_error' },
        { url: bad.url, name: 'flat', optional: true, default: { note: 'none' } },
      ],
    });
    const { status, headers, text } = await ask(gateway);
    assert.deepEqual([status, headers.get('x-tollgate-complete')], [200, 'false']);
    assert.deepEqual(JSON.parse(text), {
      good: { a: 1 },
      bad: { list: [], n: 1.5 },
      bad_error: { status: 502, code: 'upstream_error', detail: 'The part bad answered 500.' },
      note: 'none',
    });
  });

  it('has a default and an error only where it may be missing', () => {
    for (const more of [{ default: {} }, { error: 'e' }])
      assert.throws(
        () => routesOf([{ name: 'r', match: { path: '/x' }, compose: [{ url: 'http://127.0.0.1:9', ...more }] }]),
        /optional/,
      );
  });

  it('that is at its limit makes it 429, with its time to wait', async () => {
    const busy = await server(answers({}, 429, { 'retry-after': '17' }));
    const { status, headers } = await ask(await routes({ compose: [{ url: busy.url }] }));
    assert.deepEqual([status, headers.get('retry-after')], [429, '17']);
  });

  it('is followed where it leads within its origin, as often as it may be', async () => {
    const other = await server(answers({ other: true }));
    const moved = await server((seen, response) => {
      const [, to] = /^\/(.*)$/.exec(seen.url)!;
      if (to === 'end?a=1') return answers({ end: true })(seen, response);
      const location = { start: '/second', second: 'end?a=1', away: other.url, loop: '/loop' }[to!];
      response.writeHead(302, location ? { location } : {}).end();
    });
    for (const [path, follow, status] of [
      ['start', 2, 200],
      ['start', 1, 502],
      ['start', 0, 502],
      ['away', 5, 502],
      ['loop', 5, 502],
    ] as const) {
      const answer = await ask(await routes({ compose: [{ url: `${moved.url}/${path}`, follow }] }));
      assert.equal(answer.status, status, path);
    }
    assert.equal(other.seen.length, 0);
  });

  it('is put together with others however their fields are called and lie', async () => {
    const one = await server(answers('{"__proto__":{"a":1},"n":1e999,"both":1,"1":1}'));
    const two = await server(answers('{"both":2,"more":[{"k":"\\u00e9"}]}'));
    const gateway = await routes({ compose: [{ url: one.url }, { url: two.url }, { url: two.url, group: 'n' }] });
    const both = '{"__proto__":{"a":1},"n":{"both":2,"more":[{"k":"é"}]},"both":2,"1":1,"more":[{"k":"é"}]}';
    assert.equal((await ask(gateway)).text, both);
  });
});

describe('an answer', () => {
  it('is the value at a path, a list too, of an upstream and of parts', async () => {
    const upstream = await server(answers('{"data":{"items":[1,2.50]},"x":1}'));
    const response = { body: { target: 'data.items' } };
    const forwarded = await routes({ upstream: { targets: [{ url: upstream.url }] }, response });
    assert.equal((await ask(forwarded)).text, '[1,2.50]');
    assert.equal((await ask(await routes({ compose: [{ url: upstream.url }], response }))).text, '[1,2.50]');
  });

  it('that failed has a body of our own, by its status or its class, and keeps what is not of its body', async () => {
    let status = 404;
    const upstream = await server((_seen, response) =>
      response
        .writeHead(status, { 'content-type': 'text/html', etag: '"x"', 'retry-after': '3', 'content-encoding': 'gzip' })
        .end('words of the upstream'),
    );
    const gateway = await routes({
      upstream: { targets: [{ url: upstream.url }] },
      response: {
        errors: {
          404: { status: 410, body: { gone: '{path}', list: [1] } },
          '4xx': { body: 'No: {request.method}', type: 'text/x' },
          '5xx': {},
        },
      },
    });
    const shown = async () => {
      const answer = await ask(gateway);
      const { headers } = answer;
      return [answer.status, answer.text, headers.get('content-type'), headers.get('etag'), headers.get('retry-after')];
    };
    assert.deepEqual(await shown(), [410, '{"gone":"/x","list":[1]}', 'application/json', null, '3']);
    status = 429;
    assert.deepEqual(await shown(), [429, 'No: GET', 'text/x', null, '3']);
    status = 503;
    assert.deepEqual(await shown(), [503, '', null, null, '3']);
  });

  it('of parts that failed has it as well', async () => {
    const bad = await server(answers({}, 404));
    const gateway = await routes({ compose: [{ url: bad.url }], response: { errors: { 404: { body: 'nothing' } } } });
    const { status, text } = await ask(gateway);
    assert.deepEqual([status, text], [404, 'nothing']);
  });
});

describe('a request', () => {
  it('is sent with another method where the route says so, and not again where that could do something twice', async () => {
    const upstream = await server((_seen, response) => void response.writeHead(503).end());
    const gateway = await routes({
      upstream: { targets: [{ url: upstream.url }], retry: { on: [503] } },
      request: { method: 'POST' },
    });
    await ask(gateway);
    assert.deepEqual(
      upstream.seen.map(({ method }) => method),
      ['POST'],
    );
  });
});

describe('the log', () => {
  const PLANTED = 'PLANTED-PROMPT';

  it('has no words of clients and upstreams, whatever fails', async () => {
    const echo = await server((seen, response) => {
      response.writeHead(422, { 'content-type': 'application/json', 'x-echo': PLANTED });
      response.end(JSON.stringify({ error: `${PLANTED} ${seen.body}` }));
    });
    const nonsense = await server((_seen, response) => void response.end(`${PLANTED} is no JSON`));
    const target = { upstream: { targets: [{ url: echo.url }] } };
    const gateway = await routes(
      { ...target, match: { path: '/plain' } },
      {
        ...{ ...target, match: { path: '/schema' }, log_only: ['validate'] },
        validate: { body: { type: 'object', additionalProperties: false } },
      },
      { match: { path: '/compose' }, compose: [{ url: echo.url, method: 'POST' }] },
      {
        ...{ ...target, match: { path: '/token' } },
        auth: { introspection: { url: nonsense.url, client_id: 'c', client_secret: 's' } },
      },
      { ...target, match: { path: '/service' }, auth: { forward: { url: echo.url, consumer_header: 'x-echo' } } },
      { match: { path: '/changed' }, ...target, response: { body: { set: { a: 1 } } } },
    );
    for (const path of ['plain', 'schema', 'compose', 'token', 'service', 'changed']) {
      const answer = await fetch(`${gateway.url}/${path}?q=${PLANTED}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${PLANTED}`, 'x-request-id': path },
        body: JSON.stringify({ [PLANTED]: PLANTED }),
      });
      if (path === 'plain' || path === 'changed') assert.match(await answer.text(), /PLANTED/, 'its caller is told');
      else await answer.arrayBuffer();
      await gateway.line(path);
    }
    assert.ok(gateway.lines.some((line) => line['policy'] === 'validate' && Number(line['detail_length']) > 10));
    assert.ok(gateway.lines.some((line) => line['error'] === 'SyntaxError: a text that cannot be read'));
    assert.ok(!JSON.stringify(gateway.lines).includes(PLANTED), JSON.stringify(gateway.lines));
  });
});
