/** Slots that other processes give back: their messages are read before a refusal is believed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitSpec } from '../../src/lib/limit-spec.js';
import { justARequest } from '../../src/limits/amount.js';
import { Limit } from '../../src/limits/limit.js';
import { Limits } from '../../src/limits/limits.js';
import { MemoryStore } from '../../src/limits/memory.js';
import { ManualClock } from '../support/clock.js';

const slot = new Limit({ kind: 'key', id: 'k' }, limitSpec.parse({ unit: 'concurrent', max: 1 }));

async function taken(othersSettle: boolean) {
  const clock = new ManualClock();
  const limits = new Limits({ clock, store: new MemoryStore(clock, { leaseMs: 5_000 }), othersSettle });
  const ask = (id: string, limit = slot) => limits.reserve({ id, limits: [limit], estimate: justARequest });
  const first = await ask('a');
  assert.ok(first.kind === 'reserved');
  return { ask, giveBack: () => limits.release(first.hold) };
}

test('a slot is free for who asks after it was given back, also where that is read a turn later', async () => {
  const { ask, giveBack } = await taken(true);
  const asked = ask('b');
  setImmediate(giveBack);
  assert.equal((await asked).kind, 'reserved');
});

test('who is refused for good is refused, and a slot is given to one of those who wait', async () => {
  const { ask, giveBack } = await taken(true);
  assert.equal((await ask('b')).kind, 'denied');
  const both = [ask('c'), ask('d')];
  setImmediate(giveBack);
  assert.deepEqual((await Promise.all(both)).map(({ kind }) => kind).sort(), ['denied', 'reserved']);
});

test('a rate that refuses does so at once, and so does everything where nobody else settles', async () => {
  const rate = new Limit({ kind: 'key', id: 'k' }, limitSpec.parse({ unit: 'requests', max: 1, per: 'hour' }));
  const { ask } = await taken(true);
  await ask('b', rate);
  assert.ok(!(ask('c', rate) instanceof Promise));
  const alone = await taken(false);
  assert.ok(!(alone.ask('b') instanceof Promise));
});
