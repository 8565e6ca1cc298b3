/** What clients and load balancers see of a gateway that ends: not ready first, then no listener, then no connection. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { rawRequest } from '../support/raw-http.js';

let backend: Server;

before(async () => {
  backend = createServer((_req, res) => res.end('ok'));
  backend.on('upgrade', (_req, socket) => {
    socket.on('error', () => {});
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n');
    socket.on('data', (bytes) => socket.write(bytes));
  });
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
});
after(() => {
  backend.closeAllConnections();
  backend.close();
});

const start = (server: object): Promise<Gateway> =>
  startGateway({
    config: {
      server,
      providers: { box: { type: 'sandbox' } },
      models: { m: { targets: [{ provider: 'box', model: 'sandbox' }], price: { input: 1, output: 10 } } },
      routes: [
        {
          name: 'open',
          match: { path: '/open/*' },
          auth: { none: {} },
          upstream: { targets: [{ url: `http://127.0.0.1:${(backend.address() as AddressInfo).port}` }] },
        },
      ],
    },
  });

/** Settles when the gateway has printed it. */
async function printed(gateway: Gateway, wanted: string): Promise<void> {
  while (!gateway.output.includes(wanted)) await new Promise((resolve) => setTimeout(resolve, 10));
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: g\r\n\r\n`;
const BEGUN = 'shutdown: not ready any more';
const CLOSED = 'shutdown: the listener is closed';

test('while it drains, it is not ready, serves, and says that each answer is the last', async () => {
  const gateway = await start({ drain: '1500ms' });
  try {
    const { key } = await gateway.key();
    const kept = rawRequest(gateway.url, get('/healthz'));
    await kept.until(/"ok"/);
    const silent = rawRequest(gateway.url, '');
    const stopped = gateway.stop();
    await printed(gateway, BEGUN);
    const ready = await fetch(`${gateway.url}/readyz`);
    assert.equal(ready.status, 503);
    assert.deepEqual(await ready.json(), { status: 'ending' });
    assert.equal(ready.headers.get('connection'), 'close');
    const chat = await gateway.chat(key, { model: 'm', messages: [{ role: 'user', content: 'Hello' }] });
    assert.equal(chat.status, 200);
    assert.equal(chat.headers.get('connection'), 'close');
    await chat.arrayBuffer();
    for (const path of ['/open/x', '/healthz', '/v1/nothing']) {
      const client = rawRequest(gateway.url, get(path));
      assert.match(await client.until(/\r\n\r\n/), /connection: close\r\n/i, path);
      await client.closed;
    }
    kept.socket.write(get('/healthz'));
    await kept.closed;
    assert.match(kept.bytes().toString(), /connection: keep-alive[\s\S]*"ok"[\s\S]*connection: close[\s\S]*"ok"/i);
    // A connection that never asked anything is served yet when the listener has closed.
    const late = rawRequest(gateway.url, '');
    await once(late.socket, 'connect');
    await printed(gateway, CLOSED);
    late.socket.write(get('/open/late'));
    await assert.rejects(fetch(`${gateway.url}/healthz`));
    assert.match(await late.until(/ok/), /^HTTP\/1\.1 200 [\s\S]*connection: close\r\n/i);
    await silent.closed;
    assert.equal(await stopped, 0);
    assert.match(gateway.output, /shutdown: every connection has ended/);
    // Of probes only the one that was answered badly has a line.
    assert.doesNotMatch(gateway.output, /"path":"\/healthz"/);
    assert.match(gateway.output, /"path":"\/readyz","status":503/);
  } finally {
    await gateway.close();
  }
});

test('a WebSocket goes on through drain and grace, and is cut then', async () => {
  const gateway = await start({ drain: '200ms', shutdown_grace: '1s' });
  try {
    const upgrade = `GET /open/ws HTTP/1.1\r\nhost: g\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
    const client = rawRequest(gateway.url, upgrade);
    await client.until(/ 101 /);
    const stopped = gateway.stop();
    await printed(gateway, CLOSED);
    client.socket.write('still there');
    await client.until(/still there/);
    await client.closed;
    assert.equal(await stopped, 0);
    assert.match(gateway.output, /shutdown: the grace is over/);
  } finally {
    await gateway.close();
  }
});

test('SIGINT ends it without a drain', async () => {
  const gateway = await start({ drain: '1h' });
  try {
    process.kill(gateway.pid, 'SIGINT');
    await printed(gateway, 'shutdown: every connection has ended');
    assert.ok(!gateway.output.includes(BEGUN));
  } finally {
    await gateway.close();
  }
});
