import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLookups, QueueFull } from '../../src/identity/lookups.js';

/** A store that answers when the test says so. */
function heldStore() {
  const asked: { hash: string; answer: (value: string) => void; fail: (error: Error) => void }[] = [];
  const find = (hash: string) =>
    new Promise<string>((answer, fail) => {
      asked.push({ hash, answer, fail });
    });
  return { asked, find };
}

const turn = () => new Promise<void>((done) => setImmediate(done));
const bounds = { concurrency: 2, maxWaiting: 3, timeoutMs: 5_000 };

test('whoever asks for the same hash meanwhile gets the same answer', async () => {
  const { asked, find } = heldStore();
  const lookups = createLookups({ find, ...bounds });
  const both = Promise.all([lookups.get('a'), lookups.get('a')]);
  await turn();
  assert.equal(asked.length, 1);
  asked[0]!.answer('found');
  assert.deepEqual(await both, [
    { value: 'found', overtaken: false },
    { value: 'found', overtaken: false },
  ]);
  const later = lookups.get('a');
  await turn();
  assert.equal(asked.length, 2, 'an answer that was given is not kept');
  asked[1]!.answer('again');
  assert.equal((await later).value, 'again');
});

test('the store is never asked more at once than the bound, others wait, and too many are refused', async () => {
  const { asked, find } = heldStore();
  const lookups = createLookups({ find, ...bounds });
  const five = ['a', 'b', 'c', 'd', 'e'].map((hash) => lookups.get(hash));
  await assert.rejects(lookups.get('f'), QueueFull);
  await turn();
  assert.equal(asked.length, 2);
  assert.deepEqual([lookups.running, lookups.waiting], [2, 3]);
  for (let i = 0; i < 5; i++) {
    asked[i]!.answer(asked[i]!.hash.toUpperCase());
    await turn();
    await turn();
    assert.ok(lookups.running <= 2);
  }
  assert.deepEqual(
    (await Promise.all(five)).map(({ value }) => value),
    ['A', 'B', 'C', 'D', 'E'],
  );
  assert.deepEqual([lookups.running, lookups.waiting], [0, 0]);
});

test('a look-up that fails fails all who wait for it, and gives its place away', async () => {
  const { asked, find } = heldStore();
  const lookups = createLookups({ find, concurrency: 1, maxWaiting: 1, timeoutMs: 5_000 });
  const bad = [lookups.get('a'), lookups.get('a')];
  const good = lookups.get('b');
  await turn();
  asked[0]!.fail(new Error('the store is away'));
  for (const one of bad) await assert.rejects(one, /away/);
  await turn();
  asked[1]!.answer('b');
  assert.equal((await good).value, 'b');
  assert.equal(lookups.running, 0);
});

test('nobody waits longer than the time allows, and a silent store is still not asked more than the bound', async () => {
  const { asked, find } = heldStore();
  const lookups = createLookups({ find, concurrency: 1, maxWaiting: 5, timeoutMs: 20 });
  const silent = lookups.get('a');
  const behind = lookups.get('b');
  await assert.rejects(silent, /20 ms/);
  await assert.rejects(behind, /20 ms/);
  assert.equal(lookups.running, 1, 'the store still has it');
  asked[0]!.answer('at last');
  await turn();
  assert.equal(asked.length, 1, 'whom nobody waits for is not asked about any more');
  assert.deepEqual([lookups.running, lookups.waiting], [0, 0]);
});

test('a change marks what is being looked up, and whoever asks after it asks anew', async () => {
  const { asked, find } = heldStore();
  const lookups = createLookups({ find, ...bounds });
  const before = lookups.get('a');
  const other = lookups.get('b');
  await turn();
  lookups.overtake('a');
  const after = lookups.get('a');
  asked[0]!.answer('old');
  asked[1]!.answer('b');
  await turn();
  await turn();
  asked[2]!.answer('new');
  assert.deepEqual(await before, { value: 'old', overtaken: true });
  assert.deepEqual(await after, { value: 'new', overtaken: false });
  assert.deepEqual(await other, { value: 'b', overtaken: false });
});

test('when anything may have changed, all of them are marked', async () => {
  const { asked, find } = heldStore();
  const lookups = createLookups({ find, ...bounds });
  const both = Promise.all([lookups.get('a'), lookups.get('b')]);
  await turn();
  lookups.overtakeAll();
  for (const one of asked) one.answer('x');
  assert.deepEqual(
    (await both).map(({ overtaken }) => overtaken),
    [true, true],
  );
});
