/** Chat clients that do not read their streams: what they hold of the gateway's memory, and how long they may. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Gateway, startGateway } from '../support/gateway.js';
import { contentChunk } from '../support/openai-answers.js';
import { chatBytes } from '../support/raw-http.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { head, type Step } from '../support/upstream-steps.js';

const CLIENTS = 300;
/**
 * What they hold, and the young generation (64 MB and more), which a process touches wholly only when it is busy: how much of that
 * was touched before differs from run to run.
 */
const MOST_GROWN_MB = 140;
/** As much of streams fills the young generation several times over, whatever the kernel's buffers are. */
const WARM_UP_BYTES = 160 * 1024 * 1024;

let upstream: FakeUpstream;
let gateway: Gateway;

/** A stream without an end, as fast as it is taken. */
const endless: Step = ({ response, left }) =>
  new Promise<void>((resolve) => {
    const chunk = contentChunk('unread words '.repeat(1_200));
    const more = (): void => {
      while (!left.aborted && response.write(chunk));
    };
    response.on('drain', more);
    left.addEventListener('abort', () => resolve(), { once: true });
    more();
  });

before(async () => {
  upstream = await startUpstream();
  gateway = await startGateway({
    config: {
      server: { timeout: { send: '20s' } },
      providers: { up: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'k' } },
      models: {
        brief: {
          targets: [{ provider: 'up', model: 'm' }],
          price: { input: 1, output: 1 },
          timeout: { total: '2s' },
        },
        m: { targets: [{ provider: 'up', model: 'm' }], price: { input: 1, output: 1 }, timeout: { total: '10m' } },
      },
    },
  });
  upstream.always([head(200, { 'content-type': 'text/event-stream' }), endless]);
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

const rssMb = (): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'))?.[1]) / 1024;

async function unread(key: string, count: number, model = 'm'): Promise<Socket[]> {
  const bytes = chatBytes(key, { model, stream: true, messages: [{ role: 'user', content: 'go on' }] });
  const seen = upstream.requests.length;
  const sockets = Array.from({ length: count }, () => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1').on('error', () => {});
    socket.pause();
    socket.write(bytes);
    return socket;
  });
  while (upstream.requests.length < seen + count) await sleep(20);
  return sockets;
}

/** An end is seen only by who reads: what came before it is thrown away. */
async function end(sockets: readonly Socket[]): Promise<void> {
  await Promise.all(
    sockets.map((socket) => {
      const closed = new Promise((resolve) => (socket.closed ? resolve(undefined) : socket.once('close', resolve)));
      socket.resume();
      return closed;
    }),
  );
}

/** Reads so much of all of them together. */
const read = (sockets: readonly Socket[], bytes: number): Promise<void> =>
  new Promise((resolve) => {
    let left = bytes;
    for (const socket of sockets) {
      socket.on('data', (piece: Buffer) => {
        left -= piece.length;
        if (left <= 0) resolve();
      });
      socket.resume();
    }
  });

/** Until the kernel's buffers are full, and nothing moves any more. */
async function settledMb(): Promise<number> {
  let last = rssMb();
  for (let same = 0; same < 5; ) {
    await sleep(200);
    const now = rssMb();
    same = Math.abs(now - last) < 1 ? same + 1 : 0;
    last = now;
  }
  return last;
}

test('clients that read nothing hold little memory, and are cut after server.timeout.send', async () => {
  const { key } = await gateway.key();
  // What a process that serves has (code, pools of buffers, room for what is young) is not held by clients.
  const first = await unread(key, 30);
  await read(first, WARM_UP_BYTES);
  for (const socket of first) socket.destroy();
  const before = await settledMb();
  const sockets = await unread(key, CLIENTS);
  try {
    const grown = (await settledMb()) - before;
    assert.ok(grown < MOST_GROWN_MB, `grew by ${grown.toFixed(0)} MB`);
    while (upstream.connections > 0) await sleep(100);
    await end(sockets.slice(0, 10));
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

test('one is cut after timeout.total, whatever it takes', async () => {
  const { key } = await gateway.key();
  const from = performance.now();
  const sockets = await unread(key, 1, 'brief');
  while (upstream.connections > 0) await sleep(20);
  const tookMs = performance.now() - from;
  assert.ok(tookMs > 1_500 && tookMs < 12_000, `${tookMs} ms`);
  await end(sockets);
});
