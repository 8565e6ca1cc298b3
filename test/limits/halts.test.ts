/** A Redis that stands still for a moment, again and again: gateways come back to it, and what it counts is what happened. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OnFailure } from '../../src/limits/failover.js';
import type { Limit } from '../../src/limits/limit.js';
import { estimate, levels, limitOf, reserved, take, used } from '../contract/limits/rig.js';
import { type Gateway, type GatewayOptions, openGateway } from '../support/limits-redis.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { LedgerDouble } from './ledger-double.js';

const servers: TestRedis[] = [];
const open: Gateway[] = [];

after(async () => {
  for (const server of servers) server.resume();
  await Promise.all(open.map(({ limits }) => limits.close()));
  await Promise.all(servers.map((server) => server.close()));
});

async function rig(count: number, options: Partial<GatewayOptions>) {
  const redis = await startRedis({ own: true });
  servers.push(redis);
  const ledger = new LedgerDouble();
  const gateways: Gateway[] = [];
  for (let i = 0; i < count; i++) {
    gateways.push(await openGateway({ url: redis.url, prefix: '{halts}', rebuild: ledger.rebuild, ...options }));
  }
  open.push(...gateways);
  for (const { limits } of gateways) limits.start();
  await until('all are known', () =>
    Promise.resolve(redis.command('ZCARD', '{halts}:1:gateways')).then((n) => n === count),
  );
  for (const { limits } of gateways) await limits.beat();
  return { redis, ledger, gateways };
}

async function until(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  for (const began = performance.now(); performance.now() - began < 10_000; await sleep(5)) if (await done()) return;
  assert.fail(`never: ${what}`);
}

/** Stands still for so long, `times` times; answers how long it took until all gateways used it again, milliseconds. */
async function halt(redis: TestRedis, gateways: readonly Gateway[], times: number, haltMs: () => number) {
  const took: number[] = [];
  for (let i = 0; i < times; i++) {
    // A few within a second, so that one comes while a gateway is still on its way back.
    for (let within = 0; within < 5; within++) {
      redis.pause();
      await sleep(haltMs());
      redis.resume();
      await sleep(5 + Math.random() * 60);
    }
    const began = performance.now();
    await until('every gateway is back', () => gateways.every(({ store }) => store.state === 'redis'));
    took.push(performance.now() - began);
  }
  return took.sort((a, b) => a - b);
}

describe('a Redis that stands still for a moment', () => {
  for (const onFailure of ['local', 'closed', 'open'] as const) {
    it(`\`${onFailure}\`: gateways come back each time, and its counters are what the ledger says`, async () => {
      const { redis, ledger, gateways } = await rig(2, { onFailure });
      const budget = limitOf('usd', 1_000_000_000, 'month');
      const rate = limitOf('tokens', 1_000_000_000, 'hour');
      let stop = false;
      let tokens = 0;
      const client = async (i: number) => {
        while (!stop) {
          const outcome = await take(gateways[i % 2]!.limits, [budget, rate], estimate(10, 20));
          if (outcome.kind !== 'reserved') {
            await sleep(2);
            continue;
          }
          await sleep(i % 7);
          tokens += 10 + (i % 21);
          await ledger.finish(gateways[i % 2]!.limits, outcome.hold, used(10, i % 21));
        }
      };
      const clients = Array.from({ length: 24 }, (_, i) => client(i));
      const took = await halt(redis, gateways, 14, () => 60 + Math.random() * 80);
      stop = true;
      await Promise.all(clients);
      await until('nothing is held', async () => (await gateways[0]!.limits.read([budget]))?.[0]?.held === 0);
      await until('all is told', async () => {
        for (const { limits } of gateways) await limits.beat();
        return gateways.every(({ store }) => store.state === 'redis');
      });
      for (const { limits } of gateways) assert.deepEqual(await levels(limits, budget), [ledger.sum(budget), 0]);
      assert.deepEqual(await levels(gateways[1]!.limits, rate), [tokens, 0], 'the window has what was used, no more');
      assert.ok(took[took.length >> 1]! < 1000, `${took}`);
    });
  }
});

