import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Breaker, type Verdict } from '../../src/lib/breaker.js';
import { middle, rule, seeded } from '../router/support.js';

const told: string[] = [];
const make = (random = middle) => {
  told.length = 0;
  return new Breaker(rule, random, (state) => void told.push(state));
};
const run = (breaker: Breaker, verdict: Verdict, nowMs: number) => breaker.end(breaker.begin(nowMs), verdict, nowMs);
const opened = (nowMs = 0) => {
  const breaker = make();
  for (let i = 0; i < rule.min_requests; i++) run(breaker, 'failure', nowMs);
  return breaker;
};

describe('a closed breaker', () => {
  test('opens at the failure rate, and not before there are enough attempts', () => {
    const breaker = make();
    for (let i = 0; i < 3; i++) run(breaker, 'failure', i);
    assert.equal(breaker.state(3), 'closed');
    run(breaker, 'success', 3);
    assert.equal(breaker.state(3), 'closed', 'only a failure opens');
    run(breaker, 'failure', 4);
    assert.equal(breaker.state(4), 'open');
    assert.deepEqual(told, ['opened']);
  });

  test('stays closed below the rate', () => {
    const breaker = make();
    for (let i = 0; i < 100; i++) run(breaker, i % 5 < 3 ? 'success' : 'failure', i);
    assert.equal(breaker.state(100), 'closed');
  });

  test('forgets what is older than its window', () => {
    const breaker = make();
    for (let i = 0; i < 3; i++) run(breaker, 'failure', 0);
    run(breaker, 'failure', rule.window + rule.window / 10);
    assert.equal(breaker.state(rule.window * 1.2), 'closed');
    assert.deepEqual(breaker.window(rule.window * 1.2), { attempts: 1, failures: 1 });
  });

  test('learns nothing from attempts that were given up', () => {
    const breaker = make();
    for (let i = 0; i < 50; i++) run(breaker, 'unknown', i);
    assert.deepEqual(breaker.window(50), { attempts: 0, failures: 0 });
  });
});

describe('an open breaker', () => {
  test('lets nothing through until its time is over, then as many probes at once as it may', () => {
    const breaker = opened();
    assert.equal(breaker.readyAt(10), 1000);
    assert.ok(breaker.readyAt(999) > 999);
    assert.equal(breaker.state(1000), 'half_open');
    assert.equal(breaker.readyAt(1000), 1000);
    const first = breaker.begin(1000);
    assert.equal(breaker.readyAt(1000), 1000);
    breaker.begin(1000);
    assert.ok(breaker.readyAt(1000) > 1000, 'a third probe');
    breaker.end(first, 'unknown', 1001);
    assert.equal(breaker.readyAt(1001), 1001, 'a probe that was given up leaves its place');
  });

  test('closes when as many probes succeeded', () => {
    const breaker = opened();
    run(breaker, 'success', 1000);
    assert.equal(breaker.state(1000), 'half_open');
    run(breaker, 'success', 1001);
    assert.equal(breaker.state(1001), 'closed');
    assert.deepEqual(told, ['opened', 'closed']);
    assert.deepEqual(breaker.window(1001), { attempts: 0, failures: 0 });
  });

  test('opens again for twice as long with each probe that fails, up to a bound', () => {
    const breaker = opened();
    let now = 0;
    const lengths: number[] = [];
    for (let i = 0; i < 7; i++) {
      const until = breaker.readyAt(now);
      lengths.push(until - now);
      now = until;
      run(breaker, 'failure', now);
    }
    assert.deepEqual(lengths, [1000, 2000, 4000, 8000, 16000, 16000, 16000]);
  });

  test('jitters its time by a fifth', () => {
    const lengths = Array.from({ length: 200 }, (_, seed) => {
      const breaker = make(seeded(seed));
      for (let i = 0; i < rule.min_requests; i++) run(breaker, 'failure', 0);
      return breaker.readyAt(0);
    });
    assert.ok(Math.min(...lengths) >= 800 && Math.max(...lengths) <= 1200);
    assert.ok(Math.min(...lengths) < 850 && Math.max(...lengths) > 1150);
  });

  test('is not swayed by attempts that began before it opened', () => {
    const breaker = make();
    const old = [breaker.begin(0), breaker.begin(0), breaker.begin(0)];
    for (let i = 0; i < rule.min_requests; i++) run(breaker, 'failure', 1);
    breaker.end(old[0]!, 'success', 2);
    assert.equal(breaker.state(2), 'open');
    breaker.begin(1001);
    breaker.end(old[1]!, 'success', 1002);
    breaker.end(old[2]!, 'failure', 1002);
    assert.equal(breaker.state(1002), 'half_open');
  });

  test('is closed by a success of what was sent anyway, and not opened for longer by its failure', () => {
    const breaker = opened();
    run(breaker, 'failure', 500);
    assert.equal(breaker.readyAt(500), 1000);
    run(breaker, 'success', 600);
    assert.equal(breaker.state(600), 'closed');
  });
});

describe('by hand', () => {
  test('a breaker that is held open stays open, whatever happens, until it is released', () => {
    const breaker = make();
    breaker.hold();
    breaker.hold();
    assert.equal(breaker.state(1e9), 'held_open');
    assert.equal(breaker.readyAt(1e9), Number.POSITIVE_INFINITY);
    run(breaker, 'success', 1e9);
    assert.equal(breaker.state(1e9), 'held_open');
    breaker.release();
    assert.equal(breaker.state(1e9), 'closed');
    assert.deepEqual(told, ['opened', 'closed']);
  });

  test('releasing closes one that opened by itself', () => {
    const breaker = opened();
    breaker.release();
    assert.equal(breaker.state(1), 'closed');
    breaker.release();
    assert.deepEqual(told, ['opened', 'closed']);
  });
});

test('whatever happens in whatever order, probes are bounded, and it always recovers', () => {
  const step = fc.record({
    passMs: fc.nat(700),
    act: fc.constantFrom('begin', 'success', 'failure', 'unknown'),
    pick: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const breaker = make();
      const open: number[] = [];
      let now = 0;
      for (const { passMs, act, pick } of steps) {
        now += passMs;
        if (act === 'begin') {
          if (breaker.readyAt(now) <= now) open.push(breaker.begin(now));
        } else if (open.length > 0) {
          breaker.end(open.splice(pick % open.length, 1)[0]!, act as Verdict, now);
        }
        if (breaker.state(now) === 'half_open') {
          const newest = Math.max(0, ...open);
          const running = open.filter((pass) => pass === newest && pass > 0).length;
          assert.ok(running <= rule.half_open_probes, `${running} probes`);
        }
      }
      for (const pass of open) breaker.end(pass, 'unknown', now);
      for (let i = 0; i < 3; i++) {
        now = Math.max(now, breaker.readyAt(now));
        assert.ok(Number.isFinite(now));
        run(breaker, 'success', now);
      }
      assert.equal(breaker.state(now), 'closed');
    }),
  );
});
