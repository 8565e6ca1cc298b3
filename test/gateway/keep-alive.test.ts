import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KeepAlive } from '../../src/gateway/keep-alive.js';
import type { ResponseWriter } from '../../src/gateway/response-writer.js';

/** Looks once a tick of 20 ms, as the ticker of the deadlines does, and tells when something was written. */
function rig(times = { firstMs: 1_000, silenceMs: 200 }, faulty = false) {
  const told: string[] = [];
  const faults: unknown[] = [];
  const state = { started: false, gone: false, takes: true, now: 0 };
  const writer: ResponseWriter = {
    head: (status: number) => {
      state.started = true;
      told.push(`${state.now} head ${status}`);
    },
    write: (bytes: Buffer) => {
      told.push(`${state.now} ${bytes}`);
      return state.takes;
    },
    get started() {
      return state.started;
    },
    get gone() {
      return state.gone;
    },
    interrupted: false,
    end: () => {},
    breakOff: () => {},
    onDrain: () => {},
    onGone: () => {},
  };
  const keepAlive = new KeepAlive({
    ...{ writer, times, comment: Buffer.from(':') },
    head: () => {
      if (faulty) throw new Error('no head');
      return [];
    },
    onFault: (error) => faults.push(error),
  });
  const until = (ms: number): void => {
    for (; state.now < ms; state.now += 20) keepAlive.check(state.now);
  };
  return { keepAlive, told, faults, state, until };
}

describe('a stream that nobody has begun to answer', () => {
  test('gets its head late, and from then on a comment in every silence', () => {
    const { told, until } = rig();
    until(1_000);
    assert.deepEqual(told, []);
    until(1_500);
    assert.deepEqual(told, ['1000 head 200', '1000 :', '1200 :', '1400 :']);
  });

  test('never does where the time is infinite, unless its upstream has begun', () => {
    const { told, until, keepAlive } = rig({ firstMs: Number.POSITIVE_INFINITY, silenceMs: 200 });
    until(100_000);
    assert.deepEqual(told, []);
    keepAlive.begun();
    until(100_300);
    assert.deepEqual(told, ['100200 head 200', '100200 :']);
  });

  test('an attempt that ended before anything was written was no beginning', () => {
    const { told, until, keepAlive } = rig();
    keepAlive.begun();
    until(100);
    keepAlive.attempt();
    until(900);
    assert.deepEqual(told, []);
  });
});

describe('a stream that has begun', () => {
  test('is silent from its last bytes on', () => {
    const { told, until, keepAlive, state } = rig();
    state.started = true;
    for (let ms = 0; ms < 2_000; ms += 100) {
      until(ms);
      keepAlive.wrote(true);
    }
    assert.deepEqual(told, []);
    until(2_320);
    assert.deepEqual(told, ['2100 :', '2300 :']);
  });

  test('whose caller does not read gets no comment until it does', () => {
    const { told, until, keepAlive, state } = rig();
    state.started = true;
    keepAlive.wrote(false);
    until(5_000);
    assert.deepEqual(told, []);
    keepAlive.drained();
    state.takes = false;
    until(10_000);
    assert.deepEqual(told, ['5200 :'], 'one, which was not taken either');
  });

  test('whose caller has left gets none', () => {
    const { told, until, state } = rig();
    state.gone = true;
    until(5_000);
    assert.deepEqual(told, []);
  });
});

test('a head that cannot be written is a fault, once, and the request goes on', () => {
  const { told, faults, until } = rig({ firstMs: 100, silenceMs: 100 }, true);
  until(1_000);
  assert.deepEqual([told, faults.length], [[], 1]);
});
