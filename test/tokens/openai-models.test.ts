import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodingFor, toolRuleFor, visionRuleFor } from '../../src/formats/openai-chat/models.js';

const o200k = [
  'gpt-4o',
  'gpt-4o-mini',
  'gpt-4o-2024-08-06',
  'gpt-4o-audio-preview',
  'chatgpt-4o-latest',
  'gpt-4.1',
  'gpt-4.1-nano',
  'gpt-4.5-preview',
  'gpt-5',
  'gpt-5-mini',
  'gpt-5.1-codex',
  'gpt-5.6',
  'gpt-6-astra',
  'gpt-oss-120b',
  'o1',
  'o1-pro',
  'o3-mini',
  'o4-mini-2025-04-16',
  'codex-mini-latest',
  'computer-use-preview',
  'ft:gpt-4o-mini-2024-07-18:org::abc',
  'openai/gpt-4.1',
  'GPT-4o',
];
const cl100k = [
  'gpt-4',
  'gpt-4-0613',
  'gpt-4-turbo',
  'gpt-4-32k',
  'gpt-4-vision-preview',
  'gpt-3.5-turbo',
  'gpt-35-turbo',
  'gpt-3.5-turbo-0125',
  'text-embedding-3-small',
  'text-embedding-3-large',
  'text-embedding-ada-002',
  'ft:gpt-3.5-turbo-0125:org:name:abc',
  'ft:gpt-4-0613:o::1',
];

test('every model of OpenAI has its own encoding', () => {
  for (const model of o200k) assert.deepEqual(encodingFor(model), { encoding: 'o200k_base', exact: true }, model);
  for (const model of cl100k) assert.deepEqual(encodingFor(model), { encoding: 'cl100k_base', exact: true }, model);
});

test('a name that is not known is counted by the newest encoding and not called exact', () => {
  const names = [
    '',
    'my-deployment',
    'llama-3.3-70b',
    'claude-opus-4-7',
    'gemini-2.5-pro',
    'mistral-large',
    'o200',
    'gpt-40',
    'gpt-50',
    'gpt-7',
    'ft:',
    'ft::',
    '/',
    'openorca',
  ];
  for (const name of names) assert.deepEqual(encodingFor(name), { encoding: 'o200k_base', exact: false }, name);
});

test('each family bills pictures in its own way', () => {
  const kinds = Object.fromEntries(
    [
      'gpt-4o',
      'gpt-4o-mini',
      'gpt-4.1',
      'gpt-4.1-mini',
      'gpt-4.1-nano',
      'o1',
      'o4-mini',
      'gpt-5',
      'gpt-5-mini',
      'gpt-5.1',
      'gpt-5.2',
      'gpt-5.4-nano',
      'gpt-5.6',
      'next',
    ].map((model) => {
      const rule = visionRuleFor(model);
      return [model, rule.kind === 'tiles' ? `${rule.base}+${rule.tile}` : `${rule.most} x ${rule.factor}`];
    }),
  );
  assert.deepEqual(kinds, {
    'gpt-4o': '85+170',
    'gpt-4o-mini': '2833+5667',
    'gpt-4.1': '85+170',
    'gpt-4.1-mini': '1536 x 1.62',
    'gpt-4.1-nano': '1536 x 2.46',
    o1: '75+150',
    'o4-mini': '1536 x 1.72',
    'gpt-5': '70+140',
    'gpt-5-mini': '1536 x 1.62',
    'gpt-5.1': '70+140',
    'gpt-5.2': '1536 x 1.2',
    'gpt-5.4-nano': '1536 x 2.46',
    'gpt-5.6': '10000 x 1.2',
    next: '10000 x 1.2',
  });
});

test('tools cost more on GPT-5 and on GPT-4', () => {
  assert.equal(toolRuleFor('gpt-4o').perRequest, 12);
  assert.equal(toolRuleFor('gpt-5-nano').perRequest, 95);
  assert.equal(toolRuleFor('gpt-4o').perTool, 7);
  assert.equal(toolRuleFor('gpt-4-0613').perTool, 10);
  assert.equal(toolRuleFor('ft:gpt-3.5-turbo:o::1').perTool, 10);
});
