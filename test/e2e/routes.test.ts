/** Classic routes of a real gateway process: wiring, streams, memory, WebSocket, and the model API beside them. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { rawRequest } from '../support/raw-http.js';

const GIGABYTE = 1024 ** 3;
const MOST_GROWTH = 64 * 1024 * 1024;

let upstream: Server;
let gateway: Gateway;
let key: string;
/** Bytes that the upstream received in bodies. */
let received = 0;
let ticks: { write: (event: string) => void; end: () => void } | undefined;

before(async () => {
  upstream = createServer((req, res) => {
    req.on('error', () => {});
    if (req.url === '/sse') {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.flushHeaders();
      ticks = { write: (event) => void res.write(`data: ${event}\n\n`), end: () => void res.end() };
      return;
    }
    if (req.url === '/giga') {
      const piece = Buffer.alloc(256 * 1024, 'x');
      res.writeHead(200, { 'content-length': String(GIGABYTE) });
      let left = GIGABYTE;
      const pump = (): void => {
        while (left > 0) {
          left -= piece.length;
          if (!res.write(piece)) return void res.once('drain', pump);
        }
        res.end();
      };
      return pump();
    }
    req.on('data', (piece: Buffer) => {
      received += piece.length;
    });
    req.on('end', () => res.end(JSON.stringify({ url: req.url, headers: req.headers })));
  });
  upstream.on('upgrade', (req, socket, head) => {
    if (req.url === '/ws-refused') return void socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
    const accept = createHash('sha1')
      .update(`${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    );
    if (head.length > 0) socket.write(head);
    socket.on('error', () => {});
    socket.on('data', (bytes) => socket.write(bytes));
    socket.on('end', () => socket.end('bye'));
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  gateway = await startGateway({
    config: {
      providers: { sandbox: { type: 'sandbox' } },
      models: { sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input: 1, output: 1 } } },
      routes: [
        {
          name: 'api',
          match: { path: '/api/*' },
          upstream: { targets: [{ url }], timeout: { headers: '120s', idle: '120s' } },
          request: { path: { strip_prefix: '/api' } },
          body_limit: '2048mb',
        },
        { name: 'open', match: { path: '/open/*' }, upstream: { targets: [{ url }] }, auth: { none: {} } },
        {
          ...{ name: 'guarded', match: { path: '/guarded/*' }, auth: { none: {} }, breaker: {} },
          upstream: { targets: [{ url }] },
        },
        {
          name: 'own-host',
          match: { path: '/v1/*', host: 'shop.example.com' },
          respond: { body: 'shop' },
          auth: { none: {} },
        },
      ],
    },
  });
  ({ key } = await gateway.key());
});

after(async () => {
  await gateway?.close();
  upstream?.closeAllConnections();
  upstream?.close();
});

const rss = (): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) * 1024;
const bearer = () => ({ authorization: `Bearer ${key}` });

/** How much the gateway's memory grew at most while something ran. */
async function growth(run: () => Promise<void>): Promise<number> {
  const begin = rss();
  let most = begin;
  const watch = setInterval(() => {
    most = Math.max(most, rss());
  }, 20);
  await run();
  clearInterval(watch);
  return most - begin;
}

describe('a gateway with routes', () => {
  it('asks for a key where the route says nothing, and keeps it from the upstream', async () => {
    const without = await fetch(`${gateway.url}/api/x`);
    assert.equal(without.status, 401);
    assert.equal(((await without.json()) as { code: string }).code, 'invalid_api_key');
    assert.match(without.headers.get('content-type')!, /^application\/problem\+json/);
    const answer = await fetch(`${gateway.url}/api/x?a=1`, { headers: { ...bearer(), 'x-request-id': 'routes-1' } });
    const { url, headers } = (await answer.json()) as { url: string; headers: Record<string, string> };
    assert.equal(url, '/x?a=1');
    assert.equal(headers['authorization'], undefined);
    assert.match(headers['x-tollgate-consumer']!, /^key_/);
    assert.equal(answer.headers.get('x-request-id'), 'routes-1');
  });

  it('serves the model API, health and metrics beside them', async () => {
    const chat = await gateway.chat(key, { model: 'sandbox', messages: [{ role: 'user', content: 'Hi' }] });
    assert.equal(chat.status, 200);
    await chat.arrayBuffer();
    assert.equal((await fetch(`${gateway.url}/healthz`)).status, 200);
    assert.equal((await fetch(`${gateway.url}/nothing`)).status, 404);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    assert.match(metrics, /tollgate_route_duration_seconds_count\{route="api",method="GET",code="200"\} \d/);
    assert.match(metrics, /tollgate_route_breaker_state|tollgate_route_target_healthy\{route="api"/);
  });

  it('a route with a host of its own has any path there, and nowhere else', async () => {
    const at = async (host: string) => {
      const answer = rawRequest(gateway.url, `GET /v1/models HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
      await answer.closed;
      return answer.bytes().toString();
    };
    assert.match(await at('shop.example.com'), /shop$/);
    assert.match(await at('gateway'), /^HTTP\/1\.1 401 /);
  });

  it('writes one access line per request, with the request id and without the key', async () => {
    await (
      await fetch(`${gateway.url}/api/line`, { headers: { ...bearer(), 'x-request-id': 'line-7' } })
    ).arrayBuffer();
    const deadline = Date.now() + 10_000;
    let line: string | undefined;
    while (!line && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      line = gateway.output.split('\n').find((one) => one.includes('"line-7"'));
    }
    const { route, status, method, path, consumer } = JSON.parse(line!) as Record<string, unknown>;
    assert.deepEqual([route, status, method, path], ['api', 200, 'GET', '/api/line']);
    assert.match(String(consumer), /^key:key_/);
    assert.ok(!gateway.output.includes(key));
  });
});

