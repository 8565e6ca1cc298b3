/** What a file of list prices may hold: everything in it is bounded before anything is priced by it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { waitForUpdate } from '@pydantic/genai-prices';
import { isLinear, readCatalogue } from '../../src/pricing/catalogue-file.js';

const model = (fields: object = {}) => ({
  id: 'm-1',
  match: { equals: 'm-1' },
  prices: { input_mtok: 1, output_mtok: 2 },
  prices_checked: '2026-11-02',
  ...fields,
});
const provider = (fields: object = {}) => ({
  id: 'acme',
  name: 'Acme',
  api_pattern: 'https://api\\.acme\\.com',
  models: [model()],
  ...fields,
});
const read = (written: unknown, date?: string) => readCatalogue(JSON.stringify(written), date);

test('the data of the package is taken as it is, with its date told or stated', async () => {
  const text = JSON.stringify(await waitForUpdate());
  const stated = readCatalogue(text, '2026-11-30');
  assert.ok(stated.ok);
  assert.equal(stated.value.date, '2026-11-30');
  assert.ok(stated.value.models > 1000);
  assert.equal(stated.value.sha256, createHash('sha256').update(text).digest('hex'));
  const wrapped = readCatalogue(`{"date":"2026-11-29","providers":${text}}`);
  assert.equal(wrapped.ok && wrapped.value.date, '2026-11-29');
});

test('without a date of its own it is from the day on which a price of it was last looked up; without any it is refused', () => {
  const two = [provider(), provider({ id: 'other', models: [model({ prices_checked: '2026-11-03' })] })];
  const taken = read(two);
  assert.equal(taken.ok && taken.value.date, '2026-11-03');
  const none = read([provider({ models: [model({ prices_checked: undefined })] })]);
  assert.match(none.ok ? '' : none.refusal.message, /tells its date: state the date/);
});

const refusedFiles: readonly (readonly [what: string, written: unknown, words: RegExp])[] = [
  ['no list', { a: 1 }, /date: /],
  ['an empty list', [], /Too small/],
  ['no models at all', [provider({ models: [] })], /no models|date/],
  ['a provider twice', [provider(), provider()], /acme twice/],
  ['a negative price', [provider({ models: [model({ prices: { input_mtok: -1 } })] })], /0\.models\.0\.prices/],
  ['a price beyond all measure', [provider({ models: [model({ prices: { input_mtok: 1e9 } })] })], /prices/],
  ['a price in words', [provider({ models: [model({ prices: { input_mtok: '1' } })] })], /prices/],
  ['a model without a match', [provider({ models: [model({ match: undefined })] })], /match/],
  ['a match of another kind', [provider({ models: [model({ match: { like: 'm' } })] })], /match/],
  ['a pattern that is none', [provider({ models: [model({ match: { regex: '(' } })] })], /match/],
  ['a pattern that takes for ever', [provider({ models: [model({ match: { regex: '^(a+)+$' } })] })], /match/],
  ['an address pattern that takes for ever', [provider({ api_pattern: '(x*)*y' })], /api_pattern/],
  ['a name that is no id', [provider({ id: '__proto__' })], /id/],
  [
    'a tier before nothing',
    [provider({ models: [model({ prices: { input_mtok: { base: 1, tiers: [] } } })] })],
    /prices/,
  ],
  ['a date that is none', { date: '2026-13-01', providers: [provider()] }, /date/],
];

for (const [what, written, words] of refusedFiles) {
  test(`refused with its place: ${what}`, () => {
    const answer = read(written);
    assert.ok(!answer.ok);
    assert.match(answer.refusal.message, words);
    assert.match(answer.refusal.message, /Nothing was changed/);
  });
}

test('what is no JSON, or nested without an end, is refused', () => {
  for (const text of ['', 'price: 1', '{"a":', '['.repeat(100_000)]) assert.ok(!readCatalogue(text, '2026-11-30').ok);
  const deep = `{"date":"2026-11-30","providers":${'['.repeat(5_000)}${']'.repeat(5_000)}}`;
  const answer = readCatalogue(deep);
  assert.match(answer.ok ? '' : answer.refusal.message, /nested too deeply/);
});

test('a pattern is linear where no group repeats, nothing refers back, and few runs have no end', async () => {
  for (const good of ['^gpt-5\\.4-\\d{4}-\\d{2}$', '^(?!.*-tts(?:$|-))', '[+*]{2}x', '^o[134]'])
    assert.ok(isLinear(good), good);
  for (const bad of ['(a+)+', '(a|a)*b', '(x{2,})*', 'a*b*c*d*', '(a)\\1', '(', 'x'.repeat(501), '(ab){1,9}'])
    assert.ok(!isLinear(bad), bad);
  const patterns: string[] = [];
  JSON.stringify(await waitForUpdate(), (key, value) => {
    if (key === 'regex' || key === 'api_pattern') patterns.push(value);
    return value;
  });
  assert.ok(patterns.length > 40);
  assert.deepEqual(
    patterns.filter((pattern) => !isLinear(pattern)),
    [],
  );
});
