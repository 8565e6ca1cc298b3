import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Snapshot, Snapshots } from '../../src/config/snapshot.js';

function numbered() {
  const ended: number[] = [];
  return { ended, make: (n: number) => new Snapshot(n, () => ended.push(n)) };
}

test('what was entered stays what it was, and ends when the last one has left', () => {
  const { ended, make } = numbered();
  const snapshots = new Snapshots(make(1));
  const [a, b] = [snapshots.enter(), snapshots.enter()];
  snapshots.swap(make(2));
  assert.deepEqual([a.value, b.value, snapshots.value, snapshots.enter().value], [1, 1, 2, 2]);
  a.leave();
  assert.deepEqual(ended, []);
  b.leave();
  assert.deepEqual(ended, [1]);
});

test('what nobody is in ends at once when it is replaced, and not before', () => {
  const { ended, make } = numbered();
  const snapshots = new Snapshots(make(1));
  snapshots.enter().leave();
  assert.deepEqual(ended, []);
  snapshots.swap(make(2));
  assert.deepEqual(ended, [1]);
});

test('several that were replaced end in the order in which they were left', () => {
  const { ended, make } = numbered();
  const snapshots = new Snapshots(make(1));
  const first = snapshots.enter();
  snapshots.swap(make(2));
  const second = snapshots.enter();
  snapshots.swap(make(3));
  second.leave();
  first.leave();
  assert.deepEqual(ended, [2, 1]);
  assert.equal(snapshots.value, 3);
});

test('one that cannot come into force ends at once, and what is in force stays', () => {
  const { ended, make } = numbered();
  const snapshots = new Snapshots(make(1));
  const next = make(2);
  assert.equal(
    next.beforeSwap(() => 'prepared'),
    'prepared',
  );
  assert.deepEqual(ended, []);
  assert.throws(() =>
    next.beforeSwap(() => {
      throw new Error('cannot be prepared');
    }),
  );
  assert.deepEqual([ended, snapshots.value], [[2], 1]);
});
