/** Holds in Redis that others closed, since their gateway was not heard of: what is known of them later, and how late. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, it } from 'node:test';
import type { Entry } from '../../src/ledger/entry.js';
import type { AttemptUse } from '../../src/limits/attempt-use.js';
import type { Hold } from '../../src/limits/hold.js';
import type { Limit } from '../../src/limits/limit.js';
import { LateFacts } from '../../src/operations/late-facts.js';
import { entry } from '../contract/ledger.js';
import { attempted, estimate, LEASE_MS, levels, limitOf, newId, reserved, take, used } from '../contract/limits/rig.js';
import { ManualClock } from '../support/clock.js';
import { type Gateway, type GatewayOptions, openGateway } from '../support/limits-redis.js';
import { startRedis } from '../support/redis.js';

const redis = await startRedis();
after(() => redis.close());
const open: Gateway[] = [];
afterEach(async () => {
  for (const { limits } of open.splice(0)) await limits.close();
});

let prefixes = 0;

/** A ledger that knows of each hold one sum, and counts for a budget all that it knows. */
class Sums {
  readonly byHold = new Map<string, readonly AttemptUse[]>();
  asked = 0;

  readonly rebuild: NonNullable<GatewayOptions['rebuild']> = async (_limit, _window, except) => {
    this.asked += 1;
    let sum = 0;
    for (const [hold, attempts] of this.byHold) {
      if (!except.includes(hold)) for (const { usdNano } of attempts) sum += usdNano;
    }
    return sum;
  };

  readonly ofHolds = async (holds: readonly { readonly hold: string }[]) =>
    new Map(holds.flatMap(({ hold }) => (this.byHold.has(hold) ? [[hold, this.byHold.get(hold)!] as const] : [])));
}

async function rig(more: Partial<GatewayOptions> = {}) {
  const clock = new ManualClock();
  const sums = new Sums();
  const prefix = `{closed-${++prefixes}}`;
  const gateway = async () => {
    const opened = await openGateway({
      ...{ url: redis.url, prefix, clock, rebuild: sums.rebuild, timeoutMs: 5_000 },
      onLapsed: async (id) => {
        if (!sums.byHold.has(id)) sums.byHold.set(id, attempted(9, 0));
        return sums.byHold.get(id);
      },
      ...more,
    });
    open.push(opened);
    return opened;
  };
  const [owner, other] = [await gateway(), await gateway()];
  const budget = limitOf('usd', 1_000, 'month', { warn_at: [0.02, 0.05, 0.5] });
  const rate = limitOf('tokens', 1_000, 'hour');
  const hold = reserved(
    await owner.limits.reserve({ id: newId(), limits: [budget, rate], estimate: estimate(30, 70), note: 'n' }),
  );
  /** Nobody hears of the owner, and the other one closes its hold. */
  const lapse = async () => {
    clock.advance(LEASE_MS + 1);
    await other.limits.beat();
    assert.deepEqual(await levels(other.limits, budget), [9, 0]);
  };
  return { clock, sums, owner, other, gateway, budget, rate, hold, lapse };
}

const entryOf = (hold: Hold): Entry => entry({ hold: hold.id, held_at: Date.parse('2026-11-24T12:00:00Z') });

/** Tells what the ledger came to know of a hold, and waits until that is told. */
async function tell(
  { limits }: Gateway,
  sums: Sums,
  hold: Hold,
  limitsOf: readonly Limit[] = [],
  errors: unknown[] = [],
  marks: number[] = [],
): Promise<void> {
  const late = new LateFacts();
  let again: (() => void) | undefined;
  late.start({
    ...{ limits, spent: sums, limitsOf: async () => limitsOf },
    models: () => ({ get: () => undefined }),
    onMarks: (beyond) => void marks.push(...beyond.map(({ mark }) => mark)),
    onError: (error) => void errors.push(error),
    after: (_, run) => {
      again = run;
      return () => {};
    },
  });
  late.add([entryOf(hold)]);
  await late.idle();
  for (let tries = 0; again && tries < 50; tries++) {
    const run = again;
    again = undefined;
    await new Promise((resolve) => setTimeout(resolve, 20));
    run();
    await late.idle();
  }
  await late.close();
}

