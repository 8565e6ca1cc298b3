/** Holds whose owner is gone, and budgets that are not known. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Estimate } from '../../../src/limits/amount.js';
import type { AttemptUse } from '../../../src/limits/attempt-use.js';
import { Limit, type Scope } from '../../../src/limits/limit.js';
import {
  attempted,
  denied,
  estimate,
  LEASE_MS,
  levels,
  limitOf,
  type MakeRig,
  newId,
  newKey,
  reserved,
  spec,
  take,
  used,
} from './rig.js';

export function leases(make: MakeRig): void {
  describe('leases', () => {
    it('of a hold that nobody renews lapse: slots are free, budgets count what was known', async () => {
      const { limits, clock } = await make();
      const [budget, slots, rate] = [
        limitOf('usd', 100, 'month'),
        limitOf('concurrent', 1, null),
        limitOf('tokens', 100, 'hour'),
      ];
      reserved(await take(limits, [budget, slots, rate], estimate(30, 70)));
      clock.advance(LEASE_MS - 1);
      denied(await take(limits, [slots]));
      clock.advance(1);
      reserved(await take(limits, [slots]));
      assert.deepEqual(await levels(limits, budget), [30, 0]);
      assert.deepEqual(await levels(limits, rate), [100, 0]);
    });

    it('are renewed by the beat while the request runs', async () => {
      const { limits, clock } = await make();
      const budget = limitOf('usd', 100, 'month');
      const hold = reserved(await take(limits, [budget], estimate(30, 70)));
      for (let i = 0; i < 40; i++) {
        clock.advance(LEASE_MS / 5);
        await limits.beat();
      }
      assert.deepEqual(await levels(limits, budget), [0, 100]);
      await limits.settle(hold, used(30, 5), 'exact');
      assert.deepEqual(await levels(limits, budget), [35, 0]);
    });

    it('that are over do not keep a late settlement from counting once', async () => {
      const { limits, clock } = await make();
      const [budget, slots] = [limitOf('usd', 100, 'month'), limitOf('concurrent', 3, null)];
      const hold = reserved(await take(limits, [budget, slots], estimate(30, 70)));
      clock.advance(LEASE_MS + 1);
      assert.deepEqual(await levels(limits, budget), [30, 0]);
      await limits.settle(hold, used(30, 25), 'exact');
      await limits.settle(hold, used(30, 25), 'exact');
      assert.deepEqual(await levels(limits, budget), [55, 0]);
      assert.deepEqual(await levels(limits, slots), [0, 0]);
    });
  });

  describe('a hold that was closed without its owner', () => {
    /** Closed by whoever is there to do it, with what the ledger has of it. */
    const closedAt = async (attempts: readonly AttemptUse[] | undefined, of: readonly Limit[], what: Estimate) => {
      const rig = await make({ onLapsed: async () => attempts });
      const hold = reserved(await rig.limits.reserve({ id: newId(), limits: of, estimate: what, note: 'n' }));
      rig.clock.advance(LEASE_MS + 1);
      await (rig.other ?? rig.limits).beat();
      return { ...rig, hold };
    };

    it('counts what the ledger has of it, and what its owner knows when it comes after all', async () => {
      const [budget, slots, rate] = [
        limitOf('usd', 1000, 'month'),
        limitOf('concurrent', 3, null),
        limitOf('tokens', 1000, 'hour'),
      ];
      const { limits, hold } = await closedAt(attempted(9, 0), [budget, slots, rate], estimate(30, 70));
      assert.deepEqual(await levels(limits, budget), [9, 0]);
      assert.deepEqual(await levels(limits, slots), [0, 0]);
      assert.deepEqual(await levels(limits, rate), [100, 0]);
      for (let i = 0; i < 3; i++) {
        await limits.settle(hold, used(30, 25), 'exact');
        assert.deepEqual(await levels(limits, budget), [55, 0]);
        assert.deepEqual(await levels(limits, slots), [0, 0]);
        assert.deepEqual(await levels(limits, rate), [55, 0]);
      }
    });

    it('counts more than it took, where that is what was used', async () => {
      const [budget, rate] = [limitOf('usd', 1000, 'month'), limitOf('tokens', 1000, 'hour')];
      const { limits, hold } = await closedAt(attempted(9, 0), [budget, rate], estimate(30, 70));
      await limits.settle(hold, used(30, 400), 'exact');
      assert.deepEqual(await levels(limits, budget), [430, 0]);
      assert.deepEqual(await levels(limits, rate), [430, 0]);
    });

    it('gives everything back where its owner sent nothing', async () => {
      const [budget, rate] = [limitOf('usd', 1000, 'month'), limitOf('requests', 10, 'hour')];
      const { limits, hold } = await closedAt(attempted(9, 0), [budget, rate], estimate(30, 70));
      await limits.release(hold);
      assert.deepEqual(await levels(limits, budget), [0, 0]);
      assert.deepEqual(await levels(limits, rate), [0, 0]);
    });

    it('counts what was known when it was taken, where the ledger has nothing of it', async () => {
      const budget = limitOf('usd', 1000, 'month');
      const { limits, hold } = await closedAt(undefined, [budget], estimate(30, 70));
      assert.deepEqual(await levels(limits, budget), [30, 0]);
      await limits.settle(hold, used(30, 25), 'exact');
      assert.deepEqual(await levels(limits, budget), [55, 0]);
    });

    it('counts of each limit the attempts that it is about', async () => {
      const day = (scope: Scope, model: string | null = null) => new Limit(scope, spec('usd', 1000, 'day', { model }));
      const all: [limit: Limit, counted: number][] = [
        [day(newKey()), 111],
        [day(newKey(), 'gpt-4o*'), 11],
        [day(newKey(), `${'x'.repeat(200)}*`), 0],
        [day({ kind: 'model', id: 'gpt-4o' }), 1],
        [day({ kind: 'model', id: 'gpt-4o*' }), 11],
        [day({ kind: 'target', id: 'a/gpt-4o' }), 1],
        [day({ kind: 'target', id: 'b/"odd", 猫' }), 110],
      ];
      const attempts = [
        ...attempted(1, 0, { model: 'gpt-4o', target: 'a/gpt-4o' }),
        ...attempted(4, 6, { model: 'gpt-4o-mini', target: 'b/"odd", 猫' }),
        ...attempted(100, 0, { model: 'claude', target: 'b/"odd", 猫' }),
      ];
      const limits = all.map(([limit]) => limit);
      const rig = await closedAt(attempts, limits, estimate(200));
      for (const [limit, counted] of all)
        assert.deepEqual(await levels(rig.limits, limit), [counted, 0], limit.counter);
    });

    it('tells of the marks that its owner takes a budget over', async () => {
      const budget = limitOf('usd', 100, 'month', { warn_at: [0.05, 0.5] });
      const { limits, hold } = await closedAt(attempted(9, 0), [budget], estimate(30, 70));
      const crossed = await limits.settle(hold, used(30, 25), 'exact');
      assert.ok(crossed.some(({ mark }) => mark === 0.5));
    });
  });

  describe('budgets that are not known', () => {
    it('begin at what the ledger says, asked once for all who wait', async () => {
      let asked = 0;
      const { limits } = await make({
        rebuild: async (limit, window) => {
          asked += 1;
          assert.equal(limit.spec.unit, 'usd');
          assert.equal(window.id, '2026-11');
          return 60;
        },
      });
      const budget = limitOf('usd', 100, 'month');
      const outcomes = await Promise.all(Array.from({ length: 10 }, () => take(limits, [budget], estimate(10))));
      assert.equal(outcomes.filter(({ kind }) => kind === 'reserved').length, 4);
      assert.equal(asked, 1);
      assert.deepEqual(await levels(limits, budget), [60, 40]);
    });

    it('admit nothing while the ledger does not answer', async () => {
      let fail = true;
      const { limits } = await make({
        rebuild: async () => {
          if (fail) throw new Error('the database is away');
          return 0;
        },
      });
      const budget = limitOf('usd', 100, 'month');
      const slots = limitOf('concurrent', 1, null);
      assert.equal((await take(limits, [slots, budget], estimate(10))).kind, 'unavailable');
      assert.equal(await limits.read([budget]), undefined);
      fail = false;
      reserved(await take(limits, [slots, budget], estimate(10)));
    });
  });
}
