/** A value that ends is made once for all who wait, anew before it ends, and again after it was refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Renewed, Renewing } from '../../src/lib/renewing.js';

function renewing(lifeMs: number) {
  const state = { now: 0, made: 0, fails: false };
  const make = async (): Promise<Renewed<number>> => {
    if (state.fails) throw new Error('no token');
    return { value: ++state.made, expiresAtMs: state.now + lifeMs };
  };
  return { state, token: new Renewing(make, () => state.now) };
}

test('whoever comes at once waits for one and the same', async () => {
  const { state, token } = renewing(3_600_000);
  assert.deepEqual(await Promise.all([token.get(), token.get(), token.get()]), [1, 1, 1]);
  assert.equal(state.made, 1);
});

test('near its end it is made anew while the old one still serves, and nobody waits', async () => {
  const { state, token } = renewing(3_600_000);
  await token.get();
  state.now = 3_600_000 - 300_001;
  assert.equal(await token.get(), 1);
  assert.equal(state.made, 1);
  state.now = 3_600_000 - 300_000;
  assert.equal(await token.get(), 1);
  await new Promise(setImmediate);
  assert.equal(await token.get(), 2);
});

test('of a short life the last fifth is its end', async () => {
  const { state, token } = renewing(10_000);
  await token.get();
  state.now = 7_999;
  await token.get();
  assert.equal(state.made, 1);
  state.now = 8_000;
  assert.equal(await token.get(), 1);
  assert.equal(state.made, 2);
});

test('a failure to make it anew is told only once the old one has ended, and is not kept', async () => {
  const { state, token } = renewing(1_000_000);
  await token.get();
  state.fails = true;
  state.now = 900_000;
  assert.equal(await token.get(), 1);
  state.now = 1_000_000;
  await assert.rejects(token.get(), /no token/);
  state.fails = false;
  assert.equal(await token.get(), 2);
});

test('what was refused is dropped, but not again and again, and not what could not be made anew', async () => {
  const { state, token } = renewing(1_000_000);
  assert.equal(token.drop(), false);
  await token.get();
  assert.equal(token.drop(), true);
  assert.equal(await token.get(), 2);
  assert.equal(token.drop(), false);
  state.now = 60_000;
  assert.equal(token.drop(), true);
  const { token: endless } = renewing(Number.POSITIVE_INFINITY);
  await endless.get();
  assert.equal(endless.drop(), false);
});