describe('a hold that another gateway closed', () => {
  it('counts what the ledger came to know of it, budget and rate, however often that is told', async () => {
    const { sums, other, budget, rate, hold, lapse } = await rig();
    await lapse();
    for (const [input, output] of [
      [30, 5],
      [30, 5],
      [20, 5],
      [30, 90],
    ] as const) {
      sums.byHold.set(hold.id, attempted(input, output));
      await tell(other, sums, hold);
      assert.deepEqual(await levels(other.limits, budget), [input + output, 0]);
      assert.deepEqual(await levels(other.limits, rate), [input + output, 0]);
    }
  });

  it('tells of the marks that the correction took the budget beyond, and of none that it did not', async () => {
    const { sums, other, budget, hold, lapse } = await rig();
    await lapse();
    const told: number[] = [];
    sums.byHold.set(hold.id, attempted(5, 5));
    await tell(other, sums, hold, [budget], [], told);
    assert.deepEqual(told, []);
    sums.byHold.set(hold.id, attempted(30, 40));
    await tell(other, sums, hold, [budget], [], told);
    assert.deepEqual(told, [0.02, 0.05]);
  });

  it('counts it before it is closed, and is then not closed at less', async () => {
    const { clock, sums, owner, other, budget, hold } = await rig();
    clock.advance(LEASE_MS + 1);
    assert.deepEqual(await levels(other.limits, budget), [30, 0], 'lapsed');
    sums.byHold.set(hold.id, attempted(30, 20));
    await tell(other, sums, hold);
    sums.byHold.set(hold.id, attempted(1, 1));
    await other.limits.beat();
    assert.deepEqual(await levels(other.limits, budget), [50, 0]);
    await owner.limits.settle(hold, used(30, 25), 'exact');
    assert.deepEqual(await levels(other.limits, budget), [55, 0]);
  });

  it('is counted by nobody else while it is open, and once it is settled', async () => {
    const { sums, owner, other, budget, rate, hold } = await rig();
    sums.byHold.set(hold.id, attempted(1, 1));
    await tell(other, sums, hold);
    assert.deepEqual(await levels(other.limits, budget), [0, 100]);
    await owner.limits.settle(hold, used(30, 25), 'exact');
    await tell(other, sums, hold);
    assert.deepEqual(await levels(other.limits, budget), [55, 0]);
    assert.deepEqual(await levels(other.limits, rate), [55, 0]);
  });

  it('is told as it ended by an owner that was cut off from Redis, budget and rate', async () => {
    let away = false;
    const { clock, owner, other, budget, rate, hold, lapse } = await rig({
      between: (link) => ({
        ...link,
        get ready() {
          return link.ready;
        },
        get runId() {
          return link.runId;
        },
        run: (...asked) => (away ? Promise.reject(new Error('away')) : link.run(...asked)),
      }),
    });
    await lapse();
    away = true;
    await owner.limits.settle(hold, used(30, 25), 'exact');
    away = false;
    for (let tries = 0; owner.store.state !== 'redis' && tries < 500; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    clock.advance(1);
    await owner.limits.beat();
    assert.deepEqual(await levels(other.limits, budget), [55, 0]);
    assert.deepEqual(await levels(other.limits, rate), [55, 0]);
  });

  it('and that was forgotten since is counted once when its owner settles it: the budget is asked of the ledger', async () => {
    const { clock, sums, owner, other, budget, hold, lapse } = await rig({ closedKeepMs: 60_000 });
    await lapse();
    clock.advance(61_000);
    await other.limits.beat();
    const asked = sums.asked;
    await owner.limits.settle(hold, used(30, 25), 'exact');
    sums.byHold.set(hold.id, attempted(30, 25));
    assert.deepEqual(await levels(other.limits, budget), [55, 0]);
    assert.equal(sums.asked, asked + 1);
    await take(other.limits, [budget], estimate(10));
    assert.deepEqual(await levels(other.limits, budget), [55, 10]);
  });

  it('and that was forgotten since: what the ledger came to know makes its budgets unknown, and they are asked of it', async () => {
    const { clock, sums, other, budget, hold, lapse } = await rig({ closedKeepMs: 60_000 });
    await lapse();
    clock.advance(61_000);
    await other.limits.beat();
    sums.byHold.set(hold.id, attempted(30, 40));
    await tell(other, sums, hold, [budget, limitOf('tokens', 5, 'hour')]);
    assert.deepEqual(await levels(other.limits, budget), [70, 0]);
  });

  it('is told again while the ledger does not answer', async () => {
    const { sums, other, budget, hold, lapse } = await rig();
    await lapse();
    sums.byHold.set(hold.id, attempted(30, 5));
    const { ofHolds } = sums;
    let fails = 2;
    const errors: unknown[] = [];
    const failing = Object.assign(Object.create(sums) as Sums, {
      ofHolds: async (holds: readonly { readonly hold: string }[]) => {
        if (fails-- > 0) throw new Error('the database is away');
        return ofHolds(holds);
      },
    });
    await tell(other, failing, hold, [], errors);
    assert.deepEqual(await levels(other.limits, budget), [35, 0]);
    assert.equal(errors.length, 1, 'told of once');
  });

  it('many at once are all counted', async () => {
    const { clock, sums, owner, other, budget } = await rig();
    const holds: Hold[] = [];
    for (let i = 0; i < 450; i++) {
      const taken = await owner.limits.reserve({ id: newId(), limits: [budget], estimate: estimate(1, 0), note: 'n' });
      if (taken.kind === 'reserved') holds.push(taken.hold);
    }
    assert.equal(holds.length, 450);
    clock.advance(LEASE_MS + 1);
    await levels(other.limits, budget);
    const late = new LateFacts();
    for (const { id } of holds) sums.byHold.set(id, attempted(1, 1));
    late.add(holds.map(entryOf));
    late.start({
      ...{ limits: other.limits, spent: sums, limitsOf: async () => [] },
      models: () => ({ get: () => undefined }),
      onMarks: () => assert.fail(),
      onError: assert.fail,
      after: () => () => {},
    });
    await late.idle();
    await late.close();
    // The hold of the rig is counted at what was known when it was taken.
    assert.deepEqual(await levels(other.limits, budget), [900 + 30, 0]);
  });
});
