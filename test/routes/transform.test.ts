/** Changes to requests and answers. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { answers, type HttpUpstream, startHttpUpstream } from '../support/http-upstream.js';
import { rawRequest } from '../support/raw-http.js';
import { startRoutes, type TestRoutes } from '../support/routes.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function changed(more: object, path = '/*', base = ''): Promise<{ gateway: TestRoutes; upstream: HttpUpstream }> {
  const upstream = await startHttpUpstream();
  closing.push(() => upstream.stop());
  const gateway = await startRoutes([
    { name: 'r', match: { path }, upstream: { targets: [{ url: upstream.url + base }] }, auth: { none: {} }, ...more },
  ]);
  closing.push(() => gateway.stop());
  return { gateway, upstream };
}

const json = (body: string): RequestInit => ({ method: 'POST', body, headers: { 'content-type': 'application/json' } });

describe('a request', () => {
  it('headers: removed, renamed, set, added, with values of the request', async () => {
    const { gateway, upstream } = await changed(
      {
        request: {
          headers: {
            remove: ['cookie'],
            rename: { 'x-old': 'x-new' },
            set: {
              'x-env': 'prod',
              'x-id': 'order-{id}',
              'x-q': '{query.q}',
              'x-from': '{client.ip}',
              'x-none': '{header.x-nothing}',
            },
            add: { 'x-many': '2' },
          },
        },
      },
      '/orders/:id',
    );
    const headers = { cookie: 'a=1', 'x-old': 'o', 'x-env': 'mine', 'x-many': '1', 'x-none': 'spoofed' };
    await (await fetch(`${gateway.url}/orders/7%20a?q=%C3%A9`, { headers })).arrayBuffer();
    const seen = upstream.seen[0]!.headers;
    assert.deepEqual(
      ['cookie', 'x-old', 'x-new', 'x-env', 'x-id', 'x-q', 'x-from', 'x-many', 'x-none'].map((name) => seen[name]),
      [undefined, undefined, 'o', 'prod', 'order-7 a', '\u00e9', '127.0.0.1', '1, 2', undefined],
    );
  });

  it('a value with a line break never becomes a header', async () => {
    const { gateway, upstream } = await changed({ request: { headers: { set: { 'x-id': '{id}' } } } }, '/orders/:id');
    for (const id of ['a%0d%0ax-evil:%201', 'a%0ab', '%00', '%E2%82%AC']) {
      assert.equal((await fetch(`${gateway.url}/orders/${id}`)).status, 400, id);
    }
    assert.equal(upstream.seen.length, 0);
  });

  it('path: stripped at a segment, prefixed, set from parameters that cannot lead elsewhere', async () => {
    const strip = await changed({ request: { path: { strip_prefix: '/api', add_prefix: '/v2' } } }, '/*', '/base');
    const asked = async (path: string) => {
      await (await fetch(strip.gateway.url + path)).arrayBuffer();
      return strip.upstream.seen.at(-1)!.url;
    };
    assert.equal(await asked('/api/x?y=%2F'), '/base/v2/x?y=%2F');
    assert.equal(await asked('/apis/x'), '/base/v2/apis/x');
    assert.equal(await asked('/api'), '/base/v2/');
    await asked('/api/x');
    assert.equal(strip.upstream.seen.at(-1)!.headers['x-forwarded-prefix'], '/api');
    const set = await changed({ request: { path: { set: '/items/{id}/of/{user}' } } }, '/u/:user/:id');
    await (await fetch(`${set.gateway.url}/u/a%2Fb/c%3Fd`)).arrayBuffer();
    assert.equal(set.upstream.seen[0]!.url, '/items/c%3Fd/of/a%2Fb');
    for (const id of ['%2e%2e%2fx', '..;x']) {
      const raw = rawRequest(set.gateway.url, `GET /u/a/${id} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
      assert.match(await raw.until(/\r\n\r\n/), /^HTTP\/1\.1 400 /, id);
    }
  });

  it('query: what is not touched stays as it was written', async () => {
    const { gateway, upstream } = await changed({
      request: { query: { remove: ['debug'], rename: { q: 'query' }, set: { page: '1' }, add: { tag: 'a&b' } } },
    });
    await (await fetch(`${gateway.url}/x?q=a%20b&keep=%7e+x&debug=1&page=9&page=8&flag`)).arrayBuffer();
    assert.equal(upstream.seen[0]!.url, '/x?query=a%20b&keep=%7e+x&flag&page=1&tag=a%26b');
  });

  it('a JSON body: remove, rename, move, set; numbers keep their digits, members their order', async () => {
    const { gateway, upstream } = await changed({
      request: {
        body: {
          remove: ['a.secret'],
          rename: { 'a.old': 'new' },
          move: { 'a.deep.x': 'top.y' },
          set: { by: '{client.ip}', n: 1, 'o.p': [true, null] },
        },
      },
    });
    const body =
      '{"10":1,"2":12345678901234567890,"a":{"secret":1,"old":1.10,"deep":{"x":null}},"__proto__":{"z":1},"n":"\\u00e9"}';
    assert.equal((await fetch(`${gateway.url}/x`, json(body))).status, 200);
    assert.equal(
      upstream.seen[0]!.body,
      '{"10":1,"2":12345678901234567890,"a":{"deep":{},"new":1.10},"__proto__":{"z":1},"n":1,"top":{"y":null},"by":"127.0.0.1","o":{"p":[true,null]}}',
    );
    assert.equal(upstream.seen[0]!.headers['content-length'], String(upstream.seen[0]!.body.length));
    assert.equal((await fetch(`${gateway.url}/x`, json('{"a":'))).status, 400);
    assert.equal((await fetch(`${gateway.url}/x`, json('['.repeat(100_000)))).status, 400);
    assert.equal((await fetch(`${gateway.url}/x`, { method: 'POST', body: 'text' })).status, 200, 'not JSON: as it is');
  });

  it('what it must look like is checked: body, query and headers', async () => {
    const { gateway, upstream } = await changed({
      validate: {
        body: {
          type: 'object',
          required: ['id'],
          properties: { id: { type: 'integer' }, at: { type: 'string', format: 'date-time' } },
          additionalProperties: false,
        },
        query: { type: 'object', properties: { page: { type: 'integer', minimum: 1 } } },
        headers: { type: 'object', required: ['x-tenant'] },
      },
    });
    const ask = (body: string, query = '', headers: Record<string, string> = { 'x-tenant': 'a' }) =>
      fetch(`${gateway.url}/x${query}`, { ...json(body), headers: { 'content-type': 'application/json', ...headers } });
    assert.equal((await ask('{"id":1}', '?page=2')).status, 200);
    assert.equal(upstream.seen[0]!.body, '{"id":1}');
    for (const [body, query, headers] of [
      ['{"id":"1"}', ''],
      ['{}', ''],
      ['{"id":1,"x":1}', ''],
      ['{"id":1,"at":"yesterday"}', ''],
      ['nonsense', ''],
      ['{"id":1}', '?page=0'],
      ['{"id":1}', '?page=x'],
      ['{"id":1}', '', {}],
    ] as const) {
      const answer = await ask(body, query, headers);
      assert.equal(answer.status, 400, body + query);
      assert.ok(((await answer.json()) as { detail: string }).detail.length > 10);
    }
    assert.equal(upstream.seen.length, 1);
  });
});

describe('an answer', () => {
  it('headers and JSON body are changed, compressed or not; its length is right', async () => {
    const { gateway, upstream } = await changed({
      response: {
        headers: { set: { 'x-by': 'tollgate' }, remove: ['server'], rename: { 'x-a': 'x-b' } },
        body: { remove: ['secret'], rename: { old: 'new' }, set: { seen: '{request.id}' } },
      },
    });
    const expected = { new: 1, seen: 'rid' };
    const plain = JSON.stringify({ old: 1, secret: 2 });
    for (const [body, headers] of [
      [plain, {}],
      [gzipSync(plain), { 'content-encoding': 'gzip' }],
    ] as const) {
      upstream.handler = (_seen, response) => {
        response.writeHead(200, {
          'content-type': 'application/json; charset=utf-8',
          server: 's',
          'x-a': '1',
          etag: '"x"',
          ...headers,
        });
        response.end(body);
      };
      const answer = await fetch(`${gateway.url}/x`, { headers: { 'x-request-id': 'rid' } });
      assert.deepEqual(await answer.json(), expected);
      assert.deepEqual(
        ['x-by', 'server', 'x-a', 'x-b', 'etag', 'content-encoding'].map((name) => answer.headers.get(name)),
        ['tollgate', null, null, '1', null, null],
      );
    }
    upstream.handler = answers('[1,2]');
    assert.equal(await (await fetch(`${gateway.url}/x`)).text(), '[1,2]');
  });
});
