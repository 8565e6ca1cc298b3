/** It does what a `Map` does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PassingMap } from '../../src/lib/passing-map.js';

test('any sequence of settings and deletions leaves what a Map would hold, also beyond its first size', () => {
  const step = fc.tuple(fc.constantFrom('set', 'set', 'set', 'delete'), fc.integer({ min: 0, max: 999 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 2_000, size: 'max' }), (steps) => {
      const [map, passing] = [new Map<string, number>(), new PassingMap<number>()];
      for (const [at, [what, n]] of steps.entries()) {
        const key = n < 20 ? 'x'.repeat(n) : `key-${n}`; // keys may be short, and alike at their end
        if (what === 'delete') assert.equal(passing.delete(key), map.delete(key));
        else {
          map.set(key, at);
          passing.set(key, at);
        }
        assert.equal(passing.get(key), map.get(key));
        assert.equal(passing.size, map.size);
      }
      assert.deepEqual(new Map(passing.entries()), map);
    }),
    { numRuns: 50 },
  );
});

test('what is deleted while one goes through it is no trouble', () => {
  const passing = new PassingMap<number>();
  for (let n = 0; n < 500; n++) passing.set(`key-${n}`, n);
  for (const [key, n] of passing.entries()) if (n % 2) passing.delete(key);
  assert.equal(passing.size, 250);
  assert.equal(passing.get('key-1'), undefined);
  assert.equal(passing.get('key-2'), 2);
});
