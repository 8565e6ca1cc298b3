/** A tunnel that does not come about: whose fault it is told as. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { test } from 'node:test';
import { openTunnel, ProxyRefused } from '../../src/lib/tunnel.js';
import { freePort } from '../support/free-port.js';

const failing = (port: number, timeoutMs = 5_000): Promise<Error> =>
  new Promise((resolve) => {
    openTunnel({ proxy: `http://127.0.0.1:${port}`, host: 'api.example.com', port: 443, timeoutMs }, (error) =>
      resolve(error ?? assert.fail('there is no way through')),
    );
  });

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address ? address.port : assert.fail();
}

test('a proxy that is away is told as the proxy, not as what lies behind it', async () => {
  const error = await failing(await freePort());
  assert.ok(error instanceof ProxyRefused, String(error));
  assert.equal(error.message, 'The proxy cannot be reached (ECONNREFUSED).');
});

test('a proxy that hangs up before it answers is told as the proxy', async () => {
  const server = createServer((socket) => void socket.on('error', () => {}).on('data', () => socket.resetAndDestroy()));
  const error = await failing(await listening(server));
  assert.ok(error instanceof ProxyRefused, String(error));
  assert.match(error.message, /^The proxy cannot be reached \(ECONNRESET\)\.$/);
  server.close();
});

test('a proxy that says nothing is a time-out', async () => {
  const server = createServer((socket) => void socket.on('error', () => {}));
  const error = await failing(await listening(server), 50);
  assert.equal((error as NodeJS.ErrnoException).code, 'ETIMEDOUT');
  server.close();
});
