/** How far requests that run at once may take a rate over its maximum, where each states what it may use. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LimitSpec } from '../../src/lib/limit-spec.js';
import type { Estimate } from '../../src/limits/amount.js';
import { Limit } from '../../src/limits/limit.js';
import { OpenRisk } from '../../src/limits/open-risk.js';

const rate = (fields: Partial<LimitSpec> = {}): Limit =>
  new Limit({ kind: 'key', id: 'key_1' }, {
    ...{ unit: 'tokens', max: 60_000, per: 'hour', timezone: 'UTC', warn_at: [], on_exhausted: 'clamp' },
    ...fields,
  } as LimitSpec);
const estimate = (want: number, expected: number, outputPicoMost = 0): Estimate => ({
  ...{ inputTokens: 0, inputTokensMost: 0, inputNanoMost: 0, outputPicoMost },
  output: { want, min: 1, expected },
});

test('all that run together go over by a quarter at most, or by one answer, whatever was expected of them', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ want: fc.integer({ min: 1, max: 40_000 }), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
        {
          maxLength: 300,
        },
      ),
      (requests) => {
        const [risk, limit] = [new OpenRisk(), rate()];
        let taken = 0;
        let used = 0;
        let largest = 0;
        for (const { want, part } of requests) {
          const { expected } = risk.take([limit], estimate(want, Math.floor(want * part))).estimate.output;
          if (taken + expected > 60_000) continue; // refused; that it counts as open is on the safe side
          taken += expected;
          used += want;
          largest = Math.max(largest, want);
        }
        assert.ok(used <= 60_000 + Math.max(15_000, largest) + 1, `${used}`);
      },
    ),
  );
});

test('a request alone takes what is expected, however much it states, and so does the next when it has ended', () => {
  const [risk, limit] = [new OpenRisk(), rate()];
  for (let i = 0; i < 100; i++) {
    const { estimate: taken, ended } = risk.take([limit], estimate(50_000, 20));
    assert.equal(taken.output.expected, 20);
    assert.ok(ended);
    ended();
    ended();
  }
  assert.equal(risk.size, 0, 'nothing is kept of what has ended');
});

test('beside others each takes what is expected while there is room for it, and then what it states', () => {
  const [risk, limit] = [new OpenRisk(), rate()];
  const expected = Array.from({ length: 12 }, () => risk.take([limit], estimate(1600, 100)).estimate.output.expected);
  assert.deepEqual(expected, [...Array.from({ length: 10 }, () => 100), 1600, 1600]);
});

test('the tightest of several rates decides; budgets, hard rates and rates of requests have no say', () => {
  const risk = new OpenRisk();
  const others = [
    rate({ per: 'day' }),
    rate({ hold: 'worst', max: 10 }),
    rate({ unit: 'requests', max: 1 }),
    rate({ unit: 'input_tokens', max: 1 }),
  ];
  for (let i = 0; i < 50; i++) assert.equal(risk.take(others, estimate(9_000, 10)).estimate.output.expected, 10);
  assert.equal(risk.size, 0);
  const dollars = rate({ unit: 'usd', max: 4_000_000 });
  // 1000 pico-dollars a token: a thousand tokens are a million nano-dollars, a quarter of the limit.
  const first = risk.take([rate(), dollars], estimate(600, 100, 1_000_000));
  assert.equal(first.estimate.output.expected, 100);
  const second = risk.take([rate(), dollars], estimate(1_000, 100, 1_000_000));
  assert.equal(second.estimate.output.expected, 500, 'half of the quarter is left');
  const third = risk.take([rate(), dollars], estimate(1_000, 100, 1_000_000));
  assert.deepEqual([third.estimate.output.expected, third.ended], [1_000, undefined]);
});
