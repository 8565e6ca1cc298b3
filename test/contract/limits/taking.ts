/** What a store of limits takes and refuses: all or nothing, budgets, slots, rates. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Limit } from '../../../src/limits/limit.js';
import { denied, estimate, levels, limitOf, type MakeRig, newKey, reserved, spec, take, used } from './rig.js';

export function taking(make: MakeRig): void {
  describe('all or nothing', () => {
    it('takes every limit of a request in one step', async () => {
      const { limits } = await make();
      const all = [
        limitOf('requests', 10, 'minute'),
        limitOf('tokens', 100, 'hour'),
        limitOf('usd', 1000, 'month'),
        limitOf('concurrent', 2, null),
      ];
      const hold = reserved(await take(limits, all, estimate(30, 20)));
      assert.deepEqual(
        hold.parts.map((part) => [part.amount, part.remaining]),
        [
          [1, 9],
          [50, 50],
          [50, 950],
          [1, 1],
        ],
      );
      assert.deepEqual(await Promise.all(all.map((limit) => levels(limits, limit))), [
        [1, 0],
        [50, 0],
        [0, 50],
        [0, 1],
      ]);
    });

    it('takes nothing where one limit refuses', async () => {
      const { limits } = await make();
      const fine = [limitOf('requests', 10, 'minute'), limitOf('usd', 1000, 'day'), limitOf('concurrent', 2, null)];
      const full = limitOf('requests', 1, 'hour');
      reserved(await take(limits, [full]));
      assert.equal(denied(await take(limits, [...fine, full], estimate(10))).limit, full);
      for (const limit of fine) assert.deepEqual(await levels(limits, limit), [0, 0]);
    });

    it('lets a request without limits pass', async () => {
      const { limits } = await make();
      const hold = reserved(await take(limits, [], estimate(1, 77)));
      assert.equal(hold.outputTokens, 77);
      assert.deepEqual(await limits.settle(hold, used(1, 1), 'exact'), []);
    });

    it('takes the tighter of two limits that share a counter', async () => {
      const { limits } = await make();
      const scope = newKey();
      const both = [new Limit(scope, spec('requests', 5, 'minute')), new Limit(scope, spec('requests', 1, 'minute'))];
      reserved(await take(limits, both));
      assert.equal(denied(await take(limits, both)).max, 1);
    });

    it('keeps what was counted where the maximum changes', async () => {
      const { limits } = await make();
      const scope = newKey();
      reserved(await take(limits, [new Limit(scope, spec('usd', 100, 'month'))], estimate(60)));
      const lower = denied(await take(limits, [new Limit(scope, spec('usd', 50, 'month'))], estimate(1)));
      assert.deepEqual([lower.max, lower.held, lower.remaining], [50, 60, 0]);
      reserved(await take(limits, [new Limit(scope, spec('usd', 200, 'month'))], estimate(60)));
    });

    it('names the budget before a rate, and of rates the one with the longest wait', async () => {
      const { limits } = await make();
      const minute = limitOf('requests', 1, 'minute');
      const hour = limitOf('requests', 1, 'hour');
      const slot = limitOf('concurrent', 1, null);
      const budget = limitOf('usd', 10, 'day');
      reserved(await take(limits, [minute, hour, slot, budget], estimate(5)));
      assert.equal(denied(await take(limits, [slot, minute, hour], estimate(8))).limit, hour);
      assert.equal(denied(await take(limits, [slot, minute, budget, hour], estimate(8))).limit, budget);
      assert.equal(denied(await take(limits, [slot], estimate(8))).limit, slot);
    });
  });

  describe('budgets', () => {
    it('holds the worst case, then counts what was used', async () => {
      const { limits } = await make();
      const budget = limitOf('usd', 1000, 'month');
      const hold = reserved(await take(limits, [budget], estimate(100, 300)));
      assert.deepEqual(await levels(limits, budget), [0, 400]);
      await limits.settle(hold, used(90, 50), 'exact');
      assert.deepEqual(await levels(limits, budget), [140, 0]);
    });

    it('clamps the output to what the tightest budget affords, rounding what is held up', async () => {
      const { limits } = await make();
      const money = limitOf('usd', 1000, 'month');
      const tokens = limitOf('tokens', 5000, 'day');
      // 100 for the input leaves 900, which buys 2571 tokens at 350 pico-dollars; 2571 of them cost 899.85.
      const hold = reserved(await take(limits, [money, tokens], estimate(100, 4000, { outputPicoMost: 350 })));
      assert.equal(hold.outputTokens, 2571);
      assert.deepEqual(await levels(limits, money), [0, 1000]);
      assert.deepEqual(await levels(limits, tokens), [0, 2671]);
    });

    it('refuses where it affords less than the least useful output, and says what it affords', async () => {
      const { limits } = await make();
      const budget = limitOf('usd', 100, 'month');
      const denial = denied(await take(limits, [budget], estimate(95, 50, { min: 10 })));
      assert.deepEqual(
        [denial.affordableOutput, denial.asked, denial.remaining, denial.retryAfterMs],
        [5, 105, 100, null],
      );
      assert.equal(denial.windowEndsAtMs, Date.parse('2026-12-01T00:00:00Z'));
      assert.equal(denied(await take(limits, [budget], estimate(101, 50))).affordableOutput, -1);
    });

    it('refuses instead of clamping where the limit says so', async () => {
      const { limits } = await make();
      const budget = limitOf('usd', 100, 'month', { on_exhausted: 'reject' });
      assert.equal(denied(await take(limits, [budget], estimate(50, 51))).affordableOutput, 50);
      assert.equal(reserved(await take(limits, [budget], estimate(50, 50))).outputTokens, 50);
    });

    it('lets pass what costs nothing, though it is spent', async () => {
      const { limits } = await make();
      const budget = limitOf('usd', 10, 'total');
      await limits.settle(reserved(await take(limits, [budget], estimate(10))), used(10, 5), 'exact');
      assert.deepEqual(await levels(limits, budget), [15, 0]);
      denied(await take(limits, [budget], estimate(1)));
      reserved(await take(limits, [budget], estimate(0, 10, { outputPicoMost: 0 })));
    });

    it('is exact with amounts near 2^53', async () => {
      const { limits } = await make();
      const max = 9_000_000_000_000_000;
      const budget = limitOf('usd', max, 'total');
      const hold = reserved(
        await take(limits, [budget], estimate(0, 1, { inputNanoMost: max - 2, outputPicoMost: 999 })),
      );
      assert.deepEqual(await levels(limits, budget), [0, max - 1]);
      reserved(await take(limits, [budget], estimate(1)));
      denied(await take(limits, [budget], estimate(1)));
      await limits.settle(hold, { ...used(0, 0), usdNano: max - 3 }, 'exact');
      assert.deepEqual(await levels(limits, budget), [max - 3, 1]);
    });

    it('counts into the window in which it was taken, and begins anew in the next', async () => {
      const { limits, clock } = await make();
      const budget = limitOf('usd', 100, 'day', { timezone: 'Asia/Tokyo' });
      clock.advance(Date.parse('2026-11-24T14:59:59Z') - clock.now());
      const hold = reserved(await take(limits, [budget], estimate(100)));
      assert.equal(
        denied(await take(limits, [budget], estimate(1))).windowEndsAtMs,
        Date.parse('2026-11-24T15:00:00Z'),
      );
      clock.advance(1000);
      reserved(await take(limits, [budget], estimate(100)));
      await limits.settle(hold, used(100, 0), 'exact');
      assert.deepEqual(await levels(limits, budget), [0, 100]);
    });

    it('tells which marks a settlement crossed, each once', async () => {
      const { limits } = await make();
      const budget = limitOf('usd', 100, 'month', { warn_at: [0.5, 0.8, 1] });
      const spend = async (n: number) => {
        const hold = reserved(await take(limits, [budget], estimate(n)));
        return (await limits.settle(hold, used(n, 0), 'exact')).map(({ mark, spent }) => [mark, spent]);
      };
      assert.deepEqual(await spend(49), []);
      assert.deepEqual(await spend(1), [[0.5, 50]]);
      assert.deepEqual(await spend(50), [
        [0.8, 100],
        [1, 100],
      ]);
    });
  });

  describe('slots', () => {
    it('are taken while a request runs', async () => {
      const { limits } = await make();
      const slots = limitOf('concurrent', 2, null);
      const first = reserved(await take(limits, [slots]));
      reserved(await take(limits, [slots]));
      const denial = denied(await take(limits, [slots]));
      assert.deepEqual([denial.held, denial.retryAfterMs, denial.windowEndsAtMs], [2, null, null]);
      await limits.settle(first, used(1, 1), 'exact');
      reserved(await take(limits, [slots]));
      assert.deepEqual(await levels(limits, slots), [0, 2]);
    });
  });

  describe('rates', () => {
    for (const [per, ms] of [
      ['second', 1000],
      ['minute', 60_000],
      ['hour', 3_600_000],
    ] as const) {
      it(`says to the millisecond when the next request of a ${per} fits`, async () => {
        const { limits, clock } = await make();
        const rate = limitOf('tokens', 100, per);
        reserved(await take(limits, [rate], estimate(60)));
        clock.advance(ms / 10);
        reserved(await take(limits, [rate], estimate(40)));
        clock.advance(ms / 10);
        assert.equal(denied(await take(limits, [rate], estimate(60))).retryAfterMs, ms * 0.8);
        const { retryAfterMs } = denied(await take(limits, [rate], estimate(61)));
        assert.equal(retryAfterMs, ms * 0.9);
        clock.advance(retryAfterMs! - 1);
        denied(await take(limits, [rate], estimate(61)));
        clock.advance(1);
        reserved(await take(limits, [rate], estimate(61)));
      });
    }

    it('never wait for what never fits', async () => {
      const { limits } = await make();
      const rate = limitOf('tokens', 100, 'minute');
      const denial = denied(await take(limits, [rate], estimate(101)));
      assert.deepEqual([denial.retryAfterMs, denial.asked], [null, 101]);
    });

    it('do not refuse for ever because much output is expected', async () => {
      const { limits } = await make();
      const rate = limitOf('tokens', 100, 'minute');
      const hold = reserved(await take(limits, [rate], estimate(10, 5000)));
      assert.equal(hold.outputTokens, 5000);
      assert.deepEqual(await levels(limits, rate), [100, 0]);
    });

    it('give back what was not used, from when it was taken', async () => {
      const { limits, clock } = await make();
      const rate = limitOf('tokens', 100, 'minute');
      const hold = reserved(await take(limits, [rate], estimate(50, 50)));
      clock.advance(30_000);
      await limits.settle(hold, used(50, 10), 'exact');
      assert.deepEqual(await levels(limits, rate), [60, 0]);
      clock.advance(30_000);
      assert.deepEqual(await levels(limits, rate), [0, 0]);
    });

    it('take the worst case where they are to be hard, and then nothing makes them go over', async () => {
      const { limits } = await make();
      const rate = limitOf('tokens', 100, 'hour', { hold: 'worst' });
      const soft = limitOf('tokens', 100, 'hour');
      const what = estimate(10, 40, { output: { want: 40, min: 1, expected: 5 } });
      const hold = reserved(await take(limits, [rate, soft], what));
      assert.deepEqual(
        [await levels(limits, rate), await levels(limits, soft)],
        [
          [50, 0],
          [15, 0],
        ],
      );
      reserved(await take(limits, [rate], what));
      assert.equal(denied(await take(limits, [rate], what)).limit, rate);
      await limits.settle(hold, used(10, 2), 'exact');
      reserved(await take(limits, [rate], estimate(10, 28)));
      assert.equal(
        denied(await take(limits, [limitOf('tokens', 49, 'hour', { hold: 'worst' })], what)).retryAfterMs,
        null,
      );
    });

    it('count what was used beyond the expectation from when it is known', async () => {
      const { limits, clock } = await make();
      const rate = limitOf('tokens', 100, 'minute');
      const hold = reserved(await take(limits, [rate], estimate(50, 500, { expected: 40 })));
      clock.advance(30_000);
      await limits.settle(hold, used(50, 140), 'exact');
      assert.deepEqual(await levels(limits, rate), [190, 0]);
      assert.equal(denied(await take(limits, [rate], estimate(1))).retryAfterMs, 30_000 + 30_000);
      clock.advance(30_000);
      assert.deepEqual(await levels(limits, rate), [100, 0]);
    });

    it('give nothing back into a window that is over', async () => {
      const { limits, clock } = await make();
      const rate = limitOf('tokens', 100, 'second');
      const hold = reserved(await take(limits, [rate], estimate(100)));
      clock.advance(5000);
      reserved(await take(limits, [rate], estimate(70)));
      await limits.settle(hold, used(10, 0), 'exact');
      assert.deepEqual(await levels(limits, rate), [70, 0]);
    });
  });
}
