/**
 * What every store of limits must do, whatever it is made of. `limitsContract` declares the tests; the files of the stores
 * say how one is made. Time is the rig's: nothing here waits.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import type { LimitSpec } from '../../src/lib/limit-spec.js';
import { type Actuals, type Estimate, justARequest } from '../../src/limits/amount.js';
import type { AttemptUse } from '../../src/limits/attempt-use.js';
import type { Denial } from '../../src/limits/denial.js';
import type { Hold } from '../../src/limits/hold.js';
import { Limit, type Scope } from '../../src/limits/limit.js';
import type { Limits, LimitsOptions, ReserveResult } from '../../src/limits/limits.js';
import { Model, type ModelHold } from '../limits/model.js';
import type { ManualClock } from '../support/clock.js';

export const LEASE_MS = 15_000;

export interface Rig {
  readonly limits: Limits;
  readonly clock: ManualClock;
  /** Another process on the same counters; undefined where they are in one process. */
  readonly other: Limits | undefined;
}

export type RigOptions = Pick<LimitsOptions, 'rebuild' | 'onLapsed'>;
export type MakeRig = (options?: RigOptions) => Promise<Rig>;

export const spec = (
  unit: LimitSpec['unit'],
  max: number,
  per: LimitSpec['per'],
  more: Partial<LimitSpec> = {},
): LimitSpec => ({
  unit,
  max,
  per,
  model: null,
  warn_at: [],
  timezone: 'UTC',
  on_exhausted: 'clamp',
  ...more,
});

let scopes = 0;
/** A scope that no other test has. */
export const newKey = (): Scope => ({ kind: 'key', id: `key_${++scopes}` });

export const limitOf = (unit: LimitSpec['unit'], max: number, per: LimitSpec['per'], more: Partial<LimitSpec> = {}) =>
  new Limit(newKey(), spec(unit, max, per, more));

/** Input and output tokens, priced at 1 nano-dollar each unless told. */
export const estimate = (
  input: number,
  want = 0,
  more: Partial<Estimate> & { min?: number; expected?: number } = {},
): Estimate => ({
  inputTokens: input,
  inputTokensMost: input,
  inputNanoMost: input,
  outputPicoMost: 1000,
  output: { want, min: more.min ?? 1, expected: more.expected ?? want },
  ...more,
});

export const used = (input: number, output: number, usdNano = input + output): Actuals => ({
  requests: 1,
  inputTokens: input,
  outputTokens: output,
  usdNano,
});

/** What the ledger has of a hold with one attempt. */
export const attempted = (input: number, output: number, of: Partial<AttemptUse> = {}): readonly AttemptUse[] => [
  { model: 'm', target: 't', inputTokens: input, outputTokens: output, usdNano: input + output, ...of },
];

let holds = 0;
export const newId = (): string => `hold-${++holds}`;

export async function take(
  limits: Limits,
  of: readonly Limit[],
  what: Estimate = justARequest,
): Promise<ReserveResult> {
  return limits.reserve({ id: newId(), limits: of, estimate: what });
}

export function reserved(outcome: ReserveResult): Hold {
  assert.equal(outcome.kind, 'reserved');
  return (outcome as { hold: Hold }).hold;
}

export function denied(outcome: ReserveResult): Denial {
  assert.equal(outcome.kind, 'denied', outcome.kind);
  return (outcome as { denial: Denial }).denial;
}

/** What a limit has spent and held, as `[spent, held]`. */
export async function levels(limits: Limits, limit: Limit): Promise<readonly [number, number]> {
  const [reading] = (await limits.read([limit]))!;
  return [reading!.spent, reading!.held];
}

