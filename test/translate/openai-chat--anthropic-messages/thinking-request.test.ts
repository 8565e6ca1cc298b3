import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  assistant,
  call,
  dropped,
  HAIKU_3,
  OPUS_4_6,
  OPUS_5,
  OPUS_5_5,
  refusal,
  SONNET_4,
  SONNET_4_5,
  SONNET_5_5,
  sent,
  tool,
  toolCall,
  toolResult,
  user,
} from './calls.js';

/** What becomes of a request's thinking: what is sent, the effort, and what is named as left out. */
function planOf(body: object, model: string): unknown[] {
  const { thinking, output_config } = sent(body, { model });
  return [thinking, output_config?.effort, dropped(body, { model })];
}

const enabled = (budget_tokens?: number, more: object = {}) => ({ type: 'enabled', budget_tokens, ...more });
const adaptive = { type: 'adaptive' };
const summarized = { type: 'adaptive', display: 'summarized' };
const off = { type: 'disabled' };

const table: readonly (readonly [asked: object, model: string, ...expected: unknown[]])[] = [
  // As it is, where the model knows it.
  [{ thinking: enabled(2000) }, SONNET_4_5, enabled(2000), undefined, []],
  [{ thinking: enabled(2000, { display: 'omitted' }) }, SONNET_4, enabled(2000, { display: 'omitted' }), undefined, []],
  [{ thinking: enabled(2000) }, OPUS_4_6, enabled(2000), undefined, []],
  [{ thinking: enabled(63_999) }, SONNET_4_5, enabled(63_999), undefined, []],
  [{ thinking: adaptive }, OPUS_5, adaptive, undefined, []],
  [{ thinking: { ...adaptive, display: 'omitted' } }, OPUS_5_5, { ...adaptive, display: 'omitted' }, undefined, []],
  [{ thinking: off }, OPUS_5, off, undefined, []],
  [{ thinking: { type: 'between_tools' } }, SONNET_5_5, { type: 'between_tools' }, undefined, []],
  [{ thinking: null }, OPUS_5, undefined, undefined, []],
  // Adapted, and named.
  [{ thinking: enabled(2000) }, OPUS_5, summarized, 'low', ['thinking.budget_tokens']],
  [{ thinking: enabled(10_000) }, OPUS_5_5, summarized, 'high', ['thinking.budget_tokens']],
  [{ thinking: enabled(100_000) }, OPUS_5, summarized, 'xhigh', ['thinking.budget_tokens']],
  [
    { thinking: enabled(5000, { display: 'omitted' }) },
    OPUS_5,
    { ...adaptive, display: 'omitted' },
    'medium',
    ['thinking.budget_tokens'],
  ],
  [{ thinking: enabled(64_000) }, SONNET_4_5, enabled(51_200), undefined, ['thinking.budget_tokens']],
  [{ thinking: adaptive }, SONNET_4_5, enabled(8192), undefined, ['thinking.type']],
  [{ thinking: off }, OPUS_5_5, undefined, 'low', ['thinking']],
  [{ thinking: off }, SONNET_5_5, { type: 'between_tools' }, undefined, ['thinking']],
  [{ thinking: { type: 'between_tools' } }, OPUS_5, off, undefined, ['thinking']],
  // Only thinks when it is asked to.
  [{ thinking: off }, SONNET_4_5, undefined, undefined, []],
  [{ thinking: off }, HAIKU_3, undefined, undefined, []],
  // Left out, where the model has none.
  [{ thinking: enabled(2000) }, HAIKU_3, undefined, undefined, ['thinking']],
  [{ thinking: adaptive }, HAIKU_3, undefined, undefined, ['thinking']],
  // As other servers use the words.
  [{ thinking: { type: 'auto' } }, OPUS_5, adaptive, undefined, []],
  [{ thinking: { type: 'enabled' } }, OPUS_5, adaptive, undefined, []],
  [{ thinking: { type: 'enabled' } }, SONNET_4_5, enabled(8192), undefined, ['thinking.type']],
  // Beside an effort.
  [{ thinking: enabled(2000), reasoning_effort: 'high' }, OPUS_4_6, enabled(2000), 'high', []],
  [{ thinking: enabled(2000), reasoning_effort: 'high' }, SONNET_4_5, enabled(2000), undefined, ['reasoning_effort']],
  [{ thinking: enabled(2000), reasoning_effort: 'max' }, OPUS_5, summarized, 'max', ['thinking.budget_tokens']],
  [{ thinking: adaptive, reasoning_effort: 'low' }, OPUS_5, adaptive, 'low', []],
  [{ thinking: adaptive, reasoning_effort: 'low' }, SONNET_4_5, enabled(2048), undefined, ['thinking.type']],
  [{ thinking: adaptive, reasoning_effort: 'none' }, OPUS_5, adaptive, undefined, ['reasoning_effort']],
  [{ thinking: off, reasoning_effort: 'high' }, OPUS_5, off, 'high', []],
  [{ thinking: off, reasoning_effort: 'high' }, OPUS_5_5, undefined, 'high', ['thinking']],
  [{ thinking: off, reasoning_effort: 'none' }, OPUS_5, off, undefined, []],
  [{ thinking: off, reasoning_effort: 'high' }, SONNET_4_5, undefined, undefined, ['reasoning_effort']],
];
for (const [asked, model, ...expected] of table) {
  test(`${JSON.stringify(asked)} of ${model} is ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(planOf(asked, model), expected);
  });
}

test("a budget that the answer's maximum has no room for is cut to leave some, and named", () => {
  const body = { thinking: enabled(2000), max_tokens: 2000 };
  assert.deepEqual(planOf(body, SONNET_4_5), [enabled(1600), undefined, ['thinking.budget_tokens']]);
  assert.deepEqual(planOf({ ...body, max_tokens: 2001 }, SONNET_4_5), [enabled(2000), undefined, []]);
  assert.deepEqual(planOf({ ...body, max_tokens: 1024 }, SONNET_4_5), [undefined, undefined, ['thinking']]);
});

test('a maximum that the gateway lowered lowers the budget with it', () => {
  const body = { thinking: enabled(8000), max_tokens: 20_000 };
  const request = sent(body, { maxOutput: 5000 });
  assert.deepEqual([request.max_tokens, request.thinking], [5000, enabled(4000)]);
});

const loop = (more: object) => [
  user('x'),
  assistant(null, { tool_calls: [toolCall('a')], ...more }),
  toolResult('a', 'ok'),
];
const signed = [{ type: 'thinking', thinking: 't', signature: 's' }];

test('a tool loop without signed thinking goes on without a budget', () => {
  const body = { messages: loop({}), thinking: enabled(2000) };
  assert.deepEqual(planOf(body, SONNET_4_5), [undefined, undefined, ['thinking']]);
  assert.deepEqual(planOf(body, OPUS_4_6), [summarized, 'low', ['thinking.budget_tokens']]);
});

test('a tool loop with thinking in its content goes on thinking', () => {
  const call = { type: 'tool_use', id: 'a', name: 'look', input: {} };
  const messages = [user('x'), assistant([...signed, call]), toolResult('a', 'ok')];
  assert.deepEqual(planOf({ messages, thinking: enabled(2000) }, SONNET_4_5), [enabled(2000), undefined, []]);
});

test('thinking gives way to a tool that must be called and to an answer that is begun', () => {
  const forced = { tools: [tool('look')], tool_choice: 'required' };
  assert.deepEqual(planOf({ ...forced, thinking: enabled(2000) }, SONNET_4_5), [undefined, undefined, ['thinking']]);
  assert.deepEqual(planOf({ ...forced, thinking: adaptive }, OPUS_5), [undefined, undefined, ['thinking']]);
  const begun = { messages: [user('x'), assistant('It is')] };
  assert.deepEqual(planOf({ ...begun, thinking: enabled(2000) }, SONNET_4_5), [undefined, undefined, ['thinking']]);
});

test('sampling is left out where the model thinks', () => {
  const body = { thinking: enabled(2000), temperature: 0.3 };
  assert.ok(!('temperature' in sent(body)));
  assert.deepEqual(dropped(body), ['temperature']);
});

for (const [thinking, expected] of [
  ['on', 'invalid_value thinking'],
  [true, 'invalid_value thinking'],
  [{}, 'invalid_value thinking.type'],
  [{ type: 'much' }, 'invalid_value thinking.type'],
  [enabled(1023), 'invalid_value thinking.budget_tokens'],
  [enabled(2000.5), 'invalid_value thinking.budget_tokens'],
  [{ type: 'enabled', budget_tokens: '2000' }, 'invalid_value thinking.budget_tokens'],
  [enabled(1e300), 'invalid_value thinking.budget_tokens'],
  [{ ...adaptive, display: 'all' }, 'invalid_value thinking.display'],
  [{ ...adaptive, depth: 3 }, 'unsupported_parameter thinking.depth'],
] as const) {
  test(`thinking ${JSON.stringify(thinking)} is refused: ${expected}`, () => {
    assert.equal(refusal({ thinking }), expected);
  });
}

test('whatever is asked of whatever model, a budget is at least 1024 and less than the maximum', () => {
  const model = fc.constantFrom(HAIKU_3, SONNET_4, SONNET_4_5, OPUS_4_6, OPUS_5, OPUS_5_5, SONNET_5_5);
  const thinking = fc.oneof(
    fc.record({ type: fc.constantFrom('enabled', 'adaptive', 'disabled', 'auto'), budget_tokens: fc.nat(100_000) }),
    fc.anything(),
  );
  const effort = fc.constantFrom(undefined, 'none', 'low', 'xhigh', 'max');
  fc.assert(
    fc.property(
      model,
      thinking,
      effort,
      fc.integer({ min: 1, max: 200_000 }),
      (model, thinking, reasoning_effort, max_tokens) => {
        const result = call({ thinking, reasoning_effort, max_tokens }, { model });
        if (!result.ok) return;
        const body = JSON.parse(result.value.body.toString('utf8'));
        const budget = body.thinking?.budget_tokens;
        assert.ok(budget === undefined || (budget >= 1024 && budget < body.max_tokens), JSON.stringify(body));
      },
    ),
  );
});
