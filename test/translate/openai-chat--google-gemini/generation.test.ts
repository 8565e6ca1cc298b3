import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { geminiWithStated } from '../../../src/catalog/abilities/stated.js';
import { geminiModel } from '../../../src/formats/google-gemini/models.js';
import { nothingKnown } from '../../../src/lib/abilities-spec.js';
import { dropped, FLASH_20, FLASH_25, GEMINI_3, PRO_3, PRO_25, refusal, sent, tool } from './calls.js';

const config = (body: object, settings = {}) => sent(body, settings).generationConfig;

describe('what steers an answer', () => {
  test('is carried by its own names', () => {
    const body = {
      max_completion_tokens: 100,
      temperature: 1.5,
      top_p: 0.5,
      top_k: 7,
      seed: 3,
      stop: ['END', ''],
      n: 2,
      logprobs: true,
      top_logprobs: 4,
      modalities: ['text', 'image'],
    };
    assert.deepEqual(config(body), {
      maxOutputTokens: 100,
      temperature: 1.5,
      topP: 0.5,
      topK: 7,
      seed: 3,
      stopSequences: ['END'],
      candidateCount: 2,
      responseLogprobs: true,
      logprobs: 4,
      responseModalities: ['TEXT', 'IMAGE'],
    });
    assert.equal(config({ n: 1, logprobs: false, modalities: ['text'], max_tokens: -1, stop: null }), undefined);
  });

  test('follows what the configuration states of the model', () => {
    const stated = { reasoning: 'none', forced_tool: false, sampling: false } as const;
    const settings = {
      stated,
      abilities: { ...nothingKnown, sampling: false },
      geminiModel: geminiWithStated(geminiModel(FLASH_25), stated),
    };
    assert.deepEqual(dropped({ temperature: 1, top_k: 3, reasoning_effort: 'low' }, settings), [
      ...['temperature', 'top_k', 'reasoning_effort'],
    ]);
    const forced = { tools: [tool('look')], tool_choice: 'required' };
    assert.equal(refusal(forced, settings), 'unsupported_parameter tool_choice');
    const levels = geminiWithStated(geminiModel('projects/1/endpoints/2'), { reasoning: 'level' });
    assert.equal(config({ reasoning_effort: 'low' }, { geminiModel: levels }).thinkingConfig.thinkingLevel, 'LOW');
  });

  test('the maximum is that of the attempt, and at most what the model can do', () => {
    assert.deepEqual(config({ max_tokens: 50 }, { maxOutput: 20 }), { maxOutputTokens: 20 });
    assert.deepEqual(config({ max_tokens: 1_000_000 }), { maxOutputTokens: 65_536 });
    assert.deepEqual(config({ max_tokens: 1_000_000 }, { model: 'somebody-elses' }), { maxOutputTokens: 1_000_000 });
  });

  test('penalties go where they are taken, and are named where they are left out', () => {
    const body = { presence_penalty: 0.5, frequency_penalty: 0 };
    assert.deepEqual(config(body, { model: FLASH_20 }), { presencePenalty: 0.5 });
    assert.deepEqual(config(body, { atVertex: true }), { presencePenalty: 0.5 });
    assert.deepEqual(dropped(body), ['presence_penalty']);
  });

  test('what is beyond what can be told is refused or left out by name', () => {
    const cases: readonly (readonly [object, string])[] = [
      [{ temperature: 3 }, 'invalid_value temperature'],
      [{ top_p: 'x' }, 'invalid_value top_p'],
      [{ seed: 1.5 }, 'invalid_value seed'],
      [{ stop: [1] }, 'invalid_value stop'],
      [{ stop: ['a', 'b', 'c', 'd', 'e', 'f'] }, 'unsupported_parameter stop'],
      [{ n: 9 }, 'unsupported_parameter n'],
      [{ logprobs: 'yes' }, 'invalid_value logprobs'],
      [{ modalities: ['audio'] }, 'unsupported_parameter modalities'],
      [{ modalities: 'text' }, 'invalid_value modalities'],
      [{ reasoning_effort: 'much' }, 'invalid_value reasoning_effort'],
      [{ logit_bias: { 1: 2 } }, 'unsupported_parameter logit_bias'],
      [{ audio: {} }, 'unsupported_parameter audio'],
      [{ functions: [] }, 'unsupported_parameter functions'],
      [{ web_search_options: {} }, 'unsupported_parameter web_search_options'],
      [{ x_new: 1 }, 'unsupported_parameter x_new'],
      [{ extra_body: 1 }, 'invalid_value extra_body'],
      [{ extra_body: { openai: {} } }, 'unsupported_parameter extra_body.openai'],
      [{ extra_body: { google: { other: 1 } } }, 'unsupported_parameter extra_body.google.other'],
    ];
    for (const [body, expected] of cases) assert.equal(refusal(body), expected);
    assert.deepEqual(dropped({ user: 'ann', metadata: { a: 'b' }, store: true, verbosity: 'low', seed: 2 ** 40 }), [
      'user',
      'metadata',
      'store',
      'verbosity',
      'seed',
    ]);
    assert.deepEqual(dropped({ x_new: 1, n: 9, logit_bias: {} }, { dropParams: true }), ['x_new', 'n']);
  });

  test('service tiers have their own names, and none at Vertex AI', () => {
    assert.equal(sent({ service_tier: 'flex' }).serviceTier, 'flex');
    assert.equal(sent({ service_tier: 'default' }).serviceTier, 'standard');
    assert.equal(sent({ service_tier: 'auto' }).serviceTier, undefined);
    assert.deepEqual(dropped({ service_tier: 'flex' }, { atVertex: true }), ['service_tier']);
    assert.deepEqual(dropped({ service_tier: 'scale' }), ['service_tier']);
  });

  test("what Google's own layer for OpenAI's clients takes is taken", () => {
    const google = {
      cached_content: 'cachedContents/1',
      safety_settings: [{ category: 'X', threshold: 'OFF' }],
      thinking_config: { thinking_budget: 5, include_thoughts: true },
    };
    const request = sent({ reasoning_effort: 'high', extra_body: { google } });
    assert.equal(request.cachedContent, 'cachedContents/1');
    assert.deepEqual(request.safetySettings, google.safety_settings);
    assert.deepEqual(request.generationConfig.thinkingConfig, { thinkingBudget: 5, includeThoughts: true });
  });
});