export function limitsContract(name: string, make: MakeRig, close: () => Promise<void>): void {
  describe(`limits in ${name}`, () => {
    after(close);

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
        const day = (scope: Scope, model: string | null = null) =>
          new Limit(scope, spec('usd', 1000, 'day', { model }));
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

    describe('a limit that enters force', () => {
      /** A ledger of one key, with requests that no limit counted. */
      const ledgerOf = () => {
        const entries = new Map<string, number>();
        let asked = 0;
        return {
          entries,
          asked: () => asked,
          rebuild: async (_limit: Limit, _window: unknown, except: readonly string[]) => {
            asked += 1;
            let sum = 0;
            for (const [id, amount] of entries) if (!except.includes(id)) sum += amount;
            return sum;
          },
          async finish(limits: Limits, hold: Hold, amount: number) {
            entries.set(hold.id, amount);
            await limits.settle(hold, used(amount, 0), 'exact');
            limits.posted([hold.id]);
          },
        };
      };

      it('is known from the ledger, also where its counter was there before', async () => {
        const ledger = ledgerOf();
        const { limits, other = limits, clock } = await make(ledger);
        const scope = newKey();
        const at = () => new Limit(scope, spec('usd', 1000, 'month'), clock.now());
        const first = at();
        await ledger.finish(limits, reserved(await take(limits, [first], estimate(14))), 14);
        ledger.entries.set('without a limit', 140);
        clock.advance(60_000);
        const again = at();
        assert.deepEqual(await levels(other, again), [154, 0]);
        const open = reserved(await take(limits, [again], estimate(800)));
        assert.deepEqual(await levels(other, again), [154, 800]);
        denied(await take(other, [again], estimate(47)));
        await ledger.finish(limits, open, 46);
        assert.deepEqual(await levels(limits, again), [200, 0]);
      });

      it('counts what is open and what lapsed once, whichever way it ends', async () => {
        const ledger = ledgerOf();
        const { limits, clock } = await make(ledger);
        const scope = newKey();
        const at = () => new Limit(scope, spec('usd', 1000, 'month'), clock.now());
        const before = new Limit(scope, spec('usd', 1000, 'month'));
        const open = reserved(await take(limits, [before], estimate(100)));
        const cut = reserved(await take(limits, [before], estimate(50, 50)));
        ledger.entries.set(open.id, 40); // its first attempt failed, and has its entry
        ledger.entries.set('without a limit', 7);
        clock.advance(LEASE_MS + 1);
        assert.deepEqual(await levels(limits, before), [150, 0]);
        const again = at();
        assert.deepEqual(await levels(limits, again), [157, 0]);
        await ledger.finish(limits, open, 90);
        await ledger.finish(limits, cut, 60);
        assert.deepEqual(await levels(limits, again), [157, 0]);
        clock.advance(60_000);
        assert.deepEqual(await levels(limits, at()), [157, 0]);
      });

      it('counts a hold that was closed without its owner once, also where the ledger hears of its end first', async () => {
        const ledger = ledgerOf();
        const { limits, other = limits, clock } = await make({ ...ledger, onLapsed: async () => attempted(9, 0) });
        const scope = newKey();
        const at = () => new Limit(scope, spec('usd', 1000, 'month'), clock.now());
        const before = new Limit(scope, spec('usd', 1000, 'month'));
        const hold = reserved(
          await limits.reserve({ id: newId(), limits: [before], estimate: estimate(30, 70), note: 'n' }),
        );
        clock.advance(LEASE_MS + 1);
        await other.beat();
        assert.deepEqual(await levels(limits, before), [9, 0]);
        ledger.entries.set('without a limit', 7);
        ledger.entries.set(hold.id, 55);
        assert.deepEqual(await levels(limits, at()), [16, 0]);
        await limits.settle(hold, used(30, 25), 'exact');
        assert.deepEqual(await levels(limits, at()), [62, 0]);
        limits.posted([hold.id]);
        clock.advance(60_000);
        assert.deepEqual(await levels(limits, at()), [62, 0]);
      });

      it('is summed again once every gateway knows of it, and then no more', async () => {
        const ledger = ledgerOf();
        const { limits, other = limits, clock } = await make(ledger);
        const scope = newKey();
        await limits.release(reserved(await take(limits, [new Limit(scope, spec('usd', 1000, 'month'))], estimate(1))));
        const old = new Limit(scope, spec('usd', 1000, 'month'), clock.now());
        clock.advance(1000);
        const limit = new Limit(scope, spec('usd', 500, 'month'), clock.now());
        assert.deepEqual(await levels(limits, limit), [0, 0]);
        ledger.entries.set('of a gateway that did not know yet', 30);
        assert.deepEqual(await levels(other, limit), [0, 0]);
        assert.deepEqual(await levels(other, old), [0, 0], 'who knows less believes who knows more');
        assert.equal(ledger.asked(), 2);
        clock.advance(15_000);
        assert.deepEqual(await levels(other, limit), [30, 0]);
        for (let i = 0; i < 5; i++) {
          clock.advance(10_000);
          for (const who of [limits, other])
            reserved(await take(who, [limit, limitOf('concurrent', 9, null)], estimate(1)));
        }
        assert.equal(ledger.asked(), 3);
      });
    });

    it('does what the simple model does, through 10,000 random operations', async () => {
      const operations = fc.array(operation, { minLength: 100, maxLength: 100 });
      const seed = Number(process.env['FC_SEED'] ?? 4);
      await fc.assert(
        fc.asyncProperty(operations, async (list) => compare(await make(), list)),
        { numRuns: 100, seed },
      );
    });

    it('admits exactly what a budget affords to 200 requests at once, and more where the first use less', async () => {
      const { limits, other = limits } = await make();
      const budget = limitOf('usd', 50_000, 'month', { on_exhausted: 'reject' });
      const slots = limitOf('concurrent', 1000, null);
      const outcomes = await Promise.all(
        Array.from({ length: 200 }, (_, i) => take(i % 2 ? limits : other, [slots, budget], estimate(400, 600))),
      );
      const admitted = outcomes.filter(({ kind }) => kind === 'reserved').map(reserved);
      assert.equal(admitted.length, 50);
      assert.deepEqual(await levels(limits, budget), [0, 50_000]);
      await Promise.all(admitted.map((hold) => limits.settle(hold, used(400, 100), 'exact')));
      assert.deepEqual(await levels(other, budget), [25_000, 0]);
      const again = await Promise.all(
        Array.from({ length: 200 }, (_, i) => take(i % 2 ? limits : other, [budget], estimate(400, 600))),
      );
      assert.equal(again.filter(({ kind }) => kind === 'reserved').length, 25);
    });
  });
}

