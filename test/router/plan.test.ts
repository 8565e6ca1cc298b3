import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Ask, Balance, Candidate } from '../../src/router/balance.js';
import { plan } from '../../src/router/plan.js';
import { aTarget, breakIt, seeded } from './support.js';

const ask = (given: Partial<Ask<Candidate>> = {}): Ask<Candidate> => ({
  affinity: null,
  turn: 0,
  costOf: () => 0,
  ...given,
});

const firsts = (
  targets: Candidate[],
  balance: Balance,
  times: number,
  given?: (i: number) => Partial<Ask<Candidate>>,
) => {
  const random = seeded(7);
  const counts = new Map<string, number>();
  for (let i = 0; i < times; i++) {
    const [first] = plan({ targets, balance }, ask(given?.(i)), 0, random).ready;
    counts.set(first!.id, (counts.get(first!.id) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
};

const ids = (targets: readonly Candidate[]) => targets.map(({ id }) => id).join(' ');
const planned = (targets: Candidate[], balance: Balance, given?: Partial<Ask<Candidate>>, nowMs = 0) =>
  ids(plan({ targets, balance }, ask(given), nowMs, seeded(1)).ready);

describe('a plan', () => {
  test('has every target once, lower priorities first, whatever the balance', () => {
    const target = fc.record({ priority: fc.integer({ min: 1, max: 4 }), weight: fc.nat(5) });
    const balance = fc.constantFrom<Balance>('weighted', 'round_robin', 'least_busy', 'latency', 'cost', 'usage');
    const affinity = fc.option(fc.string());
    fc.assert(
      fc.property(
        fc.array(target, { maxLength: 8 }),
        balance,
        affinity,
        fc.nat(),
        fc.nat(),
        (written, how, to, turn, seed) => {
          const targets = written.map((given, i) => aTarget(`t${i}`, given));
          const given = ask({ affinity: to, turn, costOf: ({ weight }) => weight });
          const { ready } = plan({ targets, balance: how }, given, 0, seeded(seed));
          assert.deepEqual([...ready].sort(byId), [...targets].sort(byId));
          const priorities = ready.map(({ priority }) => priority);
          assert.deepEqual(
            priorities,
            [...priorities].sort((a, b) => a - b),
          );
        },
      ),
    );
  });

  test('asked again in the same state with the same chance it is the same: asking changes nothing', () => {
    const targets = ['a', 'b', 'c'].map((id) => aTarget(id));
    for (const balance of ['weighted', 'round_robin', 'least_busy', 'latency', 'cost', 'usage'] as const) {
      assert.equal(planned(targets, balance), planned(targets, balance), balance);
    }
  });

  test('leaves out what an open breaker or a rest keeps out, and says why and until when', () => {
    const [open, resting, held, good] = [aTarget('open'), aTarget('resting'), aTarget('held'), aTarget('good')];
    breakIt(open, 0);
    resting.state.failed(resting.state.begin(0), 'rate_limit', false, 5, 700, 0);
    held.state.breaker.hold();
    const targets = [open, resting, held, good];
    const { ready, skipped } = plan({ targets, balance: 'weighted' }, ask(), 0, seeded(1));
    assert.equal(ids(ready), 'good');
    const why = Object.fromEntries(skipped.map(({ target, why: reason, untilMs }) => [target.id, [reason, untilMs]]));
    assert.deepEqual(why, {
      open: ['open', 1000],
      resting: ['resting', 700],
      held: ['held_open', Number.POSITIVE_INFINITY],
    });
    const last = plan({ targets, balance: 'weighted' }, ask(), 0, seeded(1), true);
    assert.deepEqual(new Set(last.ready.map(({ id }) => id)), new Set(['open', 'resting', 'good']));
  });
});

describe('balances', () => {
  test('weighted shares by weight, and a weight of 0 takes what is left', () => {
    const targets = [aTarget('a', { weight: 3 }), aTarget('b'), aTarget('spare', { weight: 0 })];
    const counts = firsts(targets, 'weighted', 4000);
    assert.ok(Math.abs(counts['a']! - 3000) < 120, JSON.stringify(counts));
    assert.equal(counts['spare'], undefined);
    assert.equal(planned(targets, 'weighted').split(' ').at(-1), 'spare');
  });

  test('round_robin keeps the weights exactly in every cycle, and spreads them', () => {
    const targets = [aTarget('a', { weight: 3 }), aTarget('b', { weight: 1 })];
    assert.deepEqual(
      firsts(targets, 'round_robin', 400, (turn) => ({ turn })),
      { a: 300, b: 100 },
    );
    const four = [0, 1, 2, 3].map((turn) => planned(targets, 'round_robin', { turn })[0]).join('');
    assert.match(four + four, /aba|bab/);
    assert.ok(!/bb/.test(four + four));
  });

  test('round_robin bears large and lonely weights', () => {
    const targets = [aTarget('a', { weight: 999_983 }), aTarget('b', { weight: 17 }), aTarget('c', { weight: 0 })];
    const counts = firsts(targets, 'round_robin', 2000, (turn) => ({ turn }));
    assert.ok(counts['b']! >= 1 && counts['c'] === undefined, JSON.stringify(counts));
    assert.equal(planned([aTarget('x', { weight: 0 }), aTarget('y', { weight: 0 })], 'round_robin').length, 3);
  });

  test('least_busy goes by what runs now, for its weight', () => {
    const [a, b, c] = [aTarget('a', { weight: 2 }), aTarget('b'), aTarget('c')];
    for (const [target, times] of [
      [a, 3],
      [b, 2],
      [c, 1],
    ] as const)
      for (let i = 0; i < times; i++) target.state.begin(0);
    assert.equal(planned([a, b, c], 'least_busy'), 'c a b');
  });

  test('latency leaves a target that turned slow at once, and comes back to it as that is forgotten', () => {
    const [a, b] = [aTarget('a'), aTarget('b')];
    const took = (target: Candidate, ms: number, nowMs: number) =>
      target.state.succeeded(target.state.begin(nowMs), ms, 0, nowMs);
    for (let i = 0; i < 10; i++) {
      took(a, 50, i * 100);
      took(b, 100, i * 100);
    }
    assert.equal(planned([a, b], 'latency', {}, 1000), 'a b');
    took(a, 2000, 1000);
    assert.equal(planned([a, b], 'latency', {}, 1000), 'b a');
    for (let now = 1000; now < 60_000; now += 500) took(b, 100, now);
    assert.equal(planned([a, b], 'latency', {}, 60_000), 'a b');
  });

  test('latency does not take a target that fails fast for a fast one', () => {
    const [bad, good] = [aTarget('bad'), aTarget('good')];
    good.state.succeeded(good.state.begin(0), 400, 0, 0);
    bad.state.failed(bad.state.begin(0), 'transient', true, 1, undefined, 0);
    assert.equal(planned([bad, good], 'latency'), 'good bad');
  });

  test('cost goes by what the request costs there, and what nobody priced comes last', () => {
    const targets = ['dear', 'free', 'cheap', 'unknown'].map((id) => aTarget(id));
    const costs: Record<string, number> = { dear: 9, cheap: 1, free: 0, unknown: Number.POSITIVE_INFINITY };
    assert.equal(planned(targets, 'cost', { costOf: ({ id }) => costs[id]! }), 'free cheap dear unknown');
  });

  test('usage goes by how full each target is', () => {
    const [a, b] = [aTarget('a'), aTarget('b')];
    for (let i = 0; i < 3; i++) a.state.begin(0);
    b.state.begin(0);
    assert.equal(planned([a, b], 'usage'), 'b a');
  });
});

describe('affinity', () => {
  const targets = ['a', 'b', 'c', 'd'].map((id) => aTarget(id));

  test('the same beginning goes to the same target, different ones spread', () => {
    const counts = firsts(targets, 'weighted', 4000, (i) => ({ affinity: `prefix ${i}` }));
    for (const id of ['a', 'b', 'c', 'd']) assert.ok(Math.abs(counts[id]! - 1000) < 150, JSON.stringify(counts));
    assert.equal(Object.keys(firsts(targets, 'round_robin', 50, (turn) => ({ turn, affinity: 'one' }))).length, 1);
  });

  test('shares by weight', () => {
    const two = [aTarget('a', { weight: 3 }), aTarget('b')];
    const counts = firsts(two, 'weighted', 4000, (i) => ({ affinity: `prefix ${i}` }));
    assert.ok(Math.abs(counts['a']! - 3000) < 150, JSON.stringify(counts));
  });

  test('a target that goes moves only what was its own', () => {
    for (let i = 0; i < 300; i++) {
      const [first, second] = planned(targets, 'weighted', { affinity: `prefix ${i}` }).split(' ');
      const without = targets.filter(({ id }) => id !== first);
      assert.equal(planned(without, 'weighted', { affinity: `prefix ${i}` }).split(' ')[0], second);
      const other = targets.filter(({ id }) => id !== second);
      assert.equal(planned(other, 'weighted', { affinity: `prefix ${i}` }).split(' ')[0], first);
    }
  });
});

const byId = (a: Candidate, b: Candidate): number => (a.id < b.id ? -1 : 1);
