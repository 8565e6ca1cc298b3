import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Limit } from '../../src/limits/limit.js';
import type { ReserveResult } from '../../src/limits/limits.js';
import { RedisAway, type RedisLink } from '../../src/store/redis.js';
import { denied, estimate, levels, limitOf, reserved, take, used } from '../contract/limits/rig.js';
import { type Gateway, type GatewayOptions, openGateway } from '../support/limits-redis.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { LedgerDouble } from './ledger-double.js';

const servers: TestRedis[] = [];
const open: Gateway[] = [];
let shared: Promise<TestRedis> | undefined;
let prefixes = 0;

/** A server that a test may stop and pause. */
const ownRedis = async (config?: readonly string[]): Promise<TestRedis> => {
  const redis = await startRedis({ own: true, ...(config ? { config } : {}) });
  servers.push(redis);
  return redis;
};

const sharedRedis = (): Promise<TestRedis> => {
  shared ??= startRedis({ own: true }).then((redis) => {
    servers.push(redis);
    return redis;
  });
  return shared;
};

const newPrefix = (): string => `{failover-${++prefixes}}`;

const gateway = async (options: GatewayOptions): Promise<Gateway> => {
  const made = await openGateway(options);
  open.push(made);
  return made;
};

/** Waits for what happens by itself, a few seconds at most. */
async function until(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  for (const began = performance.now(); performance.now() - began < 8000; await sleep(5)) if (await done()) return;
  assert.fail(`never: ${what}`);
}

const timed = async <T>(promise: Promise<T>): Promise<[T, number]> => {
  const began = performance.now();
  return [await promise, performance.now() - began];
};

after(async () => {
  for (const server of servers) server.resume();
  await Promise.all(open.map(({ limits }) => limits.close()));
  await Promise.all(servers.map((server) => server.close()));
});

