import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { justARequest } from '../../src/limits/amount.js';
import type { AttemptUse } from '../../src/limits/attempt-use.js';
import { Part } from '../../src/limits/hold.js';
import { Limit } from '../../src/limits/limit.js';
import { Limits, type LimitsOptions } from '../../src/limits/limits.js';
import { MemoryStore } from '../../src/limits/memory.js';
import {
  attempted,
  denied,
  estimate,
  LEASE_MS,
  levels,
  limitOf,
  newKey,
  reserved,
  spec,
  take,
  used,
} from '../contract/limits/rig.js';
import { ManualClock } from '../support/clock.js';

const rig = (options: Partial<LimitsOptions> = {}, replicas = 1) => {
  const clock = new ManualClock();
  const store = new MemoryStore(clock, { leaseMs: LEASE_MS, replicas });
  return { clock, store, limits: new Limits({ ...options, clock, store }) };
};

describe('limits in memory, a process alone', () => {
  it('answer without a promise once the budgets are known', async () => {
    const { limits } = rig();
    const all = [limitOf('requests', 5, 'minute'), limitOf('usd', 100, 'month'), limitOf('concurrent', 5, null)];
    const request = { limits: all, estimate: estimate(10) };
    assert.ok(limits.reserve({ id: 'first', ...request }) instanceof Promise, 'the first use asks the ledger');
    await limits.read(all);
    const outcome = limits.reserve({ id: 'second', ...request });
    assert.ok(!(outcome instanceof Promise) && outcome.kind === 'reserved');
    assert.deepEqual(limits.settle(outcome.hold, used(1, 1), 'exact'), []);
  });

  it('drop the counters of windows that are past, and keep those in use', async () => {
    const { limits, clock, store } = rig();
    const slot = limitOf('concurrent', 5, null);
    const running = reserved(await take(limits, [slot]));
    const total = limitOf('usd', 1000, 'total');
    const day = limitOf('usd', 1000, 'day');
    for (let i = 0; i < 3000; i++) {
      const scope = newKey();
      const hold = reserved(
        await take(
          limits,
          [new Limit(scope, spec('requests', 5, 'minute')), new Limit(scope, spec('usd', 90, 'day'))],
          estimate(1),
        ),
      );
      await limits.settle(hold, used(1, 0), 'exact');
    }
    await limits.settle(reserved(await take(limits, [total, day], estimate(7))), used(7, 0), 'exact');
    const across = reserved(await take(limits, [day], estimate(3)));
    assert.equal(store.size, 6003);
    const beats = async () => {
      for (let i = 0; i < 20; i++) await limits.beat();
    };
    for (let i = 0; i < 7; i++) {
      clock.advance(9_000);
      await limits.beat();
    }
    await beats();
    assert.equal(store.size, 3003, 'rates whose window is empty are gone');
    clock.step(86_400_000);
    await beats();
    assert.equal(store.size, 3, 'and days that are over, but not what open holds are part of');
    await limits.settle(running, used(0, 0), 'exact');
    await limits.settle(across, used(3, 0), 'exact');
    await beats();
    assert.equal(store.size, 1);
    assert.deepEqual(await levels(limits, total), [7, 0]);
  });

  it('are not moved by a wall clock that steps forth and back', async () => {
    const { limits, clock } = rig();
    const [rate, day, slots] = [
      limitOf('requests', 2, 'minute'),
      limitOf('usd', 100, 'day'),
      limitOf('concurrent', 9, null),
    ];
    reserved(await take(limits, [rate, slots], estimate(1)));
    clock.step(-3_600_000);
    reserved(await take(limits, [rate, slots], estimate(1)));
    clock.step(7_200_000);
    assert.equal(denied(await take(limits, [rate], estimate(1))).retryAfterMs, 60_000);
    clock.advance(59_999);
    denied(await take(limits, [rate], estimate(1)));
    clock.advance(1);
    reserved(await take(limits, [rate], estimate(1)));
    assert.deepEqual(await levels(limits, slots), [0, 0], 'leases too go by the time that passed');

    const hold = reserved(await take(limits, [day], estimate(100)));
    clock.step(86_400_000);
    reserved(await take(limits, [day], estimate(60)));
    clock.step(-86_400_000);
    denied(await take(limits, [day], estimate(1)));
    await limits.settle(hold, used(90, 0), 'exact');
    assert.deepEqual(await levels(limits, day), [90, 0]);
    clock.step(86_400_000);
    assert.deepEqual(await levels(limits, day), [0, 60]);
  });

  it('renew a hold no longer than a request may take, and hand out what lapsed to be closed', async () => {
    const lapsed: string[] = [];
    let known: readonly AttemptUse[] | undefined = attempted(30, 20);
    const onLapsed = async (id: string, note: string) => {
      lapsed.push(`${id} ${note}`);
      return known;
    };
    const { limits, clock } = rig({ onLapsed, longestHoldMs: 60_000 });
    const [budget, rate] = [limitOf('usd', 1000, 'month'), limitOf('tokens', 1000, 'hour')];
    const forgotten = await limits.reserve({ id: 'a', note: 'n', limits: [budget, rate], estimate: estimate(30, 70) });
    for (let i = 0; i < 10; i++) {
      clock.advance(10_000);
      await limits.beat();
      assert.deepEqual(await levels(limits, budget), i < 6 ? [0, 100] : [50, 0], `after ${i}`);
    }
    assert.deepEqual(lapsed, ['a n']);
    assert.deepEqual(await levels(limits, rate), [100, 0], 'it may have used what it took');
    await limits.settle(reserved(forgotten), used(30, 70), 'exact');
    assert.deepEqual(await levels(limits, budget), [100, 0], 'what is settled takes the place of what was closed');
    assert.deepEqual(await levels(limits, rate), [100, 0]);

    known = undefined;
    await limits.reserve({ id: 'b', limits: [budget], estimate: estimate(30, 70) });
    clock.advance(LEASE_MS);
    await limits.beat();
    assert.deepEqual(await levels(limits, budget), [130, 0]);
  });

  it('admit the share of a process among several: of what was left, and of a rate at least one', async () => {
    const { limits } = rig({ rebuild: async () => 40 }, 3);
    const budget = limitOf('usd', 100, 'month');
    reserved(await take(limits, [budget], estimate(20)));
    denied(await take(limits, [budget], estimate(1)));
    const rate = limitOf('requests', 10, 'minute');
    for (let i = 0; i < 3; i++) reserved(await take(limits, [rate]));
    denied(await take(limits, [rate]));
    const slot = limitOf('concurrent', 2, null);
    reserved(await take(limits, [slot]));
    denied(await take(limits, [slot]));
    denied(await take(limits, [limitOf('requests', 0, 'minute')]));
    const tokens = limitOf('tokens', 100, 'minute');
    reserved(await take(limits, [tokens], estimate(60)));
    denied(await take(limits, [tokens], estimate(1)));
  });

  it('are seeded by the last rebuild that began, once', () => {
    const { store, clock } = rig();
    const budget = limitOf('usd', 100, 'month');
    const part = new Part(budget, justARequest, clock.now(), null);
    const [first, second] = [store.begin(part), store.begin(part)];
    assert.ok(first.kind === 'rebuild' && second.kind === 'rebuild');
    store.seed(part, first.token, 10);
    assert.deepEqual(store.read([budget]), ['unknown']);
    store.seed(part, second.token, 20);
    store.seed(part, second.token, 20);
    assert.deepEqual(store.begin(part), { kind: 'known' });
    assert.deepEqual(store.read([budget]), [{ spent: 20, held: 0, resetMs: 0 }]);
  });

  it('refuse what is no amount as a fault, before it reaches a counter', async () => {
    const { limits } = rig();
    const [budget, rate] = [limitOf('usd', 100, 'month'), limitOf('tokens', 100, 'minute')];
    for (const wrong of [Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY, 2 ** 60]) {
      await assert.rejects(async () => take(limits, [budget], estimate(wrong)), RangeError);
      await assert.rejects(async () => take(limits, [budget], estimate(1, wrong)), RangeError);
      await assert.rejects(async () => take(limits, [budget], estimate(1, 1, { outputPicoMost: wrong })), RangeError);
    }
    const hold = reserved(await take(limits, [budget, rate], estimate(10)));
    await assert.rejects(async () => limits.settle(hold, used(Number.NaN, 0), 'exact'), RangeError);
    await limits.settle(hold, used(7, 0), 'exact');
    assert.deepEqual(await levels(limits, budget), [7, 0]);
  });

  it('do not believe a ledger that answers what is no amount', async () => {
    for (const wrong of [Number.NaN, -5, 0.5]) {
      const { limits } = rig({ rebuild: async () => wrong });
      assert.equal((await take(limits, [limitOf('usd', 100, 'month')], estimate(1))).kind, 'unavailable');
    }
  });

  it('give the ledger a bounded time', async () => {
    const { limits } = rig({ rebuild: () => new Promise(() => {}), rebuildTimeoutMs: 20 });
    const outcome = await take(limits, [limitOf('usd', 100, 'month')], estimate(1));
    assert.deepEqual(outcome, { kind: 'unavailable', retryAfterMs: 1000 });
  });
});
