/** What else a route does: CORS, addresses, cache, compression, mirroring, fixed answers, redirects, matching, reload. */
import assert from 'node:assert/strict';
import { get } from 'node:http';
import { afterEach, describe, it } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { ManualClock } from '../support/clock.js';
import { answers, type HttpUpstream, startHttpUpstream } from '../support/http-upstream.js';
import { parseAnswer, rawRequest } from '../support/raw-http.js';
import { startRoutes, type TestRoutes, type TestRoutesOptions } from '../support/routes.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function server(handler?: HttpUpstream['handler']): Promise<HttpUpstream> {
  const made = await startHttpUpstream(handler);
  closing.push(() => made.stop());
  return made;
}

async function routes(all: object[], options?: TestRoutesOptions): Promise<TestRoutes> {
  const gateway = await startRoutes(
    all.map((one, i) => ({ name: `r${i}`, auth: { none: {} }, ...one })),
    options,
  );
  closing.push(() => gateway.stop());
  return gateway;
}

async function one(
  more: object,
  options?: TestRoutesOptions,
): Promise<{ gateway: TestRoutes; upstream: HttpUpstream }> {
  const upstream = await server();
  const gateway = await routes(
    [{ match: { path: '/*' }, upstream: { targets: [{ url: upstream.url }] }, ...more }],
    options,
  );
  return { gateway, upstream };
}

const raw = async (gateway: TestRoutes, head: string) => {
  const answer = rawRequest(gateway.url, `${head}\r\nconnection: close\r\n\r\n`);
  await answer.closed;
  return parseAnswer(answer.bytes());
};

describe('CORS', () => {
  const cors = {
    origins: ['https://app.example.com', 'https://*.shop.example.com'],
    credentials: true,
    expose: ['x-total'],
    max_age: '5m',
  };
  const from = (origin: string, more: Record<string, string> = {}) => ({ headers: { origin, ...more } });

  it('a preflight is answered here, before anybody is asked for a credential', async () => {
    const { gateway, upstream } = await one({
      cors,
      auth: { key: {} },
      match: { path: '/*', methods: ['GET', 'PUT'] },
    });
    const answer = await fetch(`${gateway.url}/x`, {
      method: 'OPTIONS',
      ...from('https://app.example.com', {
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'x-a, authorization',
      }),
    });
    assert.equal(answer.status, 204);
    const header = (name: string) => answer.headers.get(`access-control-${name}`);
    assert.deepEqual(
      [
        header('allow-origin'),
        header('allow-credentials'),
        header('allow-methods'),
        header('allow-headers'),
        header('max-age'),
      ],
      ['https://app.example.com', 'true', 'GET, PUT', 'x-a, authorization', '300'],
    );
    assert.match(answer.headers.get('vary')!, /origin/);
    assert.equal(upstream.seen.length, 0);
  });

  it('allowed origins get permission, with refusals too; others get none, however they look', async () => {
    const { gateway, upstream } = await one({ cors, auth: { key: {} } });
    const refusal = await fetch(`${gateway.url}/x`, from('https://a.b.shop.example.com'));
    assert.deepEqual(
      [refusal.status, refusal.headers.get('access-control-allow-origin')],
      [401, 'https://a.b.shop.example.com'],
    );
    const key = await gateway.key();
    upstream.handler = answers({}, 200, { 'access-control-allow-origin': '*', 'x-total': '1' });
    const allowed = await fetch(`${gateway.url}/x`, from('https://app.example.com', { 'x-api-key': key }));
    assert.deepEqual(
      [allowed.headers.get('access-control-allow-origin'), allowed.headers.get('access-control-expose-headers')],
      ['https://app.example.com', 'x-total'],
    );
    for (const origin of [
      'https://evil.com',
      'http://app.example.com',
      'https://app.example.com.evil.com',
      'https://evil.com/.shop.example.com',
      'https://shop.example.com',
      'null',
    ]) {
      const answer = await fetch(`${gateway.url}/x`, from(origin, { 'x-api-key': key }));
      assert.equal(answer.headers.get('access-control-allow-origin'), null, origin);
    }
  });
});

