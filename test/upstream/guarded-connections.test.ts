/** Connections whose address somebody else gave: what a name leads to is checked each time that one is made. */
import assert from 'node:assert/strict';
import type { LookupFunction } from 'node:net';
import { afterEach, test } from 'node:test';
import { Connections } from '../../src/upstream/http1/connections.js';
import { ask, type Scripted, startScripted } from '../support/http1.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function world(): Promise<Scripted> {
  const server = await startScripted();
  closing.push(() => server.stop());
  server.script = (socket) => void socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok');
  return server;
}

/** What each look-up answers, one after the other. */
const answers = (all: readonly (readonly string[])[]): { lookup: LookupFunction; asked: string[] } => {
  const asked: string[] = [];
  const lookup = ((name: string, _options: object, done: (e: null, found: object[]) => void) => {
    const found = all[Math.min(asked.push(name), all.length) - 1]!;
    done(
      null,
      found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  }) as LookupFunction;
  return { lookup, asked };
};

test('a name that leads elsewhere later is looked at again, and not connected to', async () => {
  const server = await world();
  const { lookup, asked } = answers([['127.0.0.1'], ['169.254.169.254'], ['127.0.0.1', 'fd00:ec2::254']]);
  const to = { origin: `http://theirs.example:${server.port}`, connectMs: 5_000, lookup };
  const connections = new Connections({ ...to, guarded: true });
  closing.push(() => connections.destroy());
  assert.equal((await ask(connections)).body(), 'ok');
  for (const _ of [1, 2]) assert.deepEqual((await ask(connections)).events, ['error TOLLGATE_FORBIDDEN_ADDRESS']);
  assert.deepEqual([asked.length, server.opened], [3, 1]);
});

test('a proxy that whoever made the provider has chosen is held to the same', async () => {
  const server = await world();
  const { lookup, asked } = answers([['169.254.169.254']]);
  const proxy = `http://their-proxy.example:${server.port}`;
  const to = { origin: 'http://theirs.example', connectMs: 5_000, lookup, proxy };
  const connections = new Connections({ ...to, guarded: true });
  closing.push(() => connections.destroy());
  assert.match((await ask(connections)).events.join(), /PROXY_REFUSED/);
  assert.deepEqual([asked, server.opened], [['their-proxy.example'], 0]);
});
