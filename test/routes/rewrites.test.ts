/** Paths by patterns, forms, changes to some answers, and redirects to other origins. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { type HttpUpstream, startHttpUpstream } from '../support/http-upstream.js';
import { rawRequest } from '../support/raw-http.js';
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

async function route(more: object): Promise<TestRoutes> {
  const gateway = await startRoutes([{ name: 'r', match: { path: '/*' }, auth: { none: {} }, ...more }]);
  closing.push(() => gateway.stop());
  return gateway;
}

const to = ({ url }: HttpUpstream) => ({ upstream: { targets: [{ url }] } });
const wrong = (more: object, message: RegExp): void =>
  void assert.throws(() => routesOf([{ name: 'r', match: { path: '/x' }, ...more }]), message);
const upstreamOf = (more: object) => ({ upstream: { targets: [{ url: 'http://127.0.0.1:9' }] }, ...more });

describe('a path', () => {
  const rewriting = (...rewrite: { match: string; to: string }[]) => ({ request: { path: { rewrite } } });

  it('is rewritten by each pattern in turn, and the query stays', async () => {
    const upstream = await server();
    const gateway = await route({
      ...to(upstream),
      ...rewriting({ match: '^/old/([^/]+)/(.*)$', to: '/new/$2/of/$1' }, { match: '-', to: '_' }),
    });
    for (const path of ['/old/a-b/c-d?q=1-2', '/other-one']) await (await fetch(gateway.url + path)).arrayBuffer();
    assert.deepEqual(
      upstream.seen.map(({ url }) => url),
      ['/new/c_d/of/a_b?q=1-2', '/other_one'],
    );
  });

  it('is refused where patterns make no path, or another one, of it', async () => {
    const upstream = await server();
    const gateway = await route({
      ...to(upstream),
      ...rewriting({ match: '^/up/(.*)$', to: '/$1/../x' }, { match: '^/none/', to: '' }),
    });
    for (const path of ['/up/a', '/up/a%2F..%2Fb', '/none/a', '/none/'])
      assert.equal((await fetch(gateway.url + path)).status, 400, path);
    assert.equal((await fetch(`${gateway.url}/${'a'.repeat(2000)}`)).status, 414);
    assert.equal(upstream.seen.length, 0);
  });

  it('takes no time that grows faster than the path', async () => {
    const upstream = await server();
    const gateway = await route({ ...to(upstream), ...rewriting({ match: '^/(a+)+$', to: '/$1' }) });
    const head = `GET /${'a'.repeat(1000)}! HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`;
    const answer = rawRequest(gateway.url, head);
    await answer.closed;
    assert.match(answer.bytes().toString(), /^HTTP\/1.1 200/);
  });

  it('has patterns that are checked', () => {
    const checked = (match: string, path: string) => upstreamOf(rewriting({ match, to: path }));
    wrong(checked('(?=x)', '/'), /no pattern of RE2/);
    wrong(checked('(x)\\1', '/'), /no pattern of RE2/);
    wrong(checked('^/(.*)$', '/$2'), /has 1 groups, and `to` names \$2/);
    wrong(checked('x', '/?a=$1'), /neither \? nor #/);
    wrong(upstreamOf({ request: { path: { set: '/x', rewrite: [{ match: 'x', to: 'y' }] } } }), /either `set` or/);
  });
});

describe('a form', () => {
  const form = (body: string): RequestInit => ({
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
  });
  const json = (body: unknown): RequestInit => ({
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  const sent = async (body: object, init: RequestInit, more: object = {}) => {
    const upstream = await server();
    const gateway = await route({ ...to(upstream), request: { body }, ...more });
    const answer = await fetch(gateway.url, init);
    await answer.arrayBuffer();
    const [seen] = upstream.seen;
    return { status: answer.status, type: seen?.headers['content-type'], body: seen?.body };
  };

  it('is sent as JSON', async () => {
    assert.deepEqual(
      await sent({ send: 'json', set: { 'by.name': 'us' } }, form('a=1&b=%C3%A9+x&a=2&__proto__=p&=e')),
      {
        ...{ status: 200, type: 'application/json' },
        body: '{"a":["1","2"],"b":"é x","__proto__":"p","":"e","by":{"name":"us"}}',
      },
    );
  });

  it('is changed and stays one', async () => {
    assert.deepEqual(await sent({ remove: ['a'], rename: { b: 'c' } }, form('a=1&b=2&d=%26&d=x')), {
      ...{ status: 200, type: 'application/x-www-form-urlencoded; charset=utf-8' },
      body: 'd=%26&d=x&c=2',
    });
  });

  it('is made of JSON, with numbers as they were', async () => {
    const body = { n: 1.5, list: [1, true, 'x&y'], in: { side: 'é' }, none: null };
    assert.deepEqual(await sent({ send: 'form' }, json(body)), {
      ...{ status: 200, type: 'application/x-www-form-urlencoded' },
      body: 'n=1.5&list=1&list=true&list=x%26y&in.side=%C3%A9',
    });
  });

  it('cannot be made of everything', async () => {
    for (const body of [[1], { list: [{ a: 1 }] }, { list: [[1]] }])
      assert.deepEqual(await sent({ send: 'form' }, json(body)), { status: 400, type: undefined, body: undefined });
  });

  it('has as many fields as JSON has values', async () => {
    const bound = { json: { values: 3 } };
    assert.equal((await sent({ send: 'json' }, form('a=1&a=1&a=1'), bound)).status, 200);
    assert.equal((await sent({ send: 'json' }, form('a=1&a=1&a=1&a=1'), bound)).status, 400);
  });

  it('is checked by a schema', async () => {
    const schema = { type: 'object', required: ['a'], properties: { a: { type: 'string', maxLength: 2 } } };
    const checking = { validate: { body: schema } };
    assert.equal((await sent({ send: 'json' }, form('a=12'), checking)).status, 200);
    for (const body of ['b=1', 'a=123', 'a=1&a=2'])
      assert.equal((await sent({}, form(body), checking)).status, 400, body);
  });
});

describe('some answers', () => {
  it('are changed: the first condition that fits, after what is changed in all', async () => {
    const upstream = await server((request, response) => {
      const [, status, kind] = request.url!.split('/');
      response.writeHead(Number(status), { 'content-type': 'application/json', 'x-kind': kind });
      response.end('{"a":1,"secret":2}');
    });
    const gateway = await route({
      ...to(upstream),
      response: {
        headers: { set: { 'x-all': '1' } },
        when: [
          { status: [404, '410'], set_status: 200, body: { set: { found: false }, remove: ['a', 'secret'] } },
          {
            status: ['4xx'],
            has: { 'x-kind': 'inner*' },
            body: { remove: ['secret'] },
            headers: { set: { 'x-all': '2' } },
          },
          { has: { 'x-kind': 'none' }, headers: { remove: ['x-kind'] } },
        ],
      },
    });
    const asked = async (path: string) => {
      const answer = await fetch(gateway.url + path);
      const { headers } = answer;
      return [answer.status, headers.get('x-all'), headers.get('x-kind'), await answer.text()];
    };
    assert.deepEqual(await asked('/404/a'), [200, '1', 'a', '{"found":false}']);
    assert.deepEqual(await asked('/422/inner-most'), [422, '2', 'inner-most', '{"a":1}']);
    assert.deepEqual(await asked('/422/outer'), [422, '1', 'outer', '{"a":1,"secret":2}']);
    assert.deepEqual(await asked('/200/none'), [200, '1', null, '{"a":1,"secret":2}']);
  });

  it('need a condition, and their templates stand for something', () => {
    wrong(upstreamOf({ response: { when: [{ headers: { remove: ['x'] } }] } }), /needs a condition/);
    wrong(upstreamOf({ response: { when: [{ status: ['99'], set_status: 200 }] } }), /expected a status/);
    wrong(upstreamOf({ response: { when: [{ status: [99], set_status: 200 }] } }), /status\[0\]/);
    const when = [{ status: ['5xx'], headers: { set: { 'x-a': '{nobody}' } } }];
    wrong(upstreamOf({ response: { when } }), /\{nobody\} stands for nothing/);
  });
});

describe('a redirect of a part', () => {
  it('is followed to the origins that are named, which learn nothing of the caller', async () => {
    const other = await server((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"from":"other"}');
    });
    const stranger = await server();
    const first = await server((request, response) => {
      response.writeHead(302, { location: `${request.url === '/named' ? other.url : stranger.url}/there?a=1` }).end();
    });
    const part = { follow: 2, headers: ['authorization', 'cookie'] };
    const gateway = await route({
      auth: { basic: { users: { ann: 'pass' }, forward_token: true } },
      compose: [
        { ...part, url: `${first.url}/named`, group: 'named', follow_to: [other.url] },
        { ...part, url: `${first.url}/strange`, group: 'strange', optional: true, follow_to: [other.url] },
      ],
    });
    const headers = { authorization: `Basic ${btoa('ann:pass')}`, cookie: 'session=1', 'x-forwarded-for': '1.2.3.4' };
    const answer = await fetch(gateway.url, { headers });
    assert.deepEqual(await answer.json(), { named: { from: 'other' } });
    assert.equal(stranger.seen.length, 0);
    const [seen] = other.seen;
    assert.equal(seen!.url, '/there?a=1');
    assert.equal(seen!.headers['host'], new URL(other.url).host);
    for (const name of ['authorization', 'cookie', 'x-forwarded-for', 'x-tollgate-consumer'])
      assert.equal(seen!.headers[name], undefined, name);
    assert.equal(first.seen[0]!.headers['cookie'], 'session=1');
  });

  it('needs origins without a path, and a number', () => {
    const composing = (more: object) => ({ compose: [{ url: 'http://127.0.0.1:9', ...more }] });
    wrong(composing({ follow: 1, follow_to: ['http://a/b'] }), /expected an origin/);
    wrong(composing({ follow_to: ['http://a'] }), /needs `follow`/);
  });
});
