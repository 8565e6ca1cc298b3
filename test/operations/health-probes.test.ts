import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Timer } from '../../src/lib/timer.js';
import { HealthProbes, type Probed } from '../../src/operations/health-probes.js';
import { type ProbeResult, ProbeState } from '../../src/router/probe-state.js';
import { aState } from '../router/support.js';
import { ManualClock } from '../support/clock.js';

type Answer = number | string;

/** Time passes only where the test says so; answers come from `answers`, by the provider's name. */
function rig() {
  const clock = new ManualClock();
  const timers = new Set<{ readonly atMs: number; readonly run: () => void }>();
  const asked: string[] = [];
  const changes: string[] = [];
  const results: ProbeResult[] = [];
  const answers: Record<string, Answer | Promise<Answer>> = {};
  const timer: Timer = (ms, run) => {
    const one = { atMs: clock.monotonic() + ms, run };
    timers.add(one);
    return () => timers.delete(one);
  };
  const probes = new HealthProbes<Probed>({
    ...{ clock, timer },
    ask: async ({ provider }) => {
      asked.push(provider);
      return answers[provider] ?? 200;
    },
    onResult: (_provider, result) => results.push(result),
    onChange: (provider, up, what) => changes.push(`${provider} ${up ? 'up' : 'down'} ${what}`),
  });
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    for (const one of timers) {
      if (one.atMs > clock.monotonic()) continue;
      timers.delete(one);
      one.run();
    }
    await turn();
  };
  return { clock, probes, timers, asked, changes, results, answers, pass };
}

const probe = (provider: string, more: Partial<Probed> = {}): Probed => ({
  ...{ provider, state: new ProbeState(), intervalMs: 1_000, unhealthy_after: 3, healthy_after: 2 },
  ...more,
});

describe('health probes', () => {
  test('ask at once and after each interval; so many bad ones in a row are down, so many good ones up', async () => {
    const { probes, asked, changes, answers, pass } = rig();
    const one = probe('p');
    const target = aState();
    answers['p'] = 503;
    probes.take([one]);
    await turn();
    assert.deepEqual([asked.length, one.state.up], [1, true]);
    await pass(999);
    assert.equal(asked.length, 1);
    await pass(1);
    answers['p'] = 200;
    await pass(1_000);
    answers['p'] = 'timeout';
    for (let i = 0; i < 2; i++) await pass(1_000);
    assert.deepEqual([one.state.up, changes], [true, []], 'the good one between begins anew');
    await pass(1_000);
    assert.deepEqual([one.state.up, changes], [false, ['p down timeout']]);
    answers['p'] = 401;
    await pass(1_000);
    assert.equal(one.state.up, false);
    await pass(1_000);
    assert.deepEqual([one.state.up, changes.at(-1)], [true, 'p up 401'], 'whoever refuses a key answers');
    assert.equal(target.whyNot(0), null, 'what nobody probes is up');
  });

  test('one is asked at a time, and the next an interval after its end', async () => {
    const { probes, asked, answers, pass, results } = rig();
    let answer = (_: Answer): void => {};
    answers['p'] = new Promise((resolve) => {
      answer = resolve;
    });
    probes.take([probe('p')]);
    await pass(5_000);
    assert.equal(asked.length, 1);
    answer(200);
    await turn();
    assert.deepEqual(results, [{ good: true, what: '200', tookMs: 5_000 }]);
    await pass(999);
    assert.equal(asked.length, 1);
    await pass(1);
    assert.equal(asked.length, 2);
  });

  test('a reload goes on with what is known, and what is probed no more counts as up', async () => {
    const { probes, changes, answers, pass, timers, asked } = rig();
    const [one, other] = [probe('p', { unhealthy_after: 1 }), probe('q', { unhealthy_after: 1 })];
    answers['p'] = answers['q'] = 500;
    probes.take([one, other]);
    await turn();
    assert.deepEqual(changes, ['p down 500', 'q down 500']);
    probes.take([{ ...one, intervalMs: 5_000 }]);
    await turn();
    assert.deepEqual([one.state.up, other.state.up, timers.size], [false, true, 1]);
    const before = asked.length;
    await pass(4_999);
    assert.equal(asked.length, before);
    probes.close();
    await pass(10_000);
    assert.deepEqual([asked.length, timers.size], [before, 0]);
  });

  test('an answer to what is asked no more changes nothing', async () => {
    const { probes, answers, changes, timers } = rig();
    let answer = (_: Answer): void => {};
    answers['p'] = new Promise((resolve) => {
      answer = resolve;
    });
    const one = probe('p', { unhealthy_after: 1 });
    probes.take([one]);
    probes.take([]);
    answer(500);
    await turn();
    assert.deepEqual([one.state.up, changes, timers.size], [true, [], 0]);
  });
});
