/**
 * What a gateway holds: connections that wait for their next request, and streams that are open. Told is how much memory each
 * takes of the gateway, and how long a request beside them takes. A process that holds 5,000 streams has 10,000 files open: raise
 * `ulimit -n` where it is lower.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Gateway, startGateway } from '../test/support/gateway.js';
import { chatBytes } from '../test/support/raw-http.js';
import { listening } from './listening.js';

const IDLE = 10_000;
const STREAMS = 5_000;
const WARM_UP = 500;
/** Opened at once. */
const TOGETHER = 50;

export async function run(): Promise<void> {
  const upstream = spawn(process.execPath, [join(import.meta.dirname, 'held-upstream.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await listening(upstream);
  try {
    await hold(url, 'idle connections', IDLE, false);
    await hold(url, 'open streams', STREAMS, true);
  } finally {
    upstream.kill();
  }
}

/** In a gateway of its own, so that none has the memory that others left. */
async function hold(url: string, what: string, count: number, stream: boolean): Promise<void> {
  const gateway = await startGateway({
    config: {
      providers: { bench: { type: 'openai-compatible', base_url: `${url}/v1`, api_key: 'none' } },
      models: { m: { targets: [{ provider: 'bench', model: 'm' }], price: { input: 1, output: 1 } } },
    },
  });
  try {
    const { key } = await gateway.key();
    const bytes = chatBytes(key, { model: 'm', stream, messages: [{ role: 'user', content: 'hi' }] });
    for (const socket of await openAll(gateway, bytes, WARM_UP)) socket.destroy();
    const before = await settledMb(gateway.pid);
    const sockets = await openAll(gateway, bytes, count);
    const grown = (await settledMb(gateway.pid)) - before;
    const beside = await requestMs(gateway, key);
    const kb = ((grown * 1024) / count).toFixed(1);
    console.log(
      `${String(count).padStart(6)} ${what.padEnd(18)} ${before.toFixed(0)} MB before, ${grown.toFixed(0)} MB more: ${kb} KB each; ${sockets.filter(({ destroyed }) => destroyed).length} lost; a request beside them ${beside.toFixed(1)} ms`,
    );
    for (const socket of sockets) socket.destroy();
  } finally {
    await gateway.close();
  }
}

/** Each has been answered: wholly, or with its first words. */
async function openAll({ url }: Gateway, bytes: string | Buffer, count: number): Promise<Socket[]> {
  const port = Number(new URL(url).port);
  const sockets: Socket[] = [];
  const open = async (): Promise<void> => {
    while (sockets.length < count) {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      await new Promise<void>((resolve, reject) => {
        socket.on('error', reject);
        socket.write(bytes);
        let answer = '';
        const read = (piece: Buffer): void => {
          answer += piece.toString('latin1');
          if (!answer.includes('"content"')) return;
          if (!answer.startsWith('HTTP/1.1 200')) return reject(new Error(answer));
          socket.off('data', read).resume();
          resolve();
        };
        socket.on('data', read);
      });
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, open));
  return sockets;
}

async function requestMs(gateway: Gateway, key: string): Promise<number> {
  const took: number[] = [];
  for (let i = 0; i < 51; i++) {
    const from = performance.now();
    await (await gateway.chat(key, { model: 'm', messages: [{ role: 'user', content: 'hi' }] })).text();
    took.push(performance.now() - from);
  }
  return took.sort((a, b) => a - b)[25]!;
}

/** Resident, once it stays as it is. */
async function settledMb(pid: number): Promise<number> {
  let last = 0;
  for (let same = 0; same < 4; ) {
    await sleep(500);
    const now = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
    same = Math.abs(now - last) < 1 ? same + 1 : 0;
    last = now;
  }
  return last;
}
