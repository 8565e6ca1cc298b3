import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextTryAt, pauseMs } from '../../src/webhooks/backoff.js';

const HOUR = 3_600_000;

/** The moments of all tries of a delivery that always fails. */
function tries(random: () => number, askedMs: number | null = null): number[] {
  const at = [0];
  for (;;) {
    const next = nextTryAt({ nowMs: at.at(-1)!, tries: at.length, expiresAtMs: 24 * HOUR, askedMs, random });
    if (next === null) return at;
    at.push(next);
  }
}

test('what fails is tried again for 24 hours, more and more rarely, and a last time at the end', () => {
  for (const random of [() => 0, () => 0.5, () => 0.999, Math.random]) {
    const at = tries(random);
    assert.ok(at[1]! >= 3_750 && at[1]! <= 6_250, `first retry after ${at[1]} ms`);
    assert.ok(at.length >= 15 && at.length <= 30, `${at.length} tries`);
    assert.equal(at.at(-1), 24 * HOUR);
    const waits = at.slice(1).map((ms, i) => ms - at[i]!);
    assert.ok(waits.every((ms) => ms <= 2.5 * HOUR));
  }
  const waits = tries(() => 0.5)
    .slice(0, 8)
    .map((ms, i, all) => ms - (all[i - 1] ?? 0));
  assert.deepEqual(
    [...waits].sort((a, b) => a - b),
    waits,
  );
});

test('two that failed together do not come back together', () => {
  const [a, b] = [tries(() => 0.1), tries(() => 0.9)];
  assert.ok(Math.abs(a[3]! - b[3]!) > 10_000);
});

test('a receiver may ask for more time, up to an hour', () => {
  const next = (askedMs: number) =>
    nextTryAt({ nowMs: 0, tries: 1, expiresAtMs: 24 * HOUR, askedMs, random: () => 0.5 });
  assert.equal(next(60_000), 60_000);
  assert.equal(next(1), 5_000);
  assert.equal(next(30 * 24 * HOUR), HOUR);
});

test('an endpoint rests after three failures in a row, for a minute at most', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 8, 50, 5_000].map(pauseMs),
    [0, 0, 0, 2_000, 4_000, 8_000, 60_000, 60_000, 60_000],
  );
});
