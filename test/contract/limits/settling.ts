/** What becomes of a hold that is settled, and of one that asks for more. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { justARequest } from '../../../src/limits/amount.js';
import { denied, estimate, levels, limitOf, type MakeRig, reserved, take, used } from './rig.js';

export function settling(make: MakeRig): void {
  describe('settling', () => {
    it('happens once, whatever comes after', async () => {
      const { limits } = await make();
      const [budget, rate, slots] = [
        limitOf('usd', 100, 'month'),
        limitOf('tokens', 100, 'minute'),
        limitOf('concurrent', 5, null),
      ];
      const hold = reserved(await take(limits, [budget, rate, slots], estimate(20, 20)));
      await Promise.all([limits.settle(hold, used(20, 10), 'exact'), limits.settle(hold, used(20, 20), 'exact')]);
      await limits.release(hold);
      assert.deepEqual(await Promise.all([budget, rate, slots].map((limit) => levels(limits, limit))), [
        [30, 0],
        [30, 0],
        [0, 0],
      ]);
    });

    it('gives everything back where nothing was sent', async () => {
      const { limits } = await make();
      const all = [
        limitOf('requests', 1, 'minute'),
        limitOf('requests', 1, 'day'),
        limitOf('usd', 10, 'month'),
        limitOf('concurrent', 1, null),
      ];
      await limits.release(reserved(await take(limits, all, estimate(10))));
      reserved(await take(limits, all, estimate(10)));
    });

    it('never gives back where it is only known that at least so much was used', async () => {
      const { limits } = await make();
      const [budget, rate, slots] = [
        limitOf('usd', 100, 'month'),
        limitOf('tokens', 100, 'minute'),
        limitOf('concurrent', 5, null),
      ];
      await limits.settle(
        reserved(await take(limits, [budget, rate, slots], estimate(20, 20))),
        used(20, 0),
        'at-least',
      );
      assert.deepEqual(await Promise.all([budget, rate, slots].map((limit) => levels(limits, limit))), [
        [40, 0],
        [40, 0],
        [0, 0],
      ]);
      await limits.settle(reserved(await take(limits, [budget, rate], estimate(20, 20))), used(20, 30), 'at-least');
      assert.deepEqual(await Promise.all([budget, rate].map((limit) => levels(limits, limit))), [
        [90, 0],
        [90, 0],
      ]);
    });

    it('takes a different use per limit', async () => {
      const { limits } = await make();
      const [key, target] = [limitOf('usd', 100, 'month'), limitOf('usd', 100, 'month')];
      const hold = reserved(await take(limits, [key, target], estimate(20, 20)));
      await limits.settle(hold, (limit) => (limit === target ? used(20, 0) : used(20, 7)), 'exact');
      assert.deepEqual(await Promise.all([key, target].map((limit) => levels(limits, limit))), [
        [27, 0],
        [20, 0],
      ]);
    });

    it('counts a cache hit as a request and nothing else', async () => {
      const { limits } = await make();
      const all = [
        limitOf('requests', 5, 'minute'),
        limitOf('requests', 5, 'day'),
        limitOf('tokens', 100, 'minute'),
        limitOf('usd', 100, 'month'),
      ];
      const hold = reserved(await take(limits, all, estimate(20, 20)));
      await limits.settle(hold, { requests: 1, inputTokens: 0, outputTokens: 0, usdNano: 0 }, 'exact');
      assert.deepEqual(await Promise.all(all.map((limit) => levels(limits, limit))), [
        [1, 0],
        [1, 0],
        [0, 0],
        [0, 0],
      ]);
    });
  });

  describe('asking for more', () => {
    it('raises what is held to a dearer estimate, in the same step checked', async () => {
      const { limits } = await make();
      const [budget, rate, other] = [
        limitOf('usd', 100, 'month'),
        limitOf('requests', 1, 'minute'),
        limitOf('usd', 50, 'day'),
      ];
      const hold = reserved(await take(limits, [budget, rate], estimate(10, 10)));
      reserved(await limits.amend(hold, { limits: [budget, rate, other], estimate: estimate(20, 30) }));
      assert.deepEqual(await Promise.all([budget, rate, other].map((limit) => levels(limits, limit))), [
        [0, 50],
        [1, 0],
        [0, 50],
      ]);
      await limits.settle(hold, used(20, 5), 'exact');
      assert.deepEqual(await Promise.all([budget, rate, other].map((limit) => levels(limits, limit))), [
        [25, 0],
        [1, 0],
        [25, 0],
      ]);
    });

    it('leaves the hold as it was where it is denied, and clamps where it can', async () => {
      const { limits } = await make();
      const budget = limitOf('usd', 100, 'month');
      const hold = reserved(await take(limits, [budget], estimate(10, 10)));
      reserved(await take(limits, [budget], estimate(50)));
      denied(await limits.amend(hold, { limits: [budget], estimate: estimate(60, 10) }));
      assert.deepEqual(await levels(limits, budget), [0, 70]);
      reserved(await limits.amend(hold, { limits: [budget], estimate: estimate(40, 100) }));
      assert.equal(hold.outputTokens, 10);
      assert.deepEqual(await levels(limits, budget), [0, 100]);
      await limits.settle(hold, used(1, 1), 'exact');
      assert.deepEqual(await levels(limits, budget), [2, 50]);
    });

    it('never lowers what is held, and stays in the window of the hold', async () => {
      const { limits, clock } = await make();
      const budget = limitOf('usd', 100, 'day');
      clock.advance(Date.parse('2026-11-24T23:59:58Z') - clock.now());
      const hold = reserved(await take(limits, [budget], estimate(50, 40)));
      clock.advance(5000);
      reserved(await limits.amend(hold, { limits: [budget], estimate: estimate(5, 5) }));
      denied(await limits.amend(hold, { limits: [budget], estimate: estimate(101) }));
      assert.deepEqual(await levels(limits, budget), [0, 0]);
    });

    it('lets go of the slots of what is left behind', async () => {
      const { limits } = await make();
      const [first, second] = [limitOf('concurrent', 1, null), limitOf('concurrent', 1, null)];
      const hold = reserved(await take(limits, [first]));
      reserved(await limits.amend(hold, { limits: [second], estimate: justARequest, free: [first] }));
      reserved(await take(limits, [first]));
      denied(await take(limits, [second]));
      await limits.release(hold);
      assert.deepEqual(await Promise.all([first, second].map((limit) => levels(limits, limit))), [
        [0, 1],
        [0, 0],
      ]);
    });

    it('is possible for a hold that had no limits', async () => {
      const { limits } = await make();
      const budget = limitOf('usd', 100, 'month');
      const hold = reserved(await take(limits, [], estimate(10)));
      reserved(await limits.amend(hold, { limits: [budget], estimate: estimate(20) }));
      assert.deepEqual(await levels(limits, budget), [0, 20]);
      await limits.settle(hold, used(15, 0), 'exact');
      assert.deepEqual(await levels(limits, budget), [15, 0]);
    });

    it('is of no use to a hold that is over', async () => {
      const { limits } = await make();
      const budget = limitOf('usd', 100, 'month');
      const hold = reserved(await take(limits, [budget], estimate(10)));
      await limits.settle(hold, used(10, 0), 'exact');
      assert.equal((await limits.amend(hold, { limits: [budget], estimate: estimate(20) })).kind, 'unavailable');
      assert.deepEqual(await levels(limits, budget), [10, 0]);
    });
  });
}
