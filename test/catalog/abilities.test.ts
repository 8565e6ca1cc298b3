/** The table of models: what is known by which name, and what the configuration states instead. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { abilitiesOf } from '../../src/catalog/abilities/abilities.js';
import { factsWithStated, withStated } from '../../src/catalog/abilities/stated.js';
import { unknownModel } from '../../src/formats/anthropic-messages/model-facts.js';
import { nothingKnown } from '../../src/lib/abilities-spec.js';

const inputs: Readonly<Record<string, string>> = {
  'gpt-4o-mini': 'text image file',
  'ft:gpt-4o-mini-2024-07-18:org::id': 'text image file',
  'openai/gpt-5.1': 'text image file',
  'gpt-3.5-turbo': 'text',
  'gpt-4': 'text',
  'gpt-4-turbo': 'text image',
  'gpt-4.1-nano': 'text image file',
  'gpt-4o-audio-preview': 'text audio',
  'o3-mini': 'text',
  'o4-mini': 'text image file',
  'openai.gpt-oss-120b-1:0': 'text',
  'text-embedding-3-small': 'text',
  'claude-sonnet-4-5-20250929': 'text image file',
  'eu.anthropic.claude-opus-4-7-v1:0': 'text image file',
  'anthropic/claude-3-haiku': 'text image',
  'claude-2.1': 'text',
  'gemini-2.5-flash': 'text image audio video file',
  'models/gemini-embedding-001': 'text',
  'gemini-2.5-flash-preview-tts': 'text',
  'meta-llama/Llama-3.3-70B-Instruct': 'text',
  'Llama-3.2-11B-Vision': 'text image',
  'us.meta.llama4-scout-17b': 'text image',
  'deepseek-chat': 'text',
  'deepseek-ai/DeepSeek-R1': 'text',
  'Qwen/Qwen3-Coder-480B': 'text',
  'Qwen/Qwen2.5-VL-72B-Instruct': 'text image video',
  'moonshotai/Kimi-K2-Instruct': 'text',
  'kimi-k2.5': 'text image video',
  'glm-4.6': 'text',
  'glm-4.5v': 'text image video',
  'eu.amazon.nova-micro-v1:0': 'text',
  'amazon.nova-pro-v1:0': 'text image video file',
  'open-mistral-7b': 'text',
  'codestral-2501': 'text',
};

test('what models read is known by their names, whatever stands around them', () => {
  const found = Object.fromEntries(Object.keys(inputs).map((name) => [name, abilitiesOf(name).input?.join(' ')]));
  assert.deepEqual(found, inputs);
});

test('what a model reads beyond its family is known by its name, or not refused', () => {
  const reads = (name: string) => abilitiesOf(name).input;
  for (const name of [
    ...['llama3.2-vision', 'llama-3.2-vision', 'llama3-llava-next-8b', 'gpt-4-vision-preview'],
    ...['gpt-4-1106-vision-preview', 'gpt-image-1', 'gpt-realtime', 'llama-3.1-nemotron-nano-vl-8b-v1', 'glm-5.1v'],
    ...['accounts/fireworks/models/kimi-k2p5', 'embed-v4.0', 'nomic-embed-vision', 'mistral-7b-vision', 'gemma3n:e4b'],
    ...['gemini-embedding-2', 'internvl-llama-2', 'llama-2-internvl-13b'],
  ])
    assert.notEqual(reads(name)?.includes('image'), false, name);
  for (const name of [
    ...['gemma-3n-e4b-it', 'gemma3n:e4b', 'gemma-4-e4b', 'gpt-4o-transcribe', 'gpt-4o-mini-transcribe', 'gpt-realtime'],
    ...['gpt-4o-realtime-preview', 'llama-3.1-8b-omni', 'llama-3-typhoon-v1.5-8b-audio'],
  ])
    assert.notEqual(reads(name)?.includes('audio'), false, name);
  assert.deepEqual(reads('gpt-4o-mini-tts'), ['text']);
  assert.deepEqual(reads('gpt-4-turbo-preview'), ['text']);
  assert.deepEqual(reads('kimi-k2-instruct'), ['text']);
  assert.deepEqual(reads('glm-5.1'), ['text']);
});

test('that a model does not think is said of no model that does', () => {
  const thinking = [
    ...['deepseek-chat', 'deepseek-reasoner', 'deepseek-v3.2', 'qwen3-max', 'qwen3-32b', 'qwen3-vl-plus', 'qwq-plus'],
    ...['glm-4.6', 'glm-4.5v', 'glm-5', 'grok-4', 'grok-4-fast', 'kimi-k2.5', 'kimi-k2-thinking', 'minimax-m2'],
  ];
  for (const name of thinking) assert.equal(abilitiesOf(name).reasoning, null, name);
  for (const name of ['llama-3.3-70b', 'qwen2.5-72b-instruct', 'kimi-k2-0905-preview', 'grok-3', 'codestral-2501'])
    assert.equal(abilitiesOf(name).reasoning, 'none', name);
});

test('of a name that says nothing nothing is known', () => {
  for (const name of ['my-model', '', 'mistral-large-latest', 'llama', 'a'.repeat(100_000), '../../gpt', 'gpt-40'])
    assert.deepEqual(abilitiesOf(name), nothingKnown, name.slice(0, 50));
});

test('models that reason take no sampling, and how much they think is told in their own way', () => {
  const of = (name: string) => [abilitiesOf(name).sampling, abilitiesOf(name).reasoning];
  assert.deepEqual(of('gpt-5-mini'), [false, 'effort']);
  assert.deepEqual(of('o3'), [false, 'effort']);
  assert.deepEqual(of('gpt-5-chat-latest'), [true, 'none']);
  assert.deepEqual(of('gpt-4o'), [true, 'none']);
  assert.deepEqual(of('claude-opus-4-7'), [false, 'adaptive']);
  assert.deepEqual(of('claude-sonnet-4-5'), [true, 'budget']);
  assert.deepEqual(of('claude-3-haiku-20240307'), [true, 'none']);
  assert.deepEqual(of('gemini-2.5-pro'), [true, 'budget']);
  assert.deepEqual(of('gemini-3-pro-preview'), [true, 'level']);
});

test('what embeds and what draws says so', () => {
  for (const name of ['text-embedding-3-large', 'gemini-embedding-001', 'nomic-embed-text', 'cohere.embed-english-v3'])
    assert.deepEqual(abilitiesOf(name).output, ['embedding'], name);
  assert.deepEqual(abilitiesOf('gemini-2.5-flash-image').output, ['text', 'image']);
});

test('what is stated counts, and all else stays as it is known', () => {
  const stated = { input: ['text', 'image'] as const, sampling: false };
  const known = abilitiesOf('deepseek-chat');
  assert.deepEqual(withStated(known, { ...stated, input: [...stated.input] }), {
    ...known,
    input: ['text', 'image'],
    sampling: false,
  });
  assert.equal(withStated(known, null), known);
  assert.equal(factsWithStated(unknownModel, { sampling: false, forced_tool: false })!.rejectsSampling, true);
  assert.equal(factsWithStated(unknownModel, { reasoning: 'budget' })!.rejectsBudgetThinking, false);
});