describe('addresses', () => {
  it('denied ones and those that are not allowed are refused, behind trusted proxies alone by what these say', async () => {
    const ip = { allow: ['10.0.0.0/8', '2001:db8::/32'], deny: ['10.6.6.6'] };
    const { gateway } = await one({ ip }, { trustProxy: ['127.0.0.1', '10.1.1.1'] });
    const from = async (forwarded: string) =>
      (await raw(gateway, `GET /x HTTP/1.1\r\nhost: a\r\nx-forwarded-for: ${forwarded}`)).status;
    assert.equal(await from('10.0.0.1'), 200);
    assert.equal(await from('::ffff:10.0.0.1'), 200);
    assert.equal(await from('2001:db8::1'), 200);
    assert.equal(await from('10.6.6.6'), 403);
    assert.equal(await from('11.0.0.1'), 403);
    assert.equal(await from('10.0.0.1, 11.0.0.1'), 403, 'what stands before the last stranger was said by it');
    assert.equal(await from('11.0.0.1, 10.0.0.2, 10.1.1.1'), 200);
    assert.equal(await from('10.0.0.1:50123'), 200, 'with a port');
    assert.equal(await from('1.1.1.1\r\nforwarded: for=10.0.0.1'), 403, 'the two do not agree');
    assert.equal(await from('nonsense'), 403);
    const untrusting = await one({ ip });
    assert.equal(
      (await raw(untrusting.gateway, 'GET /x HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 10.0.0.1')).status,
      403,
    );
  });

  it('what a trusted proxy says of the client goes on', async () => {
    const { gateway, upstream } = await one({}, { trustProxy: ['127.0.0.1'] });
    await raw(
      gateway,
      'GET /x HTTP/1.1\r\nhost: in\r\nx-forwarded-for: 1.2.3.4\r\nx-forwarded-proto: https\r\nx-forwarded-host: shop.example.com\r\nforwarded: for=1.2.3.4',
    );
    const { headers } = upstream.seen[0]!;
    assert.deepEqual(
      [headers['x-forwarded-for'], headers['x-forwarded-proto'], headers['x-forwarded-host'], headers['forwarded']],
      ['1.2.3.4, 127.0.0.1', 'https', 'shop.example.com', 'for=1.2.3.4, for=127.0.0.1;host=in;proto=http'],
    );
  });
});