describe('Redis away', () => {
  it('`closed`: requests with limits are refused at once, others pass, and it comes back by itself', async () => {
    const redis = await ownRedis();
    const told: string[] = [];
    const { limits, store } = await gateway({
      url: redis.url,
      prefix: newPrefix(),
      onFailure: 'closed',
      onState: (state) => told.push(state),
    });
    const budget = limitOf('usd', 1000, 'month');
    const before = reserved(await take(limits, [budget], estimate(100)));
    redis.pause();
    const [first, firstMs] = await timed(take(limits, [budget], estimate(100)));
    assert.equal(first.kind, 'unavailable');
    assert.ok(firstMs < 150, `${firstMs}`);
    const [, restMs] = await timed(
      Promise.all(Array.from({ length: 200 }, () => take(limits, [budget], estimate(100)))),
    );
    assert.ok(restMs < 40, `${restMs}: nobody waits once it is known to be away`);
    reserved(await take(limits, [], estimate(1)));
    await limits.settle(before, used(60, 0), 'exact');
    assert.equal(await limits.read([budget]), undefined);
    redis.resume();
    await until('back', () => store.state === 'redis');
    assert.deepEqual(
      await levels(limits, budget),
      [60, 0],
      'settled while away, counted once, and nothing is held for the refused',
    );
    assert.deepEqual(told, ['away', 'redis']);
  });

  it('`open`: requests pass uncounted, and what they spend is counted when it is back', async () => {
    const redis = await ownRedis();
    const ledger = new LedgerDouble();
    const { limits, store } = await gateway({
      url: redis.url,
      prefix: newPrefix(),
      onFailure: 'open',
      rebuild: ledger.rebuild,
    });
    const budget = limitOf('usd', 1000, 'month');
    await ledger.finish(limits, reserved(await take(limits, [budget], estimate(400))), used(400, 0));
    redis.pause();
    const first = reserved(await take(limits, [budget], estimate(100))); // Redis may have taken this one; it never heard of the others
    await ledger.finish(limits, first, used(7, 0));
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => take(limits, [budget], estimate(100))));
    const holds = outcomes.map(reserved);
    for (const hold of holds.slice(0, 12)) await ledger.finish(limits, hold, used(90, 0));
    redis.resume();
    await until('back', () => store.state === 'redis');
    assert.deepEqual(await levels(limits, budget), [400 + 7 + 12 * 90, 800]);
    denied(await take(limits, [budget], estimate(1)));
    for (const hold of holds.slice(12)) await ledger.finish(limits, hold, used(50, 0));
    assert.deepEqual(await levels(limits, budget), [ledger.sum(budget), 0]);
  });

  it('`local`: a process admits its share of what was left; holds of either side settle once', async () => {
    const redis = await ownRedis();
    const ledger = new LedgerDouble();
    const { limits, store } = await gateway({
      url: redis.url,
      prefix: newPrefix(),
      onFailure: 'local',
      rebuild: ledger.rebuild,
      replicas: 2,
    });
    const budget = limitOf('usd', 1000, 'month');
    const rate = limitOf('requests', 14, 'hour'); // of its share of 7 three are taken in Redis
    await ledger.finish(limits, reserved(await take(limits, [budget, rate], estimate(200))), used(200, 0));
    const before = reserved(await take(limits, [budget, rate], estimate(100)));
    const open = reserved(await take(limits, [budget, rate], estimate(50)));
    await redis.stop('SIGKILL');
    // (1000 - 200) / 2 = 400, of which 150 are held by this process already.
    const local: ReserveResult[] = [];
    for (let i = 0; i < 6; i++) local.push(await take(limits, [budget, rate], estimate(60)));
    assert.deepEqual(
      local.map(({ kind }) => kind),
      ['reserved', 'reserved', 'reserved', 'reserved', 'denied', 'denied'],
    );
    await ledger.finish(limits, before, used(80, 0));
    await ledger.finish(limits, reserved(local[0]!), used(60, 0));
    await ledger.finish(limits, reserved(local[1]!), used(10, 0));
    assert.deepEqual(await levels(limits, budget), [350, 170]);
    await redis.start();
    await until('back', () => store.state === 'redis');
    assert.deepEqual(await levels(limits, budget), [350, 170], 'as the ledger and the open holds say');
    await ledger.finish(limits, open, used(50, 0));
    await ledger.finish(limits, reserved(local[2]!), used(1, 0));
    await ledger.finish(limits, reserved(local[3]!), used(2, 0));
    assert.deepEqual(await levels(limits, budget), [403, 0]);
    assert.equal(ledger.sum(budget), 403);
  });

  it('`local` without the ledger: budgets are refused, rates go on', async () => {
    const redis = await ownRedis();
    const ledger = new LedgerDouble();
    const { limits } = await gateway({
      url: redis.url,
      prefix: newPrefix(),
      onFailure: 'local',
      rebuild: ledger.rebuild,
    });
    await redis.stop('SIGKILL');
    ledger.away = true;
    assert.equal((await take(limits, [limitOf('usd', 1000, 'month')], estimate(1))).kind, 'unavailable');
    reserved(await take(limits, [limitOf('requests', 10, 'minute'), limitOf('concurrent', 1, null)], estimate(1)));
  });

  it('at the start: begins without it, is told so, and uses it once it is there', async () => {
    const redis = await ownRedis();
    await redis.stop();
    const told: string[] = [];
    const opening = openGateway({
      url: redis.url,
      prefix: newPrefix(),
      onFailure: 'local',
      onState: (state) => told.push(state),
      readyWithinMs: 50,
    });
    const made = await opening;
    open.push(made);
    assert.deepEqual([made.store.state, told], ['away', ['away']]);
    const budget = limitOf('usd', 100, 'month');
    const hold = reserved(await take(made.limits, [budget], estimate(60)));
    await redis.start();
    await until('there', () => made.store.state === 'redis');
    assert.deepEqual(await levels(made.limits, budget), [0, 60]);
    await made.limits.settle(hold, used(5, 0), 'exact');
    assert.deepEqual(await levels(made.limits, budget), [5, 0]);
    assert.deepEqual(told, ['away', 'redis']);
  });

  it('a reservation that Redis only comes to later takes nothing, though nobody is there to tell', async () => {
    const redis = await ownRedis();
    const prefix = newPrefix();
    const { limits } = await gateway({ url: redis.url, prefix });
    const other = await gateway({ url: redis.url, prefix });
    const budget = limitOf('usd', 100, 'month');
    await limits.release(reserved(await take(limits, [budget], estimate(1)))); // so that Redis has the script
    redis.pause();
    assert.equal((await take(limits, [budget], estimate(70))).kind, 'unavailable');
    await limits.close();
    await sleep(60);
    redis.resume();
    await until('back', async () => other.store.state === 'redis' && (await other.limits.read([budget])) !== undefined);
    assert.deepEqual(await levels(other.limits, budget), [0, 0]);
  });

  for (const onFailure of ['closed', 'local', 'open'] as const) {
    it(`\`${onFailure}\`: a reservation that was taken but whose answer was lost is held once or not at all`, async () => {
      const redis = await sharedRedis();
      let lose = 0;
      const between = (link: RedisLink): RedisLink => ({
        ...link,
        get runId() {
          return link.runId;
        },
        async run(...call) {
          const reply = await link.run(...call);
          if (lose-- > 0) throw new RedisAway('the answer was lost');
          return reply;
        },
      });
      const { limits, store } = await gateway({
        url: redis.url,
        prefix: newPrefix(),
        onFailure,
        between,
        timeoutMs: 2000,
      });
      const budget = limitOf('usd', 100, 'month');
      await limits.read([budget]);
      lose = 1;
      const outcome = await take(limits, [budget], estimate(70));
      await until('back', () => store.state === 'redis');
      assert.deepEqual(await levels(limits, budget), [0, onFailure === 'closed' ? 0 : 70]);
      if (outcome.kind === 'reserved') {
        lose = 1;
        await limits.settle(outcome.hold, used(20, 0), 'exact');
        await until('back', () => store.state === 'redis');
        assert.deepEqual(await levels(limits, budget), [20, 0]);
      }
      await limits.beat();
      assert.equal(outcome.kind === 'reserved', onFailure !== 'closed');
    });
  }

  it('stopped and started under load, with two gateways: never over, and the counters agree with the ledger', async () => {
    const redis = await ownRedis();
    const prefix = newPrefix();
    const ledger = new LedgerDouble();
    const each: GatewayOptions = {
      url: redis.url,
      prefix,
      onFailure: 'closed',
      rebuild: ledger.rebuild,
      recoveryMs: 300,
    };
    const gateways = [await gateway(each), await gateway(each)];
    for (const { limits } of gateways) limits.start();
    const budget = limitOf('usd', 30_000, 'month');
    let held = 0;
    let stop = false;
    let admitted = 0;
    const client = async (i: number) => {
      const { limits } = gateways[i % 2]!;
      while (!stop) {
        const outcome = await take(limits, [budget, limitOf('concurrent', 5, null)], estimate(10, 20));
        if (outcome.kind !== 'reserved') {
          await sleep(2);
          continue;
        }
        admitted += 1;
        held += 30;
        assert.ok(ledger.sum(budget) + held <= 30_000, 'over');
        await sleep(1 + (i % 7));
        held -= 30;
        await ledger.finish(limits, outcome.hold, used(10, i % 21));
      }
    };
    const clients = Array.from({ length: 40 }, (_, i) => client(i));
    await until('load', () => admitted > 50);
    for (const how of ['SIGKILL', 'SIGTERM'] as const) {
      await redis.stop(how);
      await sleep(50);
      await redis.start();
      const before = admitted;
      await until('load again', () => admitted > before + 50 || ledger.sum(budget) > 29_000);
      await redis.command('FLUSHALL');
      const then = admitted;
      await until('load after a flush', () => admitted > then + 50 || ledger.sum(budget) > 29_000);
    }
    stop = true;
    await Promise.all(clients);
    await until('settled', async () => (await gateways[0]!.limits.read([budget]))?.[0]?.held === 0);
    assert.deepEqual(await levels(gateways[1]!.limits, budget), [ledger.sum(budget), 0]);
    for (const { limits } of gateways) await limits.close();
  });
});

