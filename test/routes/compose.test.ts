/** Composition: several upstreams, one answer. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { answers, type HttpUpstream, startHttpUpstream } from '../support/http-upstream.js';
import { rawRequest } from '../support/raw-http.js';
import { startRoutes, type TestRoutes } from '../support/routes.js';

const closing: (() => Promise<unknown>)[] = [];
let catalog: HttpUpstream;
let reviews: HttpUpstream;
let users: HttpUpstream;

beforeEach(async () => {
  [catalog, reviews, users] = await Promise.all([startHttpUpstream(), startHttpUpstream(), startHttpUpstream()]);
  closing.push(...[catalog, reviews, users].map((one) => () => one.stop()));
  catalog.handler = answers('{"id":12345678901234567890,"name":"Lamp","price":1.10,"owner_id":"u/../7?x","cost":null}');
  reviews.handler = answers({ data: { items: [{ stars: 5 }], total: 1 } });
  users.handler = answers({ name: 'Ada', email: 'ada@example.com' });
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function composed(compose: object[], more: object = {}): Promise<TestRoutes> {
  const gateway = await startRoutes([
    { name: 'page', match: { path: '/pages/product/:id', methods: ['GET'] }, compose, auth: { none: {} }, ...more },
  ]);
  closing.push(() => gateway.stop());
  return gateway;
}

const page = () => [
  { url: `${catalog.url}/products/{id}`, group: 'product', allow: ['id', 'name', 'price'] },
  { url: `${reviews.url}/by-product/{id}`, group: 'reviews', target: 'data', map: { items: 'list' } },
  { url: `${users.url}/{product.owner_id}`, group: 'owner', after: ['product'], optional: true, deny: ['email'] },
];

describe('composition', () => {
  it('puts parts together as the contract says: groups, allow, target, map, a later part from an earlier field', async () => {
    const gateway = await composed(page());
    const answer = await fetch(`${gateway.url}/pages/product/42`);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('x-tollgate-complete'), 'true');
    assert.equal(
      await answer.text(),
      '{"product":{"id":12345678901234567890,"name":"Lamp","price":1.10},"reviews":{"list":[{"stars":5}],"total":1},"owner":{"name":"Ada"}}',
    );
    assert.equal(catalog.seen[0]!.url, '/products/42');
    assert.equal(users.seen[0]!.url, '/u%2F..%2F7%3Fx', 'escaped, whatever an upstream says');
  });

  it('parameters are escaped, and those that would be another path are refused', async () => {
    const gateway = await composed(page());
    await (await fetch(`${gateway.url}/pages/product/a%3Fb%26c%20d`)).arrayBuffer();
    assert.equal(catalog.seen[0]!.url, '/products/a%3Fb%26c%20d');
    const before = catalog.seen.length;
    const raw = rawRequest(
      gateway.url,
      'GET /pages/product/..%2f..%2fadmin HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
    );
    assert.match(await raw.until(/\r\n\r\n/), /^HTTP\/1\.1 400 /);
    assert.equal(catalog.seen.length, before);
  });

  it('independent parts run at once', async () => {
    const gateway = await composed(page());
    const waiting: (() => void)[] = [];
    const together =
      (handler: HttpUpstream['handler']): HttpUpstream['handler'] =>
      (seen, response) => {
        waiting.push(() => handler(seen, response));
        if (waiting.length === 2) for (const go of waiting.splice(0)) go();
      };
    catalog.handler = together(catalog.handler);
    reviews.handler = together(reviews.handler);
    assert.equal((await fetch(`${gateway.url}/pages/product/1`)).status, 200);
  });

  it('the order of the answer is that of the configuration, whoever comes first; later goes over earlier', async () => {
    const gateway = await composed([{ url: `${catalog.url}/a` }, { url: `${reviews.url}/b` }]);
    catalog.handler = (_seen, response) => void setTimeout(() => answers('{"x":1,"a":1}')(_seen, response), 30);
    reviews.handler = answers('{"x":2,"b":2}');
    for (let i = 0; i < 3; i++)
      assert.equal(await (await fetch(`${gateway.url}/pages/product/1`)).text(), '{"x":2,"a":1,"b":2}');
  });

  it('an optional part that fails makes the answer incomplete', async () => {
    const gateway = await composed(page());
    for (const handler of [answers({}, 500), answers('not json'), (() => {}) as HttpUpstream['handler']]) {
      users.handler = handler;
      const answer = await fetch(`${gateway.url}/pages/product/1`);
      assert.deepEqual([answer.status, answer.headers.get('x-tollgate-complete')], [200, 'false']);
      assert.deepEqual(Object.keys((await answer.json()) as object), ['product', 'reviews']);
    }
  });

  it('a part that fails and is not optional makes it an error, in its own words where it speaks of the request', async () => {
    const gateway = await composed(page());
    const statusWith = async (handler: HttpUpstream['handler']) => {
      catalog.handler = handler;
      const answer = await fetch(`${gateway.url}/pages/product/1`);
      await answer.arrayBuffer();
      return answer.status;
    };
    assert.equal(await statusWith(answers({}, 404)), 404);
    assert.equal(await statusWith(answers({}, 401)), 502);
    assert.equal(await statusWith(answers({}, 500)), 502);
    assert.equal(await statusWith((_seen, response) => void response.destroy()), 502);
    assert.equal(await statusWith(answers('{"id":')), 502);
  });

  it('each part has its own time, and its own breaker', async () => {
    const gateway = await composed([
      { url: `${catalog.url}/a`, group: 'a' },
      {
        url: `${reviews.url}/b`,
        group: 'b',
        optional: true,
        timeout: '100ms',
        breaker: { min_requests: 2, failure_rate: 0.5, open: '30s' },
      },
    ]);
    reviews.handler = () => {};
    for (let i = 0; i < 4; i++) {
      const answer = await fetch(`${gateway.url}/pages/product/1`);
      assert.equal(answer.headers.get('x-tollgate-complete'), 'false');
      await answer.arrayBuffer();
    }
    assert.equal(reviews.seen.length, 2, 'the breaker leaves it alone');
  });

  it('a dependent of a missing part is missing too, or an error where it must be there', async () => {
    catalog.handler = answers({}, 500);
    const chain = (optional: boolean) => [
      { url: `${catalog.url}/a`, group: 'product', optional: true },
      { url: `${users.url}/{product.owner_id}`, group: 'owner', optional },
    ];
    const loose = await fetch(`${(await composed(chain(true))).url}/pages/product/1`);
    assert.deepEqual([loose.status, await loose.text()], [200, '{}']);
    assert.equal((await fetch(`${(await composed(chain(false))).url}/pages/product/1`)).status, 502);
    assert.equal(users.seen.length, 0);
  });

  it('lists are put into a field, and their items are cut to size', async () => {
    catalog.handler = answers('[{"id":1,"x":2},{"id":3,"x":4}]');
    const gateway = await composed([
      { url: `${catalog.url}/a`, collection: 'products', allow: ['id'] },
      { url: `${catalog.url}/b`, group: 'same', collection: true },
      { url: `${catalog.url}/c`, group: 'bare', map: { id: 'key' }, deny: ['x'] },
    ]);
    assert.equal(
      await (await fetch(`${gateway.url}/pages/product/1`)).text(),
      '{"products":[{"id":1},{"id":3}],"same":{"collection":[{"id":1,"x":2},{"id":3,"x":4}]},"bare":[{"key":1},{"key":3}]}',
    );
  });

  it('sends only the headers and parameters that are named, and never the credential', async () => {
    const gateway = await composed(
      [{ url: `${catalog.url}/a?fixed=1`, headers: ['accept-language', 'authorization'], query: ['page'] }],
      { auth: { key: {} } },
    );
    const key = await gateway.key();
    const headers = {
      authorization: `Bearer ${key}`,
      'accept-language': 'de',
      cookie: 'a=1',
      'x-forwarded-for': '6.6.6.6',
    };
    assert.equal((await fetch(`${gateway.url}/pages/product/1?page=2&secret=3`, { headers })).status, 200);
    const { url, headers: seen } = catalog.seen[0]!;
    assert.equal(url, '/a?fixed=1&page=2');
    assert.deepEqual(
      [seen['accept-language'], seen['cookie'], seen.authorization, seen['x-forwarded-for']],
      ['de', undefined, undefined, '127.0.0.1'],
    );
    assert.match(String(seen['x-tollgate-consumer']), /^key_/);
    assert.match(String(seen['x-request-id']), /^req_/);
  });

  it('a client that leaves ends what runs', async () => {
    const gateway = await composed(page());
    let over: (() => void) | undefined;
    const ended = new Promise<void>((resolve) => {
      over = resolve;
    });
    catalog.handler = (_seen, response) => void response.on('close', () => over!());
    const left = new AbortController();
    const asked = fetch(`${gateway.url}/pages/product/1`, { signal: left.signal }).catch(() => {});
    while (catalog.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    left.abort();
    await Promise.all([asked, ended]);
  });
});
