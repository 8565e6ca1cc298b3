/** What the documents say of routes, in the small. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { describeRoute, explainRoute } from '../../src/config/classic-routes.js';
import { type HttpUpstream, startHttpUpstream } from '../support/http-upstream.js';
import { rawRequest } from '../support/raw-http.js';
import { routesOf, startRoutes, type TestRoutes, type TestRoutesOptions } from '../support/routes.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function server(handler?: HttpUpstream['handler']): Promise<HttpUpstream> {
  const made = await startHttpUpstream(handler);
  closing.push(() => made.stop());
  return made;
}

async function route(more: object, options?: TestRoutesOptions) {
  const upstream = await server();
  const gateway: TestRoutes = await startRoutes(
    [
      {
        ...{ name: 'r', match: { path: '/*' }, auth: { none: {} } },
        upstream: { targets: [{ url: upstream.url }] },
        ...more,
      },
    ],
    options,
  );
  closing.push(() => gateway.stop());
  return { gateway, upstream };
}

describe('a body that is missing', () => {
  const validate = { body: { type: 'object', required: ['id'] } };
  const ask = (gateway: TestRoutes, method: string, head = '') =>
    rawRequest(gateway.url, `${method} /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${head}\r\n`);
  const statusOf = async (client: ReturnType<typeof rawRequest>): Promise<string> => {
    await client.closed;
    return client.bytes().toString().slice(9, 12);
  };

  it('fails a schema with `required`, however it is missing', async () => {
    const { gateway, upstream } = await route({ validate });
    for (const method of ['POST', 'PUT', 'PATCH'])
      for (const head of ['', 'content-length: 0\r\n', 'content-type: application/json\r\ncontent-length: 0\r\n'])
        assert.equal(await statusOf(ask(gateway, method, head)), '400', method + head);
    const chunked = 'transfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\n0\r\n';
    assert.equal(await statusOf(ask(gateway, 'POST', chunked)), '400');
    assert.equal(upstream.seen.length, 0);
  });

  it('passes one without, and is nothing to methods that have none', async () => {
    const { gateway, upstream } = await route({ validate: { body: { type: 'object' } } });
    assert.equal(await statusOf(ask(gateway, 'POST', 'content-length: 0\r\n')), '200');
    const strict = await route({ validate });
    for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS'])
      assert.equal(await statusOf(ask(strict.gateway, method)), '200');
    assert.equal(upstream.seen.length, 1);
  });

  it('is checked before parts are asked', async () => {
    const part = await server((_seen, response) => void response.end('{}'));
    const { gateway } = await route({ upstream: undefined, compose: [{ url: part.url, method: 'POST' }], validate });
    assert.equal((await fetch(`${gateway.url}/x`, { method: 'POST' })).status, 400);
    assert.equal((await fetch(`${gateway.url}/x`, { method: 'POST', body: '{"id":1}' })).status, 200);
    assert.deepEqual(
      part.seen.map(({ body }) => body),
      ['{"id":1}'],
    );
  });
});

describe('a mirror', () => {
  const streamed = (text: string) => ({
    method: 'POST',
    duplex: 'half' as const,
    body: new ReadableStream({
      start(controller) {
        for (const piece of text.match(/.{1,20000}/g) ?? []) controller.enqueue(Buffer.from(piece));
        controller.close();
      },
    }),
  });

  it('gets a body that comes in chunks too, once it is whole; of one that is too large there is no copy', async () => {
    const copy = await server();
    const { gateway, upstream } = await route({ mirror: { url: copy.url } });
    const large = 'x'.repeat(70_000);
    for (const text of ['hello', 'y'.repeat(60_000), large, 'last'])
      assert.equal((await fetch(`${gateway.url}/x`, streamed(text))).status, 200);
    while (copy.seen.length < 3) await new Promise((resolve) => setTimeout(resolve, 2));
    assert.deepEqual(new Set(copy.seen.map(({ body }) => body)), new Set(['hello', 'y'.repeat(60_000), 'last']));
    assert.equal(upstream.seen[2]!.body, large);
    for (const { headers, body } of copy.seen) assert.equal(headers['content-length'], String(body.length));
  });
});

describe('a service that decides who may call', () => {
  const outer = {
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'shop.example.com',
    'x-forwarded-for': '1.2.3.4',
  };

  it('is told the outer scheme, host and address by a proxy that is trusted, and by nobody else', async () => {
    for (const trusted of [true, false]) {
      const judge = await server();
      const forward = { url: judge.url, consumer_header: 'x-who' };
      const { gateway } = await route({ auth: { forward } }, { trustProxy: trusted ? ['127.0.0.1'] : [] });
      await fetch(`${gateway.url}/x?a=1`, { headers: outer });
      const { headers } = judge.seen[0]!;
      assert.deepEqual(
        ['proto', 'host', 'for', 'uri', 'method'].map((name) => headers[`x-forwarded-${name}`]),
        trusted
          ? ['https', 'shop.example.com', '1.2.3.4, 127.0.0.1', '/x?a=1', 'GET']
          : ['http', `127.0.0.1:${gateway.port}`, '127.0.0.1', '/x?a=1', 'GET'],
      );
    }
  });
});

describe('the secret of an HS algorithm', () => {
  const with_ = (secret: string, algorithms: string[]) =>
    routesOf([
      {
        ...{ name: 'r', match: { path: '/*' }, respond: { body: 'ok' } },
        auth: { jwt: { issuer: 'https://idp.test', secret, algorithms } },
      },
    ]);

  it('is at least as long as its hash', () => {
    for (const [bytes, algorithms] of [
      [32, ['HS256']],
      [48, ['HS384']],
      [64, ['HS512']],
      [64, ['HS256', 'HS512']],
    ] as [number, string[]][]) {
      assert.throws(() => with_('x'.repeat(bytes - 1), algorithms), /secret.*at least \d+ random characters/s);
      assert.throws(() => with_(`${'x'.repeat(bytes / 2)}`, algorithms), /at least/);
      assert.equal(with_('x'.repeat(bytes), algorithms).length, 1);
      assert.equal(with_('é'.repeat(bytes / 2), algorithms).length, 1, 'bytes, not characters');
    }
  });
});

describe('a route that is shown', () => {
  it('hides every value that can carry a secret, and tells the names', () => {
    const base = { match: { path: '/*', headers: { 'x-key': 'PLANTED' } } };
    const values = { set: { 'x-name': 'PLANTED' }, add: { 'x-other': 'PLANTED' } };
    const change = { headers: values, body: { set: { name: 'PLANTED', deep: { list: ['PLANTED'] } } } };
    const url = 'http://127.0.0.1:9';
    const secret = 'PLANTED'.repeat(10);
    const all = routesOf([
      {
        ...{ ...base, name: 'a', request: { ...change, query: { set: { n: 'PLANTED' }, add: { o: 'PLANTED' } } } },
        ...{ response: change, mirror: { url } },
        upstream: { targets: [{ url }], health: { path: '/up?key=PLANTED' } },
        auth: {
          jwt: { issuer: 'https://i.test', secret, algorithms: ['HS256'] },
          introspection: { url: `${url}/i?key=PLANTED`, client_id: 'c', client_secret: 'PLANTED' },
          basic: { users: { ada: 'PLANTED' } },
          forward: { url: `${url}/f?key=PLANTED`, consumer_header: 'x-who' },
        },
      },
      { name: 'b', match: { path: '/b' }, respond: { headers: { 'x-name': 'PLANTED' }, body: { a: 'PLANTED' } } },
      { name: 'c', match: { path: '/c' }, redirect: { to: 'https://a.test/?key=PLANTED' } },
      {
        ...{ name: 'd', match: { path: '/d' } },
        compose: [{ url: `${url}/x?key=PLANTED`, group: 'g', optional: true, default: { a: 'PLANTED' } }],
        auth: { jwt: { issuer: 'https://i.test', jwks_url: `${url}/keys?token=PLANTED` } },
      },
    ]);
    const shown = JSON.stringify(all.map(describeRoute));
    assert.ok(!shown.includes('PLANTED'), shown);
    assert.ok(!all.map(explainRoute).join().includes('PLANTED'));
    for (const name of ['x-name', 'x-other', 'deep', 'ada', '/up?', '/keys?', 'a.test'])
      assert.ok(shown.includes(name), name);
  });
});
