import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanFilter, decodeCursor, encodeCursor, entryJson, filterProblem } from '../../src/ledger/page.js';
import { newId } from '../../src/lib/ids.js';
import { entry } from '../contract/ledger.js';

test('an entry in JSON has the fields of the contract in its order, its time in ISO 8601 and its cost in dollars', () => {
  const one = entry({ id: 'ent_01h', at: Date.parse('2026-11-24T08:00:00.123Z') });
  assert.equal(
    JSON.stringify(entryJson(one)),
    JSON.stringify({
      id: 'ent_01h',
      at: '2026-11-24T08:00:00.123Z',
      request_id: 'req-1',
      attempt: 1,
      key: 'key_01h',
      team: 'search',
      user: null,
      tags: ['prod'],
      metadata: {},
      endpoint: 'chat',
      model: 'gpt-4o-mini',
      served_model: 'gpt-4o-mini-2024-07-18',
      provider: 'openai',
      target: 'openai/gpt-4o-mini',
      status: 200,
      error: null,
      stream: true,
      cache: 'miss',
      tokens: {
        input: 10,
        cache_read: 0,
        cache_write_5m: 0,
        cache_write_1h: 0,
        output: 9,
        reasoning: 0,
        audio_input: 0,
        audio_output: 0,
      },
      usage_source: 'provider',
      cost_nusd: { input: 1500, cache_read: 0, cache_write: 0, output: 5400, total: 6900 },
      cost_usd: '0.000006900',
      price_version: '2026-11-20',
      first_byte_ms: 12.1,
      duration_ms: 30.2,
      overhead_ms: 0.4,
    }),
  );
});

test('the cost in dollars is exact, however large', () => {
  const cost = { input: 0, cache_read: 0, cache_write: 0, output: 0, total: Number.MAX_SAFE_INTEGER };
  assert.equal(entryJson(entry({ cost_nusd: cost })).cost_usd, '9007199.254740991');
});

test('a cursor leads back to its place', () => {
  for (const at of [0, 1, 1_795_514_400_123]) {
    const place = { at, id: newId('ent', at) };
    assert.deepEqual(decodeCursor(encodeCursor(place)), { ok: true, value: place });
  }
});

test('a cursor that was not given out is refused, whatever it holds', () => {
  const written = [
    '',
    '/',
    '1/',
    '/a',
    '1.5/a',
    '-1/a',
    '1/a b',
    "1/a'--",
    '1/a\0',
    '99999999999999999999/a',
    `1/${'a'.repeat(101)}`,
    '1/a/b',
    '1/é',
    '1/a\n',
  ];
  for (const text of [
    ...written.map((one) => Buffer.from(one).toString('base64url')),
    'not base64 !!',
    '\0',
    '%00',
    'x'.repeat(100_000),
  ]) {
    const answer = decodeCursor(text);
    assert.equal(!answer.ok && answer.refusal.code, 'invalid_value', text.slice(0, 40));
    assert.equal(!answer.ok && answer.refusal.param, 'cursor');
  }
});

test('times and statuses that can be are no problem', () => {
  assert.equal(filterProblem({}), null);
  assert.equal(filterProblem({ from: 0, to: 4_102_444_800_000, status: 499 }), null);
});

test('a filter asks for the teams that it names, however many they are', () => {
  assert.deepEqual(cleanFilter({ teams: ['search', 'ads', 'ops'], team: 'a\0b', status: 200 }), {
    ...{ teams: ['search', 'ads', 'ops'], team: 'a\ufffdb', status: 200 },
  });
});
