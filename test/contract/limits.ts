/**
 * What every store of limits must do, whatever it is made of. `limitsContract` declares the tests; the files of the stores
 * say how one is made. Time is the rig's: nothing here waits.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import type { Estimate } from '../../src/limits/amount.js';
import type { Hold } from '../../src/limits/hold.js';
import type { Limit } from '../../src/limits/limit.js';
import { Model, type ModelHold } from '../limits/model.js';
import { entering } from './limits/entering.js';
import { leases } from './limits/leases.js';
import {
  denied,
  estimate,
  LEASE_MS,
  levels,
  limitOf,
  type MakeRig,
  type Rig,
  reserved,
  take,
  used,
} from './limits/rig.js';
import { settling } from './limits/settling.js';
import { taking } from './limits/taking.js';

export function limitsContract(name: string, make: MakeRig, close: () => Promise<void>): void {
  describe(`limits in ${name}`, () => {
    after(close);
    for (const declare of [taking, settling, leases, entering]) declare(make);

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