type Operation =
  | { readonly op: 'reserve' | 'amend'; readonly which: number; readonly limits: number; readonly estimate: Estimate }
  | {
      readonly op: 'settle';
      readonly which: number;
      readonly input: number;
      readonly output: number;
      readonly exact: boolean;
    }
  | { readonly op: 'release'; readonly which: number }
  | { readonly op: 'advance'; readonly ms: number };

const anEstimate = fc
  .record({
    input: fc.nat(20),
    most: fc.nat(5),
    usd: fc.nat(40),
    pico: fc.nat(4000),
    want: fc.nat(30),
    min: fc.nat(5),
    expected: fc.nat(40),
  })
  .map(
    ({ input, most, usd, pico, want, min, expected }): Estimate => ({
      inputTokens: input,
      inputTokensMost: input + most,
      inputNanoMost: usd,
      outputPicoMost: pico,
      output: { want, min, expected },
    }),
  );
const asking = { which: fc.nat(20), limits: fc.integer({ min: 1, max: 1023 }), estimate: anEstimate };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constant('reserve' as const), ...asking }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('amend' as const), ...asking }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('settle' as const),
      which: fc.nat(20),
      input: fc.nat(22),
      output: fc.nat(30),
      exact: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('release' as const), which: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('advance' as const),
      ms: fc.constantFrom(1, 90, 400, 1000, 7000, 16_000, 61_000, 3_600_000, 30_000_000),
    }),
  },
);

const tenLimits = (): Limit[] => [
  limitOf('requests', 4, 'second'),
  limitOf('requests', 12, 'minute'),
  limitOf('tokens', 60, 'minute'),
  limitOf('output_tokens', 50, 'second'),
  limitOf('tokens', 63, 'hour'),
  limitOf('usd', 400, 'day'),
  limitOf('tokens', 300, 'day', { timezone: 'America/New_York' }),
  limitOf('usd', 2000, 'month', { on_exhausted: 'reject' }),
  limitOf('requests', 40, 'total'),
  limitOf('concurrent', 5, null),
];

/** Runs the operations on a store and on the model, and compares every answer and every counter after each of them. */
async function compare({ limits, clock }: Rig, operations: readonly Operation[]): Promise<void> {
  const all = tenLimits();
  const model = new Model(LEASE_MS);
  const pairs: { readonly hold: Hold; readonly modelHold: ModelHold }[] = [];
  for (const operation of operations) {
    const now = clock.now();
    const pair = 'which' in operation ? pairs.at(-1 - operation.which) : undefined;
    if (operation.op === 'advance') clock.advance(operation.ms);
    else if (operation.op === 'reserve' || (operation.op === 'amend' && pair)) {
      const of = all.filter((_, i) => operation.limits & (1 << i));
      const what = operation.estimate;
      const again = operation.op === 'amend' ? pair : undefined;
      const outcome = again
        ? await limits.amend(again.hold, { limits: of, estimate: what })
        : await take(limits, of, what);
      const expected = model.reserve(again?.modelHold, of, what, now);
      if (expected === 'gone') assert.equal(outcome.kind, 'unavailable');
      else if ('parts' in expected) {
        const hold = reserved(outcome);
        assert.equal(hold.outputTokens, expected.outputTokens);
        if (!again) pairs.push({ hold, modelHold: expected });
      } else {
        const denial = denied(outcome);
        const failure = expected.find(({ limit }) => limit === denial.limit)!;
        assert.deepEqual(
          [denial.retryAfterMs, denial.affordableOutput],
          [failure.retryAfterMs, failure.affordableOutput],
        );
        const waits = expected
          .filter(({ limit }) => limit.kind === 'rate')
          .map(({ retryAfterMs }) => retryAfterMs ?? Infinity);
        if (denial.limit.kind === 'rate') assert.equal(denial.retryAfterMs ?? Infinity, Math.max(...waits));
      }
    } else if (operation.op === 'settle' && pair) {
      const actuals = used(operation.input, operation.output);
      await limits.settle(pair.hold, actuals, operation.exact ? 'exact' : 'at-least');
      model.settle(pair.modelHold, actuals, operation.exact, now);
    } else if (operation.op === 'release' && pair) {
      await limits.release(pair.hold);
      model.settle(pair.modelHold, { requests: 0, inputTokens: 0, outputTokens: 0, usdNano: 0 }, true, now);
    }
    const readings = (await limits.read(all))!;
    const seen = readings.map(({ spent, held }) => ({ spent, held }));
    assert.deepEqual(
      seen,
      all.map((limit) => model.level(limit, clock.now())),
      operation.op,
    );
  }
}
