/** `latency` and `least_busy` where requests hang, and where many come at once. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Ask, Balance, Candidate } from '../../src/router/balance.js';
import { plan } from '../../src/router/plan.js';
import { aTarget, seeded } from './support.js';

const ask: Ask<Candidate> = { affinity: null, turn: 0, costOf: () => 0 };

const first = (targets: readonly Candidate[], balance: Balance, nowMs: number, random = seeded(1)): Candidate =>
  plan({ targets, balance }, ask, nowMs, random).ready[0]!;

/** Each request takes 10 ms on a target that answers, one after the other; those on `hanging` never end. */
function inTurn(targets: readonly Candidate[], hanging: Candidate, times: number, seed: number): number {
  const random = seeded(seed);
  let hung = 0;
  for (let i = 0, now = 0; i < times; i++, now += 10) {
    const { state, id } = first(targets, 'latency', now, random);
    const trip = state.begin(now);
    if (id === hanging.id) hung++;
    else {
      state.heard(trip, now + 10);
      state.succeeded(trip, 10, 0, now + 10);
    }
  }
  return hung;
}

describe('latency', () => {
  test('a target that has answered nothing gets one request while it hangs, not all of them', () => {
    for (let seed = 0; seed < 50; seed++) {
      const [hanging, good] = [aTarget('hanging'), aTarget('good')];
      assert.ok(inTurn([hanging, good], hanging, 40, seed) <= 1, `seed ${seed}`);
    }
  });

  test('one that answered well and then hangs is left as its oldest request waits', () => {
    const [turned, good] = [aTarget('turned'), aTarget('good')];
    for (let i = 0; i < 5; i++) turned.state.succeeded(turned.state.begin(i), 5, 0, i);
    good.state.succeeded(good.state.begin(0), 50, 0, 0);
    let hung = 0;
    for (let now = 10; now < 60_000; now += 100) {
      const { state, id } = first([turned, good], 'latency', now);
      const trip = state.begin(now);
      if (id === 'turned') hung++;
      else state.succeeded(trip, 50, 0, now + 50);
    }
    assert.ok(hung <= 5, `${hung} requests hang`);
  });

  test('callers who give up on a target that does not answer do not make it a fast one', () => {
    const [hanging, good] = [aTarget('hanging'), aTarget('good')];
    good.state.succeeded(good.state.begin(0), 200, 0, 0);
    let hung = 0;
    for (let now = 1; now < 20_000; now += 500) {
      const { state, id } = first([hanging, good], 'latency', now);
      const trip = state.begin(now);
      if (id === 'hanging') {
        hung++;
        state.abandoned(trip, now + 300);
      } else state.succeeded(trip, 200, 0, now + 200);
    }
    assert.ok(hung <= 8, `${hung} of 40 requests went to it`);
  });

  test('a caller who leaves early says nothing of a target that takes longer', () => {
    const { state } = aTarget('thinks');
    state.succeeded(state.begin(0), 10_000, 0, 0);
    state.abandoned(state.begin(0), 50);
    assert.ok(state.latency.read(50) > 9_900);
    const unknown = aTarget('unknown').state;
    unknown.abandoned(unknown.begin(0), 50, false);
    assert.equal(unknown.latencyRank(50), 0, 'what the gateway itself gave up says nothing at all');
  });

  test('the first byte counts, however long the stream goes on', () => {
    const { state } = aTarget('streams');
    const trip = state.begin(0);
    state.heard(trip, 40);
    assert.equal(state.latency.read(40), 40);
    assert.equal(state.latencyRank(40), 80, 'one runs');
    state.succeeded(trip, 40, 0, 30_000);
    state.heard(trip, 30_000);
    assert.ok(state.latency.read(30_000) < 40, 'it is observed once');
  });

  test('what is forgotten is found out by one request', () => {
    const [slow, good] = [aTarget('slow'), aTarget('good')];
    slow.state.succeeded(slow.state.begin(0), 5_000, 0, 0);
    for (let now = 0; now <= 60_000; now += 1_000) good.state.succeeded(good.state.begin(now), 100, 0, now);
    assert.equal(first([slow, good], 'latency', 60_000).id, 'slow');
    slow.state.begin(60_000);
    for (let i = 0; i < 20; i++) assert.equal(first([slow, good], 'latency', 60_001).id, 'good');
  });
});

describe('a burst, chosen before anything of it has begun', () => {
  for (const balance of ['least_busy', 'latency'] as const) {
    test(`spreads: ${balance}`, () => {
      const targets = ['a', 'b', 'c', 'd'].map((id) => aTarget(id));
      const random = seeded(3);
      for (let i = 0; i < 40; i++) first(targets, balance, 0, random).state.chosen++;
      assert.deepEqual(
        targets.map(({ state }) => state.load),
        [10, 10, 10, 10],
      );
    });
  }
});

describe('attempts without a first byte', () => {
  test('the oldest is known in whatever order they end', () => {
    const { state } = aTarget('a');
    state.succeeded(state.begin(0), 1, 0, 0);
    const trips = [10, 20, 30, 40].map((now) => state.begin(now));
    const oldest = () => state.latencyRank(1_000) / (state.load + 1);
    assert.equal(oldest(), 990);
    state.abandoned(trips[1]!, 41);
    assert.equal(oldest(), 990);
    state.heard(trips[0]!, 42);
    assert.equal(oldest(), 970);
    state.failed(trips[3]!, 'caller', false, 3, undefined, 43);
    assert.equal(oldest(), 970);
    state.succeeded(trips[2]!, 1, 0, 44);
    assert.ok(oldest() < 100, 'nothing waits');
    state.abandoned(trips[0]!, 45);
    assert.equal(state.load, 0);
  });
});
