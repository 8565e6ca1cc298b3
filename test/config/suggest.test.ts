import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { configSchema } from '../../src/config/schema.js';
import { editDistance, knownKeys, nearest } from '../../src/config/suggest.js';
import { processorTime } from '../support/processor-time.js';

test('the distance counts letters inserted, removed, replaced and swapped', () => {
  for (const [a, b, distance] of [
    ['port', 'port', 0],
    ['prot', 'port', 1],
    ['por', 'port', 1],
    ['porrt', 'port', 1],
    ['sort', 'port', 1],
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
    ['abc', '', 3],
  ] as const) {
    assert.equal(editDistance(a, b), distance, `${a} ${b}`);
  }
});

test('the distance is the same both ways, nought only between equals, and at most the longer length', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
      const distance = editDistance(a, b);
      assert.equal(distance, editDistance(b, a));
      assert.equal(distance === 0, a === b);
      assert.ok(distance <= Math.max(a.length, b.length));
    }),
  );
});

test('a slip finds its word, whatever its case and dashes; another word finds none', () => {
  const words = ['api_key', 'base_url', 'headers', 'type'];
  assert.equal(nearest('apikey', words), 'api_key');
  assert.equal(nearest('API-Key', words), 'api_key');
  assert.equal(nearest('base_ulr', words), 'base_url');
  assert.equal(nearest('header', words), 'headers');
  assert.equal(nearest('tpye', words), 'type');
  assert.equal(nearest('weight', words), undefined);
  assert.equal(nearest('x', []), undefined);
});

test('a key of a megabyte is compared in bounded time', () => {
  const usedMs = processorTime();
  nearest('x'.repeat(1_000_000), ['api_key', 'x'.repeat(50)]);
  assert.ok(usedMs() < 1000);
});

test('the keys that a schema knows are found through records, lists, defaults and unions', () => {
  assert.deepEqual(knownKeys(configSchema, ['redis']), ['url', 'on_failure']);
  assert.deepEqual(knownKeys(configSchema, ['models', 'any', 'targets', 0]), [
    'provider',
    'model',
    'base_model',
    'weight',
    'priority',
    'price',
    'limits',
  ]);
  assert.deepEqual(knownKeys(configSchema, ['providers', 'any', 'api_key']), ['file']);
  assert.ok(knownKeys(configSchema, ['models', 'any', 'limits', 3]).includes('timezone'));
  assert.deepEqual(knownKeys(configSchema, ['no', 'such', 'place']), []);
});
