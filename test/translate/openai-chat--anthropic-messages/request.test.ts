import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { call, dropped, refusal, SONNET_4_5, sent, translation, user } from './calls.js';

test('the smallest request is the smallest request', () => {
  assert.deepEqual(sent({ model: 'public-name' }), {
    model: SONNET_4_5,
    max_tokens: 64_000,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
  });
});

test('a stream is asked for where the caller asks for one', () => {
  assert.equal(sent({ stream: true, stream_options: { include_usage: true } }).stream, true);
  assert.ok(!('stream' in sent({ stream: false })));
  assert.ok(!('stream_options' in sent({ stream: true, stream_options: { include_usage: true } })));
  assert.equal(refusal({ stream: 'yes' }), 'invalid_value stream');
});

test('the end user is told by their safety identifier, else by user', () => {
  assert.deepEqual(sent({ user: 'u1' }).metadata, { user_id: 'u1' });
  assert.deepEqual(sent({ user: 'u1', safety_identifier: 's1' }).metadata, { user_id: 's1' });
  assert.ok(!('metadata' in sent({ user: '' })));
  assert.deepEqual(dropped({ user: 'x'.repeat(257) }), ['user']);
  assert.equal(refusal({ user: 7 }), 'invalid_value user');
});

test('the service tier is one that the target has', () => {
  assert.equal(sent({ service_tier: 'default' }).service_tier, 'standard_only');
  assert.ok(!('service_tier' in sent({ service_tier: 'auto' })));
  assert.deepEqual(dropped({ service_tier: 'flex' }), ['service_tier']);
});

const harmless = {
  seed: 7,
  frequency_penalty: 0.5,
  presence_penalty: -0.5,
  metadata: { a: 'b' },
  store: true,
  verbosity: 'low',
  prediction: { type: 'content', content: 'x' },
  prompt_cache_key: 'k',
  prompt_cache_retention: '24h',
};
test('what only tunes or labels is left out and named, without being asked', () => {
  assert.deepEqual(dropped(harmless), Object.keys(harmless));
  assert.deepEqual(sent(harmless), sent({}));
});

const meaningful: Readonly<Record<string, unknown>> = {
  n: 2,
  logprobs: true,
  top_logprobs: 3,
  logit_bias: { '50256': -100 },
  audio: { voice: 'alloy', format: 'wav' },
  modalities: ['text', 'audio'],
  functions: [{ name: 'f' }],
  function_call: 'auto',
  web_search_options: {},
  moderation: {},
  made_up: 1,
  constructor: 1,
};
for (const [name, value] of Object.entries(meaningful)) {
  test(`${name} is refused by name, or left out and named with drop_params`, () => {
    assert.equal(refusal({ [name]: value }), `unsupported_parameter ${name}`);
    assert.deepEqual(dropped({ [name]: value }, { dropParams: true }), [name]);
    assert.deepEqual(sent({ [name]: value }, { dropParams: true }), sent({}));
  });
}

test('a refusal says what to do', () => {
  const result = call({ logprobs: true });
  assert.ok(!result.ok);
  assert.match(result.refusal.message, /'logprobs'.*drop_params/);
});

test('of several faults the first is told', () => {
  assert.equal(refusal({ logprobs: true, n: 2, temperature: 'x' }), 'unsupported_parameter logprobs');
});

test('explicit defaults and nulls are accepted without a word', () => {
  const body = {
    n: 1,
    logprobs: false,
    top_logprobs: 0,
    frequency_penalty: 0,
    presence_penalty: 0,
    logit_bias: {},
    modalities: ['text'],
    store: false,
    verbosity: 'medium',
    audio: null,
    functions: null,
    made_up: null,
    seed: null,
    user: null,
    tools: null,
    service_tier: null,
    parallel_tool_calls: null,
  };
  assert.deepEqual(dropped(body), []);
  assert.deepEqual(sent(body), sent({}));
});

test('drop_params does not excuse wrong types', () => {
  assert.equal(refusal({ temperature: 'hot' }, { dropParams: true }), 'invalid_value temperature');
});

test('the same request gives the same bytes', () => {
  const body = { ...harmless, tools: [], stop: ['x'], messages: [user('a'), user('b')] };
  assert.deepEqual(translation(body).body, translation(body).body);
});

/** Requests with something odd in every place that is read. */
const odd = fc.oneof(
  fc.constantFrom(null, true, 0, -1, 1.5, '', 'x', 'auto', 'required', 'data:', 'data:image/png;base64,', '__proto__'),
  fc.constantFrom<unknown>([], {}, [null], [[]], [{}], { type: 'function' }, { type: 'json_schema' }, { type: 'text' }),
  fc.jsonValue({ maxDepth: 3 }),
);
const oddPart = fc.record(
  {
    type: fc.constantFrom('text', 'image_url', 'file', 'input_audio', 'refusal', 'x'),
    text: odd,
    image_url: odd,
    file: odd,
    cache_control: odd,
  },
  { requiredKeys: [] },
);
const oddMessage = fc.record(
  {
    role: fc.constantFrom('system', 'user', 'assistant', 'tool', 'function', 'x'),
    content: fc.oneof(odd, fc.array(oddPart, { maxLength: 3 })),
    tool_calls: odd,
    tool_call_id: odd,
    thinking_blocks: odd,
    refusal: odd,
    cache_control: odd,
  },
  { requiredKeys: ['role'] },
);
const oddBody = fc.record(
  {
    messages: fc.oneof(odd, fc.array(fc.oneof(odd, oddMessage), { maxLength: 4 })),
    tools: odd,
    tool_choice: odd,
    response_format: odd,
    reasoning_effort: odd,
    stop: odd,
    max_tokens: odd,
    temperature: odd,
    user: odd,
    n: odd,
    unknown: odd,
  },
  { requiredKeys: ['messages'] },
);

test('no input throws: it is refused with the field, or gives a request', () => {
  fc.assert(
    fc.property(oddBody, fc.boolean(), (body, dropParams) => {
      const result = call(body, { dropParams });
      if (!result.ok) return result.refusal.param !== undefined && result.refusal.message !== '';
      return Array.isArray((JSON.parse(result.value.body.toString('utf8')) as { messages: unknown }).messages);
    }),
    { numRuns: 500 },
  );
});