describe('breakers of routes in the admin API', () => {
  interface Shown {
    readonly id: string;
    readonly kind: string;
    readonly targets: readonly { readonly id: string; readonly breaker: string | null; readonly attempts: number }[];
  }
  const shown = async (id: string) =>
    (await gateway.admin<{ data: Shown[] }>('GET', '/routes')).data.find((one) => one.id === id)!;
  const status = async () => (await fetch(`${gateway.url}/guarded/x`)).status;

  it('are shown, opened and closed by hand', async () => {
    assert.equal(await status(), 200);
    const before = await shown('guarded');
    const [target] = before.targets;
    assert.deepEqual([before.kind, target!.breaker, target!.attempts], ['upstream', 'closed', 1]);
    const path = `/routes/guarded/targets/${encodeURIComponent(target!.id)}`;
    assert.equal((await gateway.admin<{ breaker: string }>('POST', `${path}/open`)).breaker, 'held_open');
    assert.equal(await status(), 503);
    assert.equal((await shown('guarded')).targets[0]!.breaker, 'held_open');
    assert.equal((await gateway.admin<{ breaker: string }>('POST', `${path}/close`)).breaker, 'closed');
    assert.equal(await status(), 200);
  });

  it('a route without a breaker, a target that is not there and a route that is not there are told apart', async () => {
    const open = await shown('open');
    assert.equal(open.targets[0]!.breaker, null);
    const id = encodeURIComponent(open.targets[0]!.id);
    await assert.rejects(gateway.admin('POST', `/routes/open/targets/${id}/open`), /409.*no `breaker`/);
    await assert.rejects(gateway.admin('POST', '/routes/guarded/targets/x/open'), /404.*no target x/);
    await assert.rejects(gateway.admin('POST', `/routes/nowhere/targets/${id}/open`), /404.*no route nowhere/);
    assert.deepEqual((await shown('own-host')).targets, []);
  });
});

describe('streams', () => {
  it('events pass one by one', async () => {
    const answer = await fetch(`${gateway.url}/api/sse`, { headers: bearer() });
    const reader = answer.body!.getReader();
    for (const event of ['one', 'two', 'three']) {
      ticks!.write(event);
      const { value } = await reader.read();
      assert.equal(Buffer.from(value!).toString(), `data: ${event}\n\n`);
    }
    ticks!.end();
    assert.ok((await reader.read()).done);
  });

  it('a gigabyte down to a client that reads in fits and starts: memory stays', async () => {
    const grown = await growth(
      () =>
        new Promise((resolve, reject) => {
          const req = request(`${gateway.url}/api/giga`, { headers: bearer() }, (res) => {
            let bytes = 0;
            let pauses = 0;
            res.on('data', (piece: Buffer) => {
              bytes += piece.length;
              if (bytes < (pauses + 1) * 64 * 1024 * 1024) return;
              pauses += 1;
              res.pause();
              setTimeout(() => res.resume(), 50);
            });
            res.on('end', () => (bytes === GIGABYTE ? resolve() : reject(new Error(`${bytes} bytes`))));
            res.on('error', reject);
          });
          req.on('error', reject);
          req.end();
        }),
    );
    assert.ok(grown < MOST_GROWTH, `${Math.round(grown / 2 ** 20)} MB grown`);
  });

  it('a gigabyte up: memory stays, and every byte arrives', async () => {
    received = 0;
    const grown = await growth(async () => {
      const req = request(`${gateway.url}/api/up`, { method: 'POST', headers: bearer() });
      const answered = once(req, 'response');
      const piece = Buffer.alloc(256 * 1024, 'x');
      for (let sent = 0; sent < GIGABYTE; sent += piece.length) if (!req.write(piece)) await once(req, 'drain');
      req.end();
      const [res] = (await answered) as [import('node:http').IncomingMessage];
      res.resume();
      await once(res, 'end');
    });
    assert.equal(received, GIGABYTE);
    assert.ok(grown < MOST_GROWTH, `${Math.round(grown / 2 ** 20)} MB grown`);
  });
});

describe('WebSocket', () => {
  const upgrade = (path: string, more = '') =>
    rawRequest(
      gateway.url,
      `GET ${path} HTTP/1.1\r\nhost: gateway\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n${more}\r\n`,
    );

  it('is passed through, with what is sent before the answer, and both ends may close', async () => {
    const client = upgrade('/api/ws', `authorization: Bearer ${key}\r\n`);
    const head = await client.until(/\r\n\r\n/);
    assert.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
    assert.match(head, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i);
    client.socket.write('hello');
    await client.until(/hello$/);
    client.socket.end();
    await client.until(/bye$/);
    await client.closed;
  });

  it('needs the credential of the route', async () => {
    const client = upgrade('/api/ws');
    assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 401 /);
    await client.closed;
  });

  it('that the upstream refuses is refused in its words', async () => {
    const client = upgrade('/api/ws-refused', `authorization: Bearer ${key}\r\n`);
    assert.match(await client.until(/no$/), /^HTTP\/1\.1 403 Forbidden/);
    await client.closed;
  });

  it('for what is no route is answered as ever', async () => {
    const client = upgrade('/v1/models');
    assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 401 /);
    client.socket.destroy();
  });

  it('an upgrade to something else is ignored', async () => {
    const client = rawRequest(
      gateway.url,
      `GET /open/x HTTP/1.1\r\nhost: g\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n`,
    );
    assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 200 /);
    client.socket.destroy();
  });
});