describe('the cache', () => {
  const cached = async (more: object = {}) => {
    const clock = new ManualClock();
    const made = await one({ cache: { ttl: '30s', vary: ['accept'] }, ...more }, { clock });
    let count = 0;
    made.upstream.handler = (_seen, response) =>
      void response.writeHead(200, { 'content-type': 'text/plain', etag: '"e"' }).end(`n${++count}`);
    const ask = async (path = '/x', headers: Record<string, string> = {}, method = 'GET') => {
      const answer = await fetch(made.gateway.url + path, { headers, method });
      return {
        text: await answer.text(),
        state: answer.headers.get('x-tollgate-cache'),
        age: answer.headers.get('age'),
        status: answer.status,
      };
    };
    return { ...made, clock, ask };
  };

  it('answers again what it has, until it is old, apart for each path, query and varied header', async () => {
    const { ask, clock } = await cached();
    assert.deepEqual(await ask(), { text: 'n1', state: 'miss', age: null, status: 200 });
    clock.advance(7_000);
    assert.deepEqual(await ask(), { text: 'n1', state: 'hit', age: '7', status: 200 });
    assert.equal((await ask('/x', {}, 'HEAD')).state, 'hit');
    assert.equal((await ask('/x?a')).text, 'n2');
    assert.equal((await ask('/x', { accept: 'text/html' })).text, 'n3');
    clock.advance(24_000);
    assert.equal((await ask()).text, 'n4');
  });

  it('keeps nothing that it may not: other methods, errors, cookies, private answers, other variants, streams of events', async () => {
    const { ask, upstream } = await cached();
    const twice = async (headers: Record<string, string>, status = 200) => {
      let count = 0;
      upstream.handler = (_seen, response) => void response.writeHead(status, headers).end(`${++count}`);
      const path = `/${Math.random()}`;
      await ask(path);
      return (await ask(path)).state;
    };
    assert.equal(await twice({ 'cache-control': 'max-age=10' }), 'hit');
    for (const headers of [
      { 'cache-control': 'private' },
      { 'cache-control': 'no-store' },
      { 'set-cookie': 'a=1' },
      { vary: 'cookie' },
      { vary: '*' },
      { 'cache-control': 'max-age=0' },
      { 'content-type': 'text/event-stream' },
    ]) {
      assert.equal(await twice({ ...headers } as unknown as Record<string, string>), 'miss', JSON.stringify(headers));
    }
    assert.equal(await twice({}, 500), 'miss');
    assert.equal((await ask('/p', {}, 'POST')).state, null);
    assert.equal((await ask('/x', { authorization: 'Basic eDp5' })).state, null);
    assert.equal((await ask('/x', { range: 'bytes=0-1' })).state, null);
  });

  it('a client may ask past it', async () => {
    const { ask } = await cached();
    await ask();
    assert.equal((await ask('/x', { 'cache-control': 'no-cache' })).text, 'n2');
    assert.equal((await ask()).text, 'n2', 'and renews it');
  });

  it('consumers do not share unless they are told to', async () => {
    for (const shared of [false, true]) {
      const { ask, gateway } = await cached({ auth: { key: {} }, cache: { ttl: '30s', shared } });
      const [ada, bob] = [await gateway.key(), await gateway.key()];
      await ask('/x', { 'x-api-key': ada });
      assert.equal((await ask('/x', { 'x-api-key': bob })).state, shared ? 'hit' : 'miss');
      assert.equal((await ask('/x')).status, 401, 'a cached answer is no way round the gate');
    }
  });
});

