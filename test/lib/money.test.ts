/** Money at its one home: exact, rounded once, a half away from zero. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { costNanoOf, markedUp, nanoOf, picoPerToken, usd } from '../../src/lib/money.js';

test('a markup is rounded to the nearest nano-dollar, a half away from zero, and never cut off', () => {
  assert.equal(markedUp(1, 1_500_000), 2);
  assert.equal(markedUp(1, 1_499_999), 1);
  assert.equal(markedUp(3, 1_200_000), 4); // 3.6
  assert.equal(markedUp(7, 1_100_000), 8); // 7.7
  assert.equal(markedUp(6, 1_100_000), 7); // 6.6
  assert.equal(markedUp(-1, 1_500_000), -2);
  assert.equal(markedUp(-3, 1_200_000), -4);
  assert.equal(markedUp(0, 1_500_000), 0);
  assert.equal(markedUp(12_345, 1_000_000), 12_345);
});

test('a markup is off by at most half a nano-dollar, of any amount, and as much below zero as above', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -(10 ** 15), max: 10 ** 15 }),
      fc.integer({ min: 0, max: 9_000_000 }),
      (nano, ppm) => {
        const off = BigInt(markedUp(nano, ppm)) * 1_000_000n - BigInt(nano) * BigInt(ppm);
        assert.ok(off <= 500_000n && off >= -500_000n);
        assert.equal(markedUp(-nano, ppm), 0 - markedUp(nano, ppm));
      },
    ),
  );
});

test('many small amounts with a markup are not less than their sum by more than rounding can be', () => {
  // Cut off instead of rounded, a thousand times 9.9 would be 900 short.
  const billed = Array.from({ length: 1000 }, () => markedUp(9, 1_100_000)).reduce((sum, nano) => sum + nano, 0);
  assert.equal(billed, 10_000);
});

test('costs are rounded a half up, also where the product is beyond what a number holds', () => {
  assert.equal(costNanoOf(1, 37_500), 38);
  assert.equal(costNanoOf(1, 37_499), 37);
  assert.equal(costNanoOf(2 ** 40, 37_500_000), Number((2n ** 40n * 37_500_000n + 500n) / 1000n));
});

test('prices and amounts are read exactly, and what is none is none', () => {
  assert.equal(picoPerToken('0.0375'), 37_500);
  assert.equal(picoPerToken(1e-7), 0);
  assert.equal(picoPerToken('0.0000005'), 1);
  assert.equal(nanoOf('0.0000000005'), 1);
  for (const wrong of ['-1', '1e3', '', 'free', '1.2.3']) assert.equal(picoPerToken(wrong), null, wrong);
  assert.equal(usd(-6900), '-0.000006900');
});
