import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that systems give to outgoing connections (32768 and more on Linux), so that none of those takes it meanwhile. */
const FIRST = 15_000;
const COUNT = 15_000;

/**
 * A port on which nothing listens, and that no other process of the suite is given: a UDP socket of the same number, open
 * until this process ends, is the claim.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if ((await claimed(port)) && (await listens(port))) return port;
  }
}

async function claimed(port: number): Promise<boolean> {
  const claim = createSocket('udp4');
  try {
    claim.bind({ port, address: '127.0.0.1', exclusive: true });
    await once(claim, 'listening');
    claim.unref();
    return true;
  } catch {
    claim.close();
    return false;
  }
}

/** Whether a server can listen there, on any address. */
async function listens(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '0.0.0.0');
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
