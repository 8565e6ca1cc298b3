import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { limitUnits } from '../../src/lib/limit-spec.js';
import { affordable, cost, expectedAmount, fixedMost, inUnit, milliPerOutput } from '../../src/limits/amount.js';
import { estimate } from '../contract/limits/rig.js';

const exactCost = (tokens: number, milli: number): bigint => (BigInt(tokens) * BigInt(milli) + 999n) / 1000n;

describe('the cost of output', () => {
  it('is exact, rounded up, for any price and any number of tokens below 2^53', () => {
    fc.assert(
      fc.property(fc.nat(10_000_000), fc.nat(800_000_000), (tokens, milli) => {
        assert.equal(BigInt(cost(tokens, milli)), exactCost(tokens, milli));
      }),
      { numRuns: 2000 },
    );
    assert.equal(cost(1, 1), 1);
    assert.equal(cost(0, 999), 0);
  });

  it('is what is afforded, and one token more is not', () => {
    const room = fc.oneof(
      fc.nat(5000),
      fc.maxSafeNat().map((n) => n % 9_000_000_000_000_000),
    );
    fc.assert(
      fc.property(room, fc.oneof(fc.nat(5000), fc.nat(800_000_000)), fc.nat(1_000_000), (room, milli, want) => {
        const tokens = affordable(room, milli, want);
        assert.ok(tokens >= 0 && tokens <= want);
        assert.ok(exactCost(tokens, milli) <= BigInt(room));
        if (tokens < want) assert.ok(exactCost(tokens + 1, milli) > BigInt(room));
      }),
      { numRuns: 5000 },
    );
  });

  it('affords nothing, not even nothing, where the input does not fit', () => {
    assert.equal(affordable(-1, 0, 10), -1);
    assert.equal(affordable(0, 1, 10), 0);
    assert.equal(affordable(0, 0, 10), 10);
  });
});

describe('what a request takes of a limit', () => {
  const what = {
    ...estimate(100, 50, { expected: 20.4 }),
    inputTokensMost: 110,
    inputNanoMost: 7000,
    outputPicoMost: 600_000,
  };

  it('is in a budget the most input, and a price per output token', () => {
    assert.deepEqual(
      limitUnits.map((unit) => [unit, fixedMost(unit, what), milliPerOutput(unit, what)]),
      [
        ['requests', 1, 0],
        ['tokens', 110, 1000],
        ['input_tokens', 110, 0],
        ['output_tokens', 0, 1000],
        ['usd', 7000, 600_000],
        ['concurrent', 1, 0],
      ],
    );
  });

  it('is in a rate what is expected', () => {
    const of = (unit: (typeof limitUnits)[number], max = 1e9) => expectedAmount(unit, what, max);
    assert.deepEqual(
      [of('requests'), of('tokens'), of('input_tokens'), of('output_tokens'), of('usd')],
      [1, 121, 100, 21, 19_600],
    );
    assert.equal(of('tokens', 110), 110, 'a guess does not ask for more than the window');
    assert.equal(of('tokens', 99), 121, 'but input does');
  });

  it('is settled in the unit of the limit', () => {
    const actuals = { requests: 1, inputTokens: 3, outputTokens: 4, usdNano: 5 };
    assert.deepEqual(
      limitUnits.map((unit) => inUnit(unit, actuals)),
      [1, 7, 3, 4, 5, 0],
    );
  });
});
