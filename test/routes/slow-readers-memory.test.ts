/** What clients that read nothing hold of the gateway's memory. Alone in its process, so that nothing else is measured. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { it } from 'node:test';
import { startHttpUpstream } from '../support/http-upstream.js';
import { startRoutes } from '../support/routes.js';

const CLIENTS = 100;
const MB_EACH = 1 / 3;
const PIECE = Buffer.alloc(64 * 1024, 'x');

it('clients that read nothing hold a third of a megabyte each at the most, their upstream and themselves included', async () => {
  let begun = 0;
  const upstream = await startHttpUpstream((_seen, response) => {
    begun += 1;
    const more = (): void => {
      while (!response.destroyed && response.write(PIECE));
    };
    response.on('drain', more);
    more();
  });
  const gateway = await startRoutes([
    { name: 'r', match: { path: '/*' }, auth: { none: {} }, upstream: { targets: [{ url: upstream.url }] } },
  ]);
  const sockets: Socket[] = [];
  const ask = async (): Promise<void> => {
    const socket = connect(gateway.port, '127.0.0.1').pause();
    sockets.push(socket);
    await once(socket, 'connect');
    socket.write('GET /x HTTP/1.1\r\nhost: a\r\n\r\n');
  };
  for (let i = 0; i < 3; i++) await ask();
  const before = process.memoryUsage().rss;
  await Promise.all(Array.from({ length: CLIENTS }, ask));
  while (begun < CLIENTS + 3) await new Promise((resolve) => setTimeout(resolve, 20));
  // Long enough for each of them to fill whatever holds its bytes.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const grown = (process.memoryUsage().rss - before) / 2 ** 20;
  assert.ok(grown < CLIENTS * MB_EACH, `grew by ${grown.toFixed(0)} MB`);
  for (const socket of sockets) socket.destroy();
  await gateway.stop();
  await upstream.stop();
});