describe('Redis that lost its counters', () => {
  const two = async (redis: TestRedis, recoveryMs: number) => {
    const ledger = new LedgerDouble();
    const options: GatewayOptions = {
      url: redis.url,
      prefix: newPrefix(),
      onFailure: 'local',
      rebuild: ledger.rebuild,
      recoveryMs,
      timeoutMs: 2000, // no failure is wanted here: a slow machine must not look like a Redis that is away
    };
    return { ledger, options, one: await gateway(options), other: await gateway(options) };
  };
  const refusedWhile = async (gateway: Gateway, limit: Limit): Promise<number> => {
    let refused = 0;
    await until('known', async () => {
      const outcome = await take(gateway.limits, [limit], estimate(1));
      if (outcome.kind === 'unavailable') refused += 1;
      else if (outcome.kind === 'reserved') await gateway.limits.release(outcome.hold);
      return outcome.kind !== 'unavailable';
    });
    return refused;
  };

  it('is told again what is open by every gateway before a budget is admitted', async () => {
    const { ledger, one, other } = await two(await sharedRedis(), 300);
    const budget = limitOf('usd', 1000, 'month');
    const slots = limitOf('concurrent', 2, null);
    await ledger.finish(one.limits, reserved(await take(one.limits, [budget], estimate(100))), used(100, 0));
    const ours = reserved(await take(one.limits, [budget, slots], estimate(200)));
    const theirs = reserved(await take(other.limits, [budget, slots], estimate(300)));
    await (await sharedRedis()).command('FLUSHALL');
    const outcome = await take(one.limits, [budget], estimate(700));
    assert.ok(outcome.kind === 'unavailable' && outcome.retryAfterMs > 200 && outcome.retryAfterMs <= 300);
    assert.equal(one.store.state, 'recovering');
    reserved(await take(one.limits, [limitOf('requests', 1, 'minute')]));
    await other.limits.beat();
    assert.ok((await refusedWhile(one, budget)) > 0);
    assert.deepEqual(await levels(one.limits, budget), [100, 500]);
    assert.deepEqual(await levels(other.limits, slots), [0, 2]);
    denied(await take(one.limits, [budget], estimate(401)));
    await ledger.finish(one.limits, ours, used(150, 0));
    await ledger.finish(other.limits, theirs, used(250, 0));
    assert.deepEqual(await levels(one.limits, budget), [500, 0]);
    assert.deepEqual(await levels(one.limits, slots), [0, 0]);
  });

  it('settles holds that it had forgotten, once', async () => {
    const { ledger, one, other } = await two(await sharedRedis(), 200);
    const budget = limitOf('usd', 1000, 'month');
    const posted = reserved(await take(other.limits, [budget], estimate(200)));
    const unposted = reserved(await take(other.limits, [budget], estimate(300)));
    await (await sharedRedis()).command('FLUSHALL');
    await ledger.finish(other.limits, posted, used(20, 0));
    await other.limits.settle(unposted, used(30, 0), 'exact');
    await refusedWhile(one, budget);
    assert.deepEqual(await levels(one.limits, budget), [50, 0]);
    ledger.append(unposted, used(30, 0));
    other.limits.posted([unposted.id]);
    await other.limits.beat();
    assert.deepEqual(await levels(one.limits, budget), [50, 0]);
  });

  it('rebuilds a counter that was evicted, with the holds of all gateways, open and settled', async () => {
    const redis = await sharedRedis();
    const { ledger, options, one, other } = await two(redis, 0);
    const budget = limitOf('usd', 1000, 'month');
    const slots = limitOf('concurrent', 5, null);
    await ledger.finish(one.limits, reserved(await take(one.limits, [budget], estimate(100))), used(100, 0));
    const settled = reserved(await take(one.limits, [budget], estimate(50)));
    ledger.append(settled, used(40, 0)); // the entry is there, but nobody said so: it must not count twice
    await one.limits.settle(settled, used(40, 0), 'exact');
    const open = reserved(await take(other.limits, [budget, slots], estimate(300)));
    const keys = (await redis.command('KEYS', `${options.prefix}:1:c:*`)) as string[];
    assert.equal(keys.length, 2);
    await redis.command('DEL', ...keys);
    assert.equal(denied(await take(one.limits, [budget, slots], estimate(561))).held, 300);
    assert.deepEqual(await levels(one.limits, budget), [140, 300]);
    assert.deepEqual(await levels(one.limits, slots), [0, 1]);
    await redis.command('DEL', ...keys);
    await ledger.finish(other.limits, open, used(200, 0));
    assert.deepEqual(await levels(one.limits, budget), [340, 0]);
    assert.deepEqual(await levels(one.limits, slots), [0, 0]);
  });

  it('counts what is settled while a rebuild reads the ledger, and lets two gateways rebuild but once', async () => {
    const redis = await sharedRedis();
    const ledger = new LedgerDouble();
    let during = async () => {};
    let rebuilds = 0;
    const rebuild: GatewayOptions['rebuild'] = async (limit, window, except) => {
      rebuilds += 1;
      await during();
      return ledger.rebuild(limit, window, except);
    };
    const options: GatewayOptions = { url: redis.url, prefix: newPrefix(), rebuild, timeoutMs: 2000 };
    const [one, other] = [await gateway(options), await gateway(options)];
    const budget = limitOf('usd', 1000, 'month');
    const first = reserved(await take(one.limits, [budget], estimate(100)));
    const second = reserved(await take(one.limits, [budget], estimate(100)));
    await redis.command('DEL', ...((await redis.command('KEYS', `${options.prefix}:1:c:*`)) as string[]));
    during = async () => {
      during = async () => {};
      await ledger.finish(one.limits, first, used(70, 0));
      await one.limits.beat(); // which forgets the hold, whose entry is posted
    };
    rebuilds = 0;
    const outcomes = await Promise.all([
      take(one.limits, [budget], estimate(1)),
      take(other.limits, [budget], estimate(1)),
    ]);
    for (const outcome of outcomes) reserved(outcome);
    assert.equal(rebuilds, 1);
    await ledger.finish(one.limits, second, used(30, 0));
    assert.deepEqual(await levels(other.limits, budget), [100, 2]);
  });

  it('does not believe the copy from which a server was restored', async () => {
    const redis = await ownRedis(['--save', '3600 1']);
    const { ledger, one } = await two(redis, 100);
    const budget = limitOf('usd', 1000, 'month');
    await ledger.finish(one.limits, reserved(await take(one.limits, [budget], estimate(100))), used(100, 0));
    await redis.command('SAVE');
    await ledger.finish(one.limits, reserved(await take(one.limits, [budget], estimate(600))), used(600, 0));
    const running = reserved(await take(one.limits, [budget], estimate(50)));
    await redis.stop('SIGKILL');
    await redis.start();
    await until('back', () => one.store.state === 'redis');
    assert.equal(denied(await take(one.limits, [budget], estimate(251))).spent, 700);
    assert.deepEqual(await levels(one.limits, budget), [700, 50]);
    await ledger.finish(one.limits, running, used(1, 0));
    assert.deepEqual(await levels(one.limits, budget), [701, 0]);
  });

  it('loads its scripts again where it forgot them', async () => {
    const redis = await sharedRedis();
    const { one } = await two(redis, 0);
    await redis.command('SCRIPT', 'FLUSH');
    reserved(await take(one.limits, [limitOf('usd', 1000, 'month')], estimate(1)));
    assert.equal(one.store.state, 'redis');
  });
});
