import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RateWindow } from '../../src/limits/rate-window.js';

interface Admitted {
  readonly at: number;
  readonly amount: number;
}

/** A window that is asked as a store asks it. */
class Tried {
  readonly window: RateWindow;
  readonly max: number;
  readonly admitted: Admitted[] = [];
  now = 0;

  constructor(windowMs: number, max: number) {
    this.window = new RateWindow(null, 'r', windowMs);
    this.max = max;
  }

  ask(amount: number): boolean {
    this.window.expire(this.now);
    if (this.window.sum + amount > this.max) return false;
    this.window.take(this.now, amount, this.max);
    this.admitted.push({ at: this.now, amount });
    return true;
  }

  wait(amount: number): number {
    this.window.expire(this.now);
    return this.window.waitMs(this.now, amount, this.max)!;
  }
}

/** The most and the least that any window of the length had, over all windows that begin at `from` or later. */
function extremes(
  admitted: readonly Admitted[],
  windowMs: number,
  from: number,
  to: number,
): { most: number; least: number } {
  let most = 0;
  let least = Number.POSITIVE_INFINITY;
  const sumOf = (begin: number) =>
    admitted.reduce((sum, { at, amount }) => (at > begin && at <= begin + windowMs ? sum + amount : sum), 0);
  for (const { at } of admitted) {
    most = Math.max(most, sumOf(at - 1e-6));
    if (at >= from && at + windowMs <= to) least = Math.min(least, sumOf(at));
  }
  return { most, least };
}

describe('a sliding window', () => {
  it('never has more than its maximum in any span of its length, however requests come', () => {
    const step = fc.record({
      wait: fc.oneof(fc.nat(3), fc.nat(100), fc.nat(1500)),
      amount: fc.integer({ min: 1, max: 40 }),
      times: fc.nat(60),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), fc.array(step, { minLength: 20, maxLength: 60 }), (max, steps) => {
        const tried = new Tried(1000, max);
        for (const { wait, amount, times } of steps) {
          tried.now += wait + 0.25;
          for (let i = 0; i < times; i++) tried.ask(amount);
        }
        assert.ok(extremes(tried.admitted, 1000, 0, 0).most <= max);
      }),
      { numRuns: 60 },
    );
  });

  for (const max of [1, 7, 60, 100, 1000, 20_000]) {
    it(`admits at least 95 % of ${max} in every window while more is asked for all the time`, () => {
      for (const pauseMs of [0.37, 5, 13]) {
        const tried = new Tried(1000, max);
        const each = Math.ceil((max / 1000) * pauseMs * 1.5);
        while (tried.now < 6000) {
          for (let i = 0; i < each; i++) tried.ask(1);
          tried.now += pauseMs;
        }
        const inAll = tried.admitted.length / (6 * max);
        assert.ok(inAll >= 0.95, `${inAll} at ${pauseMs}`);
        if (max <= 1000) {
          // A window that begins between two questions misses at most what the pause held back.
          const { least } = extremes(tried.admitted, 1000 + pauseMs, 1000, 6000);
          assert.ok(least >= Math.floor(max * 0.95), `${least} of ${max} at ${pauseMs}`);
        }
      }
    });
  }

  it('admits all of its maximum again at once after a burst', () => {
    const tried = new Tried(60_000, 100_000);
    for (let round = 0; round < 5; round++) {
      tried.now = round * 60_000;
      let burst = 0;
      while (tried.ask(10)) burst += 10;
      assert.equal(burst, 100_000);
    }
  });

  it('says exactly when the next request fits, also where entries were merged', () => {
    const question = fc.record({ wait: fc.nat(700), amount: fc.integer({ min: 1, max: 90 }) });
    fc.assert(
      fc.property(
        fc.integer({ min: 90, max: 9000 }),
        fc.array(question, { minLength: 200, maxLength: 200 }),
        (max, questions) => {
          const tried = new Tried(60_000, max);
          for (const { wait, amount } of questions) {
            tried.now += wait;
            if (tried.ask(amount)) continue;
            const until = tried.now + tried.wait(amount);
            tried.now = until - 1;
            assert.equal(tried.ask(amount), false);
            tried.now = until;
            assert.equal(tried.ask(amount), true);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('keeps at most 230 entries, whatever comes', () => {
    for (const amount of [1, 100, 1500, 1563]) {
      const window = new RateWindow(null, 'r', 60_000);
      let distinct = 0;
      let last: unknown;
      for (let now = 0; now < 120_000; now += 7) {
        window.expire(now);
        if (window.sum + amount > 100_000) continue;
        const entry = window.take(now, amount, 100_000);
        if (entry !== last && now >= 60_000) distinct += 1;
        last = entry;
      }
      assert.ok(distinct <= 230, `${distinct} entries for ${amount}`);
    }
  });

  it('keeps nothing longer than 1 % of its length too long, and never more than 1/64 of the maximum', () => {
    const [windowMs, max] = [60_000, 6400];
    const window = new RateWindow(null, 'r', windowMs);
    const taken: Admitted[] = [];
    for (let now = 0; now < 200_000; now += 37) {
      window.expire(now);
      const exactly = (lengthMs: number) =>
        taken.reduce((sum, { at, amount }) => (at > now - lengthMs ? sum + amount : sum), 0);
      if (now % 370 === 0) {
        assert.ok(window.sum <= exactly(windowMs * 1.01 + 1));
        assert.ok(window.sum <= exactly(windowMs) + max / 64);
        assert.ok(window.sum >= exactly(windowMs));
      }
      window.take(now, 1 + (now % 3), max);
      taken.push({ at: now, amount: 1 + (now % 3) });
    }
  });

  it('gives back where it was taken, and nothing once that has left', () => {
    const window = new RateWindow(null, 'r', 1000);
    const first = window.take(0, 64, 640);
    const second = window.take(500, 100, 640);
    window.giveBack(first, 60);
    assert.equal(window.sum, 104);
    assert.equal(window.resetMs(600), 900);
    window.expire(1000);
    assert.equal(window.sum, 100);
    window.giveBack(first, 4);
    assert.equal(window.sum, 100);
    window.giveBack(second, 100);
    window.expire(1500);
    assert.deepEqual([window.sum, window.empty, window.resetMs(1500)], [0, true, 0]);
  });

  it('admits nothing while more was used than there is, and says until when', () => {
    const window = new RateWindow(null, 'r', 1000);
    window.take(0, 50, 100);
    window.take(100, 80, 100);
    assert.equal(window.waitMs(200, 1, 100), 800);
    assert.equal(window.waitMs(200, 21, 100), 900);
    assert.equal(window.waitMs(200, 101, 100), null);
  });
});