describe('reasoning effort', () => {
  const rows: readonly (readonly [string, string, object | undefined])[] = [
    [FLASH_25, 'none', { thinkingBudget: 0, includeThoughts: false }],
    [FLASH_25, 'low', { thinkingBudget: 1024, includeThoughts: true }],
    [FLASH_25, 'max', { thinkingBudget: 24_576, includeThoughts: true }],
    [PRO_25, 'none', { thinkingBudget: 128, includeThoughts: false }],
    [PRO_25, 'medium', { thinkingBudget: 8192, includeThoughts: true }],
    [PRO_25, 'xhigh', { thinkingBudget: 32_768, includeThoughts: true }],
    ['gemini-2.5-flash-lite', 'minimal', { thinkingBudget: 1024, includeThoughts: true }],
    [GEMINI_3, 'minimal', { thinkingLevel: 'MINIMAL', includeThoughts: true }],
    [GEMINI_3, 'none', { thinkingLevel: 'MINIMAL', includeThoughts: false }],
    [PRO_3, 'minimal', { thinkingLevel: 'LOW', includeThoughts: true }],
    [PRO_3, 'medium', { thinkingLevel: 'HIGH', includeThoughts: true }],
    ['gemini-3.1-pro-preview', 'medium', { thinkingLevel: 'MEDIUM', includeThoughts: true }],
    ['gemini-3.7-flash', 'none', { thinkingLevel: 'LOW', includeThoughts: false }],
    ['gemini-3.8-flash', 'xhigh', { thinkingLevel: 'HIGH', includeThoughts: true }],
    ['models/gemini-flash-latest', 'low', { thinkingLevel: 'LOW', includeThoughts: true }],
    [FLASH_20, 'none', undefined],
    ['gemini-3-pro-image-preview', 'none', undefined],
  ];
  for (const [model, effort, expected] of rows)
    test(`${effort} for ${model}`, () => {
      assert.deepEqual(config({ reasoning_effort: effort }, { model })?.thinkingConfig, expected);
    });

  test('is left out and named for a model that does not think', () => {
    assert.deepEqual(dropped({ reasoning_effort: 'high' }, { model: FLASH_20 }), ['reasoning_effort']);
  });
});
