/** The line between the primary and a worker: order, turns, calls and its end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isDatabaseAway } from '../../src/lib/database-away.js';
import { Link, type Message, type Ports, remotePort } from '../../src/workers/link.js';

async function pair(t: TestContext): Promise<[Socket, Socket]> {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-link-'));
  const server = createServer().listen(join(dir, 's'));
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const client = connect(join(dir, 's'));
  const [other] = (await accepted) as [Socket];
  t.after(() => {
    client.destroy();
    other.destroy();
    server.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return [client, other];
}

async function links(t: TestContext, ports: Ports = {}) {
  const [one, two] = await pair(t);
  const turns: (readonly Message[])[] = [];
  let arrived = (): void => {};
  let ended = 0;
  const near = new Link({ socket: one, ports: {}, onMessages: () => {}, onEnd: () => ended++ });
  const far = new Link({
    ...{ socket: two, ports },
    onMessages: (messages) => {
      turns.push(messages);
      arrived();
    },
    onEnd: () => {},
  });
  const until = async (count: number) => {
    while (turns.flat().length < count) await new Promise<void>((resolve) => (arrived = resolve));
  };
  return { near, far, turns, until, ended: () => ended };
}

test('the messages of one turn are one frame, in order; those of the next turn follow', async (t) => {
  const { near, turns, until } = await links(t);
  near.post([1, 'a']);
  near.post([2, 'b']);
  await until(2);
  near.post([3, 'ü"\n']);
  await until(3);
  assert.deepEqual(turns, [
    [
      [1, 'a'],
      [2, 'b'],
    ],
    [[3, 'ü"\n']],
  ]);
});

test('a call is answered, with bytes and numbers of any kind; what is posted before it arrives before it', async (t) => {
  const seen: unknown[] = [];
  const { near, turns } = await links(t, {
    store: {
      get: async (...args: unknown[]) => {
        seen.push(turns.flat().length);
        return { args, map: new Map([[1, 2]]) };
      },
    },
  });
  near.post([1]);
  const store = remotePort<{ get(...args: unknown[]): Promise<unknown> }>(near, 'store');
  const answer = await store.get(Buffer.from('x'), Number.POSITIVE_INFINITY, undefined);
  assert.deepEqual(answer, { args: [Buffer.from('x'), Number.POSITIVE_INFINITY, undefined], map: new Map([[1, 2]]) });
  assert.deepEqual(seen, [1]);
});

test('what the other side throws is thrown here by its name; an unknown port is an error', async (t) => {
  const { near } = await links(t, {
    store: {
      bad: () => {
        throw new RangeError('too far');
      },
    },
  });
  await assert.rejects(near.call('store', 'bad', []), { name: 'RangeError', message: 'too far' });
  await assert.rejects(near.call('store', 'constructor2', []), /there is no store.constructor2/);
  await assert.rejects(near.call('nothing', 'at', []), /there is no nothing.at/);
});

test('that the database is away stays known on the other side, however that was found out; nothing else becomes it', async (t) => {
  const away = [
    Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
    Object.assign(new Error('ends'), { code: '57P01' }),
    new Error('Failed query: select', { cause: new Error('Connection terminated unexpectedly') }),
  ];
  const faults = [new Error('no such column'), Object.assign(new Error('twice'), { code: '23505' }), 'a word'];
  const { near } = await links(t, {
    store: {
      fail: (at: number) => {
        throw [...away, ...faults][at];
      },
    },
  });
  const seen = await Promise.all(
    [...away, ...faults].map((_, at) =>
      near.call('store', 'fail', [at]).catch((error: unknown) => isDatabaseAway(error)),
    ),
  );
  assert.deepEqual(seen, [true, true, true, false, false, false]);
});

test('frames larger than a chunk, and many at once, are put together', async (t) => {
  const { near, turns, until } = await links(t);
  const long = 'x'.repeat(3_000_000);
  for (let i = 0; i < 5; i++) {
    near.post([i, long]);
    near.flush();
  }
  await until(5);
  assert.deepEqual(
    turns.flat().map(([n, text]) => [n, (text as string).length]),
    [0, 1, 2, 3, 4].map((n) => [n, 3_000_000]),
  );
});

test('with the other side gone calls reject, also those that wait', async (t) => {
  const { near, far, ended } = await links(t, { store: { never: () => new Promise(() => {}) } });
  const waiting = near.call('store', 'never', []);
  setImmediate(() => far.destroy());
  await assert.rejects(waiting, { name: 'LinkEnded' });
  await assert.rejects(near.call('store', 'never', []), { name: 'LinkEnded' });
  assert.equal(ended(), 1);
});
