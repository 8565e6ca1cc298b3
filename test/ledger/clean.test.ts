import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanEntry, cleanText } from '../../src/ledger/clean.js';
import type { Entry } from '../../src/ledger/entry.js';
import { entry } from '../contract/ledger.js';

const metadata = (value: unknown): unknown => cleanEntry(entry({ metadata: value as Entry['metadata'] })).metadata;

test('an entry that any store can hold is left as it is', () => {
  const good = entry({ user: 'Zoë 🐈 "x"', tags: ['a', ''], metadata: { a: [1, { b: null }], c: 'x', d: true } });
  assert.deepEqual(cleanEntry(good), good);
});

test('what cannot be stored becomes a replacement character; whole surrogate pairs stay', () => {
  assert.equal(cleanText('a\0b'), 'a\ufffdb');
  assert.equal(cleanText('\ud83d'), '\ufffd');
  assert.equal(cleanText('\udc08x\ud83d'), '\ufffdx\ufffd');
  assert.equal(cleanText('\ud83d\udc08'), '🐈');
  assert.equal(cleanText('\\u0000'), '\\u0000');
});

test('a text is cut to what an index can hold, also where the cut halves a pair', () => {
  assert.equal(cleanText('x'.repeat(501)).length, 500);
  assert.equal(cleanText(`${'x'.repeat(499)}🐈`), `${'x'.repeat(499)}\ufffd`);
});

test('every text of an entry is cleaned', () => {
  const texts = [
    'id',
    'request_id',
    'key',
    'team',
    'user',
    'endpoint',
    'model',
    'served_model',
    'provider',
    'target',
    'error',
    'price_version',
  ];
  const bad = cleanEntry({
    ...entry(),
    ...Object.fromEntries(texts.map((name) => [name, 'a\0'])),
    tags: ['a\0'],
  } as Entry);
  for (const name of texts) assert.equal(bad[name as keyof Entry], 'a\ufffd', name);
  assert.deepEqual(bad.tags, ['a\ufffd']);
  assert.equal(cleanEntry(entry({ tags: Array(5_000).fill('t') })).tags.length, 100);
});

test('latencies that are no numbers become none', () => {
  const odd = cleanEntry(
    entry({ first_byte_ms: Number.NaN, duration_ms: Number.NaN, overhead_ms: Number.POSITIVE_INFINITY }),
  );
  assert.deepEqual([odd.first_byte_ms, odd.duration_ms, odd.overhead_ms], [0, 0, 0]);
});

test('metadata is cleaned in names and values at every depth', () => {
  assert.deepEqual(metadata({ 'a\0': [{ b: 'c\ud800' }] }), { 'a\ufffd': [{ b: 'c\ufffd' }] });
});

test('metadata that JSON cannot say is null, and what has a special name stays data', () => {
  assert.deepEqual(metadata({ a: 1n, b: undefined, c: Number.NaN, d: () => 1, e: Symbol('x') }), {
    a: null,
    b: null,
    c: null,
    d: null,
    e: null,
  });
  const special = metadata(JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}')) as object;
  assert.deepEqual(Object.keys(special), ['__proto__', 'constructor']);
  assert.equal(({} as { x?: number }).x, undefined);
});

test('metadata that is nested 100,000 deep is cut, in bounded time', () => {
  let deep: unknown = 'bottom';
  for (let i = 0; i < 100_000; i++) deep = i % 2 ? [deep] : { deep };
  const kept = JSON.stringify(metadata({ deep, beside: 1 }));
  assert.ok(kept.length < 1_000);
  assert.ok(kept.endsWith('"beside":1}'));
});

test('metadata of megabytes is cut to what fits, whatever makes it large', () => {
  const large: unknown[] = [
    { first: 1, long: 'x'.repeat(5_000_000) },
    { first: 1, list: Array(500_000).fill(7) },
    { first: 1, ...Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`name${i}`, i])) },
    { first: 1, ['n'.repeat(1_000_000)]: 1 },
  ];
  for (const one of large) {
    const kept = metadata(one) as Record<string, unknown>;
    assert.equal(kept['first'], 1);
    assert.ok(JSON.stringify(kept).length < 60_000);
  }
});
