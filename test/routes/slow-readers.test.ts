/** Clients that do not read their answers: what waits for them is bounded, and they are cut in the end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { type HttpUpstream, startHttpUpstream } from '../support/http-upstream.js';
import { startRoutes, type TestRoutes, type TestRoutesOptions } from '../support/routes.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const PIECE = Buffer.alloc(64 * 1024, 'x');
/** Answers without an end, as fast as they are taken. */
const endless: HttpUpstream['handler'] = (_seen, response) => {
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  const more = (): void => {
    while (!response.destroyed && response.write(PIECE));
  };
  response.on('drain', more);
  more();
};
const soon: TestRoutesOptions = { clientTimeouts: { sendMs: 500 } };

async function route(
  handler: HttpUpstream['handler'],
  more: object = {},
  options: TestRoutesOptions = soon,
): Promise<TestRoutes> {
  const upstream = await startHttpUpstream(handler);
  closing.push(() => upstream.stop());
  const gateway = await startRoutes(
    [
      {
        ...{ name: 'r', match: { path: '/*' }, auth: { none: {} } },
        upstream: { targets: [{ url: upstream.url }] },
        ...more,
      },
    ],
    options,
  );
  closing.push(() => gateway.stop());
  return gateway;
}

/** A client that asks and reads nothing. */
async function asks(gateway: TestRoutes, id: string, path = '/x'): Promise<Socket> {
  const socket = connect(gateway.port, '127.0.0.1');
  socket.pause();
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\nx-request-id: ${id}\r\n\r\n`);
  closing.push(async () => socket.destroy());
  return socket;
}

const LARGE = Buffer.alloc(24 * 1024 * 1024, 'x');

describe('a client that does not read', () => {
  it('is cut after server.timeout.send: of a stream, a whole answer, a kept one', async () => {
    for (const [name, handler, more] of [
      ['stream', endless, {}],
      ['whole', (_seen, response) => void response.end(LARGE), {}],
      ['kept', (_seen, response) => void response.end(LARGE), { cache: { ttl: '1m', largest: '32mb' } }],
    ] as [string, HttpUpstream['handler'], object][]) {
      const gateway = await route(handler, more);
      if (name === 'kept') {
        (await asks(gateway, 'first')).resume();
        await gateway.line('first');
      }
      await asks(gateway, name);
      const line = await gateway.line(name);
      assert.deepEqual([line['status'], line['cache']], [499, name === 'kept' ? 'hit' : undefined], name);
    }
  });

  it('is cut where the answer is a fixed one', async () => {
    const gateway = await route(endless, { upstream: undefined, respond: { body: 'x'.repeat(16 * 1024 * 1024) } });
    await asks(gateway, 'fixed');
    assert.equal((await gateway.line('fixed'))['status'], 499);
  });

  it('is cut at timeout.total in any case', async () => {
    const upstream = await startHttpUpstream(endless);
    closing.push(() => upstream.stop());
    const targets = [{ url: upstream.url }];
    const gateway = await route(endless, { upstream: { targets, timeout: { total: '700ms' } } }, {});
    const socket = await asks(gateway, 'total');
    const closed = once(socket, 'close');
    assert.equal((await gateway.line('total'))['status'], 499);
    socket.resume();
    await closed;
  });
});

describe('a client that reads', () => {
  it('slowly, but steadily, is not cut', async () => {
    const gateway = await route(endless);
    const socket = await asks(gateway, 'steady');
    let read = 0;
    const started = performance.now();
    // Far longer than it may wait, at some megabytes a second.
    while (performance.now() - started < 3_500) {
      const piece = socket.read() as Buffer | null;
      if (piece) read += piece.length;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.ok(!socket.closed && read > 1024 * 1024);
    socket.destroy();
  });

  it('a byte at a time is cut as well', async () => {
    const gateway = await route(endless);
    const socket = await asks(gateway, 'drip');
    const drip = setInterval(() => socket.read(1), 50);
    closing.push(async () => clearInterval(drip));
    assert.equal((await gateway.line('drip'))['status'], 499);
  });
});
