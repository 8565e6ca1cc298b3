import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anthropic } from '../../providers/anthropic.js';

test('the credential and a pinned API version go into the headers', () => {
  assert.deepEqual(anthropic.auth('secret'), { 'x-api-key': 'secret', 'anthropic-version': '2023-06-01' });
});

test('messages live below the base URL', () => {
  assert.equal(
    new URL(anthropic.speaks['anthropic-messages'], anthropic.baseUrl).href,
    'https://api.anthropic.com/v1/messages',
  );
});

for (const [model, maxOutput] of [
  ['claude-3-haiku-20240307', 4096],
  ['claude-2.1', 4096],
  ['claude-3-5-sonnet-20241022', 8192],
  ['claude-3.5-haiku', 8192],
  ['claude-3-7-sonnet-20250219', 64_000],
  ['claude-opus-4-20250514', 32_000],
  ['claude-opus-4-1-20250805', 32_000],
  ['claude-sonnet-4-20250514', 64_000],
  ['claude-sonnet-4-5-20250929', 64_000],
  ['claude-haiku-4-5', 64_000],
  ['claude-opus-4-6', 128_000],
  ['claude-opus-5-5', 128_000],
  ['claude-later-9', 128_000],
  ['another-makers-model', 32_000],
] as const) {
  test(`${model} answers with at most ${maxOutput} tokens`, () => {
    assert.equal(anthropic.modelFacts(model).maxOutput, maxOutput);
  });
}

const having = (fact: keyof ReturnType<typeof anthropic.modelFacts>, models: readonly string[]): string[] =>
  models.filter((model) => anthropic.modelFacts(model)[fact]);

const all = [
  'claude-3-haiku-20240307',
  'claude-sonnet-4-20250514',
  'claude-sonnet-4-5',
  'claude-opus-4-6',
  'claude-opus-4-7',
  'claude-opus-5',
  'claude-haiku-5-5',
  'claude-fable-5',
  'claude-fable-5-1',
  'claude-opus-5-5',
  'claude-sonnet-5-5',
];

test('each model is known by what it takes and refuses', () => {
  assert.deepEqual(having('rejectsSampling', all), all.slice(4));
  assert.deepEqual(having('adaptiveThinking', all), all.slice(3));
  assert.deepEqual(having('rejectsBudgetThinking', all), [all[0], ...all.slice(4)]);
  assert.deepEqual(having('rejectsThinkingDisabled', all), all.slice(7));
  assert.deepEqual(having('rejectsForcedTool', all), all.slice(8));
  assert.deepEqual(having('nativeStructuredOutput', all), all.slice(2));
  assert.deepEqual(having('xhighEffort', all), all.slice(4));
  assert.deepEqual(having('betweenToolsThinking', all), ['claude-sonnet-5-5']);
  assert.deepEqual(having('rejectsPrefill', all), all.slice(3));
});

test('names may have a prefix, capitals, a date, or dots in their version', () => {
  const known = anthropic.modelFacts('claude-opus-5-5');
  for (const model of [
    'anthropic/claude-opus-5.5',
    'Claude-Opus-5-5',
    'claude-opus-5-5-20261001',
    'eu.claude-opus-5-5',
  ]) {
    assert.equal(anthropic.modelFacts(model), known);
  }
});

test('a model that must think and cannot be forced still takes a schema, else nothing could hold it to one', () => {
  for (const model of all) {
    const { rejectsForcedTool, nativeStructuredOutput } = anthropic.modelFacts(model);
    assert.ok(!rejectsForcedTool || nativeStructuredOutput, model);
  }
});

test('tokens are counted upwards, and more so where the tokenizer is the newer one', () => {
  const older = anthropic.counting('claude-sonnet-4-5');
  const newer = anthropic.counting('claude-opus-4-7');
  assert.equal(older.encoding, 'o200k_base');
  assert.equal(older.exact, false);
  assert.ok(older.factor > 1);
  assert.ok(newer.factor >= older.factor * 1.3);
});
