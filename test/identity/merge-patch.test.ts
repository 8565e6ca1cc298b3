import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergePatch } from '../../src/identity/merge-patch.js';

type Json = Record<string, unknown>;

// The objects among the examples of RFC 7396, appendix A.
const examples: [Json, Json, Json][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

test('patches merge as RFC 7396 says', () => {
  for (const [target, patch, expected] of examples) assert.deepEqual(mergePatch(target, patch), expected);
});

test('no patch changes nothing, and null empties', () => {
  assert.deepEqual(mergePatch({ a: 1 }, undefined), { a: 1 });
  assert.deepEqual(mergePatch({ a: 1 }, null), {});
});

test('what was there is not written to', () => {
  const target = { a: { b: 1 } };
  mergePatch(target, { a: { b: 2, c: 3 } });
  assert.deepEqual(target, { a: { b: 1 } });
});

test('a member named __proto__ is a member like any other', () => {
  const merged = mergePatch({}, JSON.parse('{"__proto__": {"polluted": 1}}') as Json);
  assert.equal(({} as Json)['polluted'], undefined);
  assert.deepEqual(Object.keys(merged), ['__proto__']);
});