/** Two gateways are asked all the time while Redis stands still 24 times; answers how many requests were admitted, and where. */
async function hammered(onFailure: OnFailure, limit: Limit) {
  const { redis, gateways } = await rig(2, { onFailure });
  let stop = false;
  let admitted = 0;
  let alone = 0;
  const clients = gateways.map(async ({ limits, store }) => {
    while (!stop) {
      const outcome = await take(limits, [limit]);
      if (outcome.kind === 'reserved') {
        admitted += 1;
        if (outcome.hold.parts[0]!.takenMs >= 0) alone += 1;
        await limits.settle(outcome.hold, used(0, 0), 'exact');
      }
      await sleep(store.state === 'redis' ? 2 : 4);
    }
  });
  for (let i = 0; i < 24; i++) {
    redis.pause();
    await sleep(150);
    redis.resume();
    await until('back', () => gateways.every(({ store }) => store.state === 'redis'));
    await sleep(20);
  }
  // However slow the machine is: what was not admitted between the halts is admitted after them.
  await until('the limit is used up', async () => {
    const [reading] = (await gateways[0]!.limits.read([limit])) ?? [];
    return reading !== undefined && reading.spent >= limit.spec.max;
  });
  stop = true;
  await Promise.all(clients);
  for (const { limits } of gateways) await limits.beat();
  await until('back', () => gateways.every(({ store }) => store.state === 'redis'));
  await until('it is read', async () => (await gateways[0]!.limits.read([limit])) !== undefined);
  const [inWindow] = await levels(gateways[0]!.limits, limit);
  return { admitted, alone, inWindow };
}

describe('the bound of a rate through 24 halts of its Redis, on two gateways', () => {
  it('`local`: the limit once, and once more for the shares of all gateways', async () => {
    const { admitted, alone, inWindow } = await hammered('local', limitOf('requests', 60, 'hour'));
    assert.ok(admitted >= 60 && admitted <= 120, `${admitted}`);
    assert.ok(alone <= 60, `${alone}`);
    assert.equal(inWindow, admitted, 'Redis was told of all of them');
  });

  it('`local`: a share of less than one request admits one request at each gateway', async () => {
    const { admitted } = await hammered('local', limitOf('requests', 1, 'hour'));
    assert.ok(admitted >= 1 && admitted <= 3, `${admitted}`);
  });

  it('`closed`: the limit, and nothing of it is lost to requests that were refused', async () => {
    const { admitted, alone, inWindow } = await hammered('closed', limitOf('requests', 60, 'hour'));
    assert.deepEqual([admitted, alone, inWindow], [60, 0, 60]);
  });

  it('`open`: the limit, and all that came while Redis was away', async () => {
    const { admitted, alone, inWindow } = await hammered('open', limitOf('requests', 60, 'hour'));
    assert.ok(admitted - alone <= 60 && alone > 60, `${admitted} ${alone}`);
    assert.equal(inWindow, admitted);
  });
});

describe('what was taken of a window without Redis', () => {
  it('is what Redis counts once it is back, as it was used in the end, whenever and wherever it was settled', async () => {
    const { redis, gateways } = await rig(1, { onFailure: 'local' });
    const [{ limits, store }] = gateways as [Gateway];
    const rate = limitOf('tokens', 1000, 'hour');
    const inRedis = reserved(await take(limits, [rate], estimate(100)));
    const inRedisToo = reserved(await take(limits, [rate], estimate(50)));
    redis.pause();
    const lost = await take(limits, [rate], estimate(20)); // the one that finds out
    const before = reserved(await take(limits, [rate], estimate(200)));
    const later = reserved(await take(limits, [rate], estimate(300)));
    assert.equal((await take(limits, [rate], estimate(331))).kind, 'denied', 'the window has what Redis had');
    await limits.settle(before, used(10, 0), 'exact');
    await limits.settle(inRedis, used(30, 0), 'exact');
    assert.deepEqual(await levels(limits, rate), [30 + 50 + 20 + 10 + 300, 0]);
    redis.resume();
    await until('back', () => store.state === 'redis');
    await limits.beat();
    assert.deepEqual(await levels(limits, rate), [30 + 50 + 20 + 10 + 300, 0]);
    await limits.settle(later, used(1, 0), 'exact');
    await limits.settle(inRedisToo, used(75, 0), 'exact');
    await limits.settle(reserved(lost), used(2, 0), 'exact');
    assert.deepEqual(await levels(limits, rate), [30 + 75 + 2 + 10 + 1, 0]);
    redis.pause();
    await take(limits, [limitOf('requests', 1, 'hour')]);
    assert.deepEqual(
      await levels(limits, rate),
      [30 + 75 + 2 + 10 + 1, 0],
      'and so does the gateway, when it goes away again',
    );
    redis.resume();
  });
});
