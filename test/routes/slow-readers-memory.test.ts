/** What clients that read nothing hold of the gateway's memory: the clients and their upstream are another process. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { startRoutes } from '../support/routes.js';

const CLIENTS = 100;
const MB_EACH = 1 / 3;

/** An upstream without an end; then, told a port, as many clients of it. Says its own port, and when all clients asked. */
const OTHERS = `
const { createServer } = require('node:http');
const { connect } = require('node:net');
const piece = Buffer.alloc(65536, 'x');
let begun = 0;
const server = createServer((_request, response) => {
  const more = () => { while (!response.destroyed && response.write(piece)); };
  response.on('drain', more).on('error', () => {});
  more();
  begun += 1;
  if (begun % ${CLIENTS} === 0) setTimeout(() => console.log('asked'), 1000);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('data', (text) => {
  for (let i = 0; i < ${CLIENTS}; i++) {
    const socket = connect(Number(text), '127.0.0.1').on('error', () => {}).pause();
    socket.write('GET /x HTTP/1.1\\r\\nhost: a\\r\\n\\r\\n');
  }
});
`;

it('clients that read nothing hold a third of a megabyte each at the most', async (t) => {
  const others = spawn(process.execPath, ['-e', OTHERS], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => others.kill());
  const said = createInterface({ input: others.stdout });
  const [port] = (await once(said, 'line')) as [string];
  const gateway = await startRoutes([
    {
      ...{ name: 'r', match: { path: '/*' }, auth: { none: {} } },
      upstream: { targets: [{ url: `http://127.0.0.1:${port}` }] },
    },
  ]);
  t.after(() => gateway.stop());
  const asked = async (): Promise<number> => {
    const all = once(said, 'line');
    others.stdin.write(String(gateway.port));
    await all;
    return process.memoryUsage().rss / 2 ** 20;
  };
  // What a first hundred need once (code, pools of buffers) is not held by clients.
  const before = await asked();
  const grown = (await asked()) - before;
  assert.ok(grown < CLIENTS * MB_EACH, `grew by ${grown.toFixed(0)} MB`);
});