describe('compression', () => {
  const text = JSON.stringify(Array.from({ length: 200 }, (_, i) => ({ id: i, name: 'some name' })));
  const ask = (url: string, encoding?: string) =>
    new Promise<{ encoding: string | undefined; body: Buffer; headers: NodeJS.Dict<string | string[]> }>(
      (resolve, reject) =>
        get(url, { headers: encoding ? { 'accept-encoding': encoding } : {} }, (response) => {
          const pieces: Buffer[] = [];
          response.on('data', (piece: Buffer) => pieces.push(piece));
          response.on('end', () =>
            resolve({
              encoding: response.headers['content-encoding'],
              body: Buffer.concat(pieces),
              headers: response.headers,
            }),
          );
          response.on('error', reject);
        }).on('error', reject),
    );

  it('for who accepts it, of what gains by it', async () => {
    const { gateway, upstream } = await one({ compress: true });
    upstream.handler = answers(text, 200, { etag: '"a"' });
    const url = `${gateway.url}/x`;
    const br = await ask(url, 'gzip, br');
    assert.deepEqual([br.encoding, brotliDecompressSync(br.body).toString(), br.headers.etag], ['br', text, 'W/"a"']);
    assert.match(String(br.headers.vary), /accept-encoding/);
    const gz = await ask(url, 'gzip;q=1, br;q=0.5');
    assert.deepEqual([gz.encoding, gunzipSync(gz.body).toString()], ['gzip', text]);
    for (const encoding of [undefined, 'identity', 'br;q=0, gzip;q=0'])
      assert.equal((await ask(url, encoding)).body.toString(), text);
    for (const [body, headers] of [
      ['small', { 'content-length': '5' }],
      [text, { 'content-type': 'image/png' }],
      [text, { 'content-encoding': 'zstd' }],
      [text, { 'cache-control': 'no-transform' }],
    ] as const) {
      upstream.handler = answers(body, 200, headers as Record<string, string>);
      assert.notEqual((await ask(url, 'gzip')).encoding, 'gzip', JSON.stringify(headers));
    }
  });

  it('never holds back a stream of events', async () => {
    const { gateway, upstream } = await one({ compress: true });
    upstream.handler = (_seen, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
      response.write('data: 1\n\n');
    };
    const client = rawRequest(gateway.url, 'GET /x HTTP/1.1\r\nhost: a\r\naccept-encoding: gzip\r\n\r\n');
    assert.doesNotMatch(await client.until(/data: 1/), /content-encoding/);
    client.socket.destroy();
  });

  it('pieces of a stream come as pieces', async () => {
    const { gateway, upstream } = await one({ compress: true });
    let more: (() => void) | undefined;
    upstream.handler = (_seen, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"first":1,');
      more = () => response.end('"second":2}');
    };
    const answer = await fetch(`${gateway.url}/x`, { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(answer.headers.get('content-encoding'), 'gzip');
    const reader = answer.body!.getReader();
    assert.equal(Buffer.from((await reader.read()).value!).toString(), '{"first":1,');
    more!();
    assert.equal(Buffer.from((await reader.read()).value!).toString(), '"second":2}');
  });
});

describe('a mirror', () => {
  it('gets a copy, and nobody waits for it or minds what it answers', async () => {
    const copy = await server((_seen, response) => void response.destroy());
    const { gateway, upstream } = await one({ mirror: { url: copy.url } });
    const answer = await fetch(`${gateway.url}/x?a=1`, { method: 'POST', body: 'hello' });
    assert.equal(answer.status, 200);
    while (copy.seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    const [a, b] = [upstream.seen[0]!, copy.seen[0]!];
    assert.deepEqual([b.method, b.url, b.body], [a.method, a.url, a.body]);
    assert.equal(b.headers.host, `127.0.0.1:${copy.port}`);
  });
});

describe('answers of its own', () => {
  it('fixed ones, with values of the request', async () => {
    const gateway = await routes([
      { match: { path: '/hello/:who' }, respond: { status: 201, headers: { 'x-who': '{who}' }, body: { ok: true } } },
      { match: { path: '/gone' }, respond: { status: 410 } },
    ]);
    const answer = await fetch(`${gateway.url}/hello/ada`);
    assert.deepEqual(
      [answer.status, answer.headers.get('x-who'), answer.headers.get('content-type'), await answer.json()],
      [201, 'ada', 'application/json', { ok: true }],
    );
    assert.equal((await fetch(`${gateway.url}/gone`)).status, 410);
  });

  it('redirects, which no parameter leads astray', async () => {
    const gateway = await routes([
      { match: { path: '/old/:id' }, redirect: { to: '/new/{id}{query}' } },
      { match: { path: '/moved/*' }, redirect: { to: 'https://b.example.com{path}', status: 301 } },
    ]);
    const to = async (path: string) => {
      const answer = await fetch(gateway.url + path, { redirect: 'manual' });
      return [answer.status, answer.headers.get('location')];
    };
    assert.deepEqual(await to('/old/7?a=1'), [308, '/new/7?a=1']);
    assert.deepEqual(await to('/old/%2F%2Fevil.com'), [308, '/new/%2F%2Fevil.com']);
    assert.deepEqual(await to('/moved/a/b'), [301, 'https://b.example.com/moved/a/b']);
  });
});

describe('matching', () => {
  it('fixed before parameter before rest, host before any, headers before none; 405 says what would do', async () => {
    const respond = (body: string) => ({ respond: { body } });
    const gateway = await routes([
      { match: { path: '/*' }, ...respond('rest') },
      { match: { path: '/a/:id' }, ...respond('param') },
      { match: { path: '/a/b' }, ...respond('fixed') },
      { match: { path: '/a/b', headers: { 'x-beta': '1' } }, ...respond('beta') },
      { match: { path: '/a/b', host: 'api.example.com' }, ...respond('host') },
      { match: { path: '/a/b', host: '*.example.com' }, ...respond('wildcard') },
      { match: { path: '/only', methods: ['GET', 'PUT'] }, ...respond('only') },
      { match: { path: '/api/orders/*' }, ...respond('orders') },
    ]);
    const at = async (path: string, head = 'host: x') =>
      (await raw(gateway, `GET ${path} HTTP/1.1\r\n${head}`)).body.toString();
    assert.equal(await at('/a/b'), 'fixed');
    assert.equal(await at('/a/c'), 'param');
    assert.equal(await at('/a/c/d'), 'rest');
    assert.equal(await at('/a/'), 'rest');
    assert.equal(await at('/a/b', 'host: x\r\nx-beta: 1'), 'beta');
    assert.equal(await at('/a/b', 'host: API.example.com:8080'), 'host');
    assert.equal(await at('/a/b', 'host: api.example.com.'), 'host');
    assert.equal(await at('/a/b', 'host: b.example.com'), 'wildcard');
    assert.equal(await at('http://api.example.com/a/b'), 'host', 'an absolute target names the host');
    assert.equal(await at('/api/orders'), 'orders');
    assert.equal(await at('/api/orders/1/2'), 'orders');
    assert.equal(await at('/api/ordersx'), 'rest');
    const wrong = await raw(gateway, 'POST /only HTTP/1.1\r\nhost: x\r\ncontent-length: 0');
    assert.equal(wrong.status, 200, 'the rest takes it');
    const strict = await routes([{ match: { path: '/only', methods: ['GET', 'PUT'] }, ...respond('only') }]);
    const refused = await raw(strict, 'POST /only HTTP/1.1\r\nhost: x\r\ncontent-length: 0');
    assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, HEAD, PUT']);
    assert.equal((await raw(strict, 'HEAD /only HTTP/1.1\r\nhost: x')).status, 200);
    assert.equal((await raw(strict, 'GET /other HTTP/1.1\r\nhost: x')).headers.get('x-behind'), 'yes');
  });

  it('routes and forwards one and the same path, however it was written', async () => {
    const { gateway, upstream } = await one({ match: { path: '/public/*' } });
    for (const [written, path] of [
      ['/public/%61/%7Eb', '/public/a/~b'],
      ['/public//x', '/public/x'],
      ['/%70ublic/x', '/public/x'],
      ['/public/./x/../y', '/public/y'],
      ['/x/../public/y', '/public/y'],
      ['/public/a%2fb', '/public/a%2Fb'],
      ['/public/x?a=//../%2e', '/public/x?a=//../%2e'],
    ] as const) {
      assert.equal((await raw(gateway, `GET ${written} HTTP/1.1\r\nhost: a`)).status, 200, written);
      assert.equal(upstream.seen.at(-1)!.url, path, written);
    }
    const before = upstream.seen.length;
    for (const written of [
      '/public/../admin',
      '/public/%2e%2e/admin',
      '/public/..%2fadmin',
      '/public/..;/admin',
      '/public/%2e%2e%5cadmin',
      '/public\\..\\admin',
      '/public/%00',
      '/public/%zz',
      '/public/#x',
      '/public/caf\u00e9',
    ]) {
      const { status } = await raw(gateway, `GET ${written} HTTP/1.1\r\nhost: a`);
      assert.ok(status === 400 || status === 404, `${written}: ${status}`);
    }
    assert.equal(upstream.seen.length, before);
  });
});

describe('a change of the configuration', () => {
  it('takes its place without a request that fails', async () => {
    const slow = await server();
    const upstream = { targets: [{ url: slow.url }] };
    const gateway = await routes([{ match: { path: '/*' }, upstream }]);
    let release: (() => void) | undefined;
    slow.handler = (_seen, response) => {
      release = () => response.end('old');
    };
    const running = fetch(`${gateway.url}/x`).then((answer) => answer.text());
    while (!release) await new Promise((resolve) => setTimeout(resolve, 2));
    await gateway.apply([{ name: 'new', match: { path: '/*' }, respond: { body: 'new' }, auth: { none: {} } }]);
    assert.equal(await (await fetch(`${gateway.url}/x`)).text(), 'new');
    release();
    assert.equal(await running, 'old');
  });

  it('a request that goes round in circles ends', async () => {
    const gateway = await routes([{ match: { path: '/*' }, respond: {} }]);
    await gateway.apply([
      { name: 'loop', match: { path: '/*' }, upstream: { targets: [{ url: gateway.url }] }, auth: { none: {} } },
    ]);
    assert.equal((await fetch(`${gateway.url}/x`)).status, 508);
  });
});
