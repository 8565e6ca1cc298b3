import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assistant,
  dropped,
  HAIKU_3,
  OPUS_4_6,
  OPUS_5,
  OPUS_5_5,
  refusal,
  SONNET_4_5,
  SONNET_5_5,
  sent,
  tool,
  toolCall,
  toolResult,
  user,
} from './calls.js';

const adaptive = { type: 'adaptive', display: 'summarized' };
const planOf = (body: object, model: string) => {
  const { thinking, output_config } = sent(body, { model });
  return { thinking, effort: output_config?.effort };
};

for (const [effort, model, expected] of [
  ['minimal', OPUS_5, { thinking: adaptive, effort: 'low' }],
  ['medium', OPUS_5, { thinking: adaptive, effort: 'medium' }],
  ['xhigh', OPUS_5, { thinking: adaptive, effort: 'xhigh' }],
  ['xhigh', OPUS_4_6, { thinking: adaptive, effort: 'high' }],
  ['max', OPUS_4_6, { thinking: adaptive, effort: 'max' }],
  ['none', OPUS_5, { thinking: { type: 'disabled' }, effort: undefined }],
  ['none', OPUS_5_5, { thinking: undefined, effort: 'low' }],
  ['none', SONNET_5_5, { thinking: { type: 'between_tools' }, effort: undefined }],
  ['none', SONNET_4_5, { thinking: undefined, effort: undefined }],
  ['none', HAIKU_3, { thinking: undefined, effort: undefined }],
  ['low', SONNET_4_5, { thinking: { type: 'enabled', budget_tokens: 2048 }, effort: undefined }],
  ['high', SONNET_4_5, { thinking: { type: 'enabled', budget_tokens: 16_384 }, effort: undefined }],
  ['max', SONNET_4_5, { thinking: { type: 'enabled', budget_tokens: 51_200 }, effort: undefined }],
  [null, OPUS_5, { thinking: undefined, effort: undefined }],
] as const) {
  test(`effort ${effort} of ${model} is ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(planOf({ reasoning_effort: effort }, model), expected);
  });
}

for (const [maxTokens, budget] of [
  [10_000, 8000],
  [1500, 1200],
  [1200, 1024],
  [1025, 1024],
] as const) {
  test(`a budget fits into the answer's maximum of ${maxTokens}, which is not raised`, () => {
    const body = sent({ reasoning_effort: 'high', max_completion_tokens: maxTokens });
    assert.equal(body.max_tokens, maxTokens);
    assert.deepEqual(body.thinking, { type: 'enabled', budget_tokens: budget });
  });
}

test('thinking is left out and named where the maximum has no room for it or the model has none', () => {
  const body = { reasoning_effort: 'high', max_tokens: 1024 };
  assert.equal(planOf(body, SONNET_4_5).thinking, undefined);
  assert.deepEqual(dropped(body), ['reasoning_effort']);
  assert.deepEqual(dropped({ reasoning_effort: 'low' }, { model: HAIKU_3 }), ['reasoning_effort']);
});

const signed = { thinking_blocks: [{ type: 'thinking', thinking: 't', signature: 's' }] };
const loop = (more: object) => [
  user('x'),
  assistant(null, { tool_calls: [toolCall('a')], ...more }),
  toolResult('a', 'ok'),
];

test('a tool loop without signed thinking goes on without thinking where the model has budgets', () => {
  const body = { messages: loop({}), reasoning_effort: 'low' };
  assert.equal(planOf(body, SONNET_4_5).thinking, undefined);
  assert.deepEqual(dropped(body), ['reasoning_effort']);
  assert.deepEqual(planOf(body, OPUS_4_6).thinking, adaptive); // begins a turn with a tool call where it likes
});

test('a tool loop with signed thinking goes on thinking', () => {
  const body = { messages: loop(signed), reasoning_effort: 'low' };
  assert.deepEqual(planOf(body, SONNET_4_5).thinking, { type: 'enabled', budget_tokens: 2048 });
});

test('a tool loop that ended does not hinder thinking', () => {
  const messages = [...loop({}), assistant('done'), user('and now?')];
  assert.deepEqual(planOf({ messages, reasoning_effort: 'low' }, SONNET_4_5).thinking, {
    type: 'enabled',
    budget_tokens: 2048,
  });
});

test('a forced tool wins over thinking, and effort steers on', () => {
  const body = { tools: [tool('look')], tool_choice: 'required', reasoning_effort: 'high' };
  assert.deepEqual(planOf(body, OPUS_4_6), { thinking: undefined, effort: 'high' });
  assert.deepEqual(planOf(body, SONNET_4_5), { thinking: undefined, effort: undefined });
  assert.deepEqual(dropped(body, { model: SONNET_4_5 }), ['reasoning_effort']);
});

test('an answer that is begun is not thought about', () => {
  const body = { messages: [user('x'), assistant('It is')], reasoning_effort: 'high' };
  assert.equal(planOf(body, SONNET_4_5).thinking, undefined);
});

test('effort and a schema stand side by side', () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } } };
  const body = {
    reasoning_effort: 'low',
    response_format: { type: 'json_schema', json_schema: { name: 'a', schema } },
  };
  const { output_config } = sent(body, { model: OPUS_5 });
  assert.equal(output_config?.effort, 'low');
  assert.equal(output_config?.format?.type, 'json_schema');
});

for (const effort of ['extreme', 7, {}, '']) {
  test(`effort ${JSON.stringify(effort)} is refused`, () => {
    assert.equal(refusal({ reasoning_effort: effort }), 'invalid_value reasoning_effort');
  });
}
