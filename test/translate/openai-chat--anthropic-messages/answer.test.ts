import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatCompletion } from 'openai/resources/chat/completions';
import type { Answer } from '../../../src/formats/translation.js';
import { atOnce } from '../../support/at-once.js';
import { fixture, NOW_MS, SONNET_4, SONNET_4_5, tool, translation } from './calls.js';

function answered(body: Buffer, request: object = {}, model?: string): Extract<Answer, { ok: true }> {
  const answer = atOnce(translation(request, model ? { model } : {}).answer(body));
  assert.ok(answer.ok, answer.ok ? '' : answer.failure.message);
  return answer;
}
const completionOf = (body: Buffer, request: object = {}, model?: string): ChatCompletion =>
  JSON.parse(answered(body, request, model).body.toString('utf8')) as ChatCompletion;
const choiceOf = (body: Buffer, request: object = {}, model?: string) => completionOf(body, request, model).choices[0]!;
const message = (fields: object): Buffer =>
  Buffer.from(JSON.stringify({ type: 'message', role: 'assistant', content: [], ...fields }));

const person = {
  response_format: {
    type: 'json_schema',
    json_schema: { name: 'person', schema: { type: 'object', properties: { name: { type: 'string' } } } },
  },
};

test('a text answer is a chat completion, byte for byte the same each time', () => {
  assert.deepEqual(completionOf(fixture('text.json')), {
    id: 'chatcmpl-msg_01TextAbCdEfGhIjKlMnOp',
    object: 'chat.completion',
    created: Math.floor(NOW_MS / 1000),
    model: SONNET_4_5,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'Grüß Gott, 世界 🌍!', refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: {
      prompt_tokens: 25,
      completion_tokens: 15,
      total_tokens: 40,
      prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
    },
  });
  assert.deepEqual(answered(fixture('text.json')).body, answered(fixture('text.json')).body);
});

test('what was served and used is told beside the answer', () => {
  const answer = answered(fixture('thinking.json'));
  assert.equal(answer.servedModel, 'claude-opus-4-6');
  assert.deepEqual(answer.usage, {
    input: 12,
    cache_read: 1000,
    cache_write_5m: 100,
    cache_write_1h: 200,
    output: 57,
    reasoning: 41,
    audio_input: 0,
    audio_output: 0,
  });
  assert.equal(answer.text(), 'The user wants a sum.It is 4.');
});

test('the prompt of the chat dialect includes what was read from and written to the cache', () => {
  assert.deepEqual(completionOf(fixture('thinking.json')).usage, {
    prompt_tokens: 1312,
    completion_tokens: 57,
    total_tokens: 1369,
    prompt_tokens_details: { cached_tokens: 1000, cache_write_tokens: 300, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 41, audio_tokens: 0 },
  });
});

test('thinking is told as text, and carried with its signatures', () => {
  assert.deepEqual(choiceOf(fixture('thinking.json')).message, {
    role: 'assistant',
    content: 'It is 4.',
    refusal: null,
    reasoning_content: 'The user wants a sum.',
    thinking_blocks: [
      { type: 'thinking', thinking: 'The user wants a sum.', signature: 'EqQBCgIYAhIM1gbcDa9GJwZA2b3h' },
      { type: 'redacted_thinking', data: 'EmwKAhgBEgy3va3pzix' },
    ],
  });
});

test('thinking in several blocks is one text', () => {
  const content = ['a', 'b'].map((thinking) => ({ type: 'thinking', thinking, signature: 's' }));
  const answer = answered(message({ content, stop_reason: 'end_turn', id: '' }));
  assert.equal(answer.text(), 'ab');
  assert.match(answer.body.toString('utf8'), /"reasoning_content":"ab"/);
  assert.match(answer.body.toString('utf8'), new RegExp(`"id":"chatcmpl-${NOW_MS}"`));
});

test('thinking of an answer can be sent back as it came', () => {
  const { message: said } = choiceOf(fixture('thinking.json'));
  const messages = [{ role: 'user', content: 'x' }, said, { role: 'user', content: 'y' }];
  const body = JSON.parse(translation({ messages }).body.toString('utf8')) as { messages: { content: unknown }[] };
  const original = JSON.parse(fixture('thinking.json').toString('utf8')) as { content: unknown };
  assert.deepEqual(body.messages[1]?.content, original.content);
});

test('tool calls come with the text of their arguments as it was written', () => {
  const { message: said, finish_reason } = choiceOf(fixture('tools.json'));
  assert.equal(finish_reason, 'tool_calls');
  assert.equal(said.content, "I'll check both.");
  assert.deepEqual(said.tool_calls, [
    {
      id: 'toolu_01Paris',
      type: 'function',
      function: { name: 'get_weather', arguments: '{"city": "Paris", "id": 12345678901234567890}' },
    },
    { id: 'toolu_01Time', type: 'function', function: { name: 'get_time', arguments: '{}' } },
  ]);
  assert.equal(
    answered(fixture('tools.json')).text(),
    `I'll check both.get_weather{"city": "Paris", "id": 12345678901234567890}get_time{}`,
  );
});

test('an answer of nothing but tool calls has no content', () => {
  const content = [{ type: 'tool_use', id: 'a', name: 'f', input: { text: 'a "quoted", [bracketed] \\ word' } }];
  const { message: said } = choiceOf(message({ content, stop_reason: 'tool_use' }));
  assert.equal(said.content, null);
  const [call] = said.tool_calls!;
  assert.ok(call?.type === 'function');
  assert.deepEqual(JSON.parse(call.function.arguments), content[0]!.input);
});

for (const [stop, finish] of [
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['pause_turn', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['refusal', 'content_filter'],
  ['an invention', 'stop'],
  [null, 'stop'],
] as const) {
  test(`an answer that stopped for ${stop} finishes with ${finish}`, () => {
    const body = message({ content: [{ type: 'text', text: 'x' }], stop_reason: stop });
    assert.equal(choiceOf(body).finish_reason, finish);
  });
}

test('a refusal is told in words, without content', () => {
  const choice = choiceOf(fixture('refusal.json'));
  assert.equal(choice.finish_reason, 'content_filter');
  assert.equal(choice.message.content, null);
  assert.equal(choice.message.refusal, 'This request was blocked under the usage policy.');
});

test('a refusal without explanation is still a refusal, and keeps what was said before it', () => {
  const choice = choiceOf(message({ content: [{ type: 'text', text: 'Well' }], stop_reason: 'refusal' }));
  assert.equal(choice.message.content, 'Well');
  assert.equal(typeof choice.message.refusal, 'string');
});

test('the forced tool is unwrapped: its input is the content, and the caller sees no tool', () => {
  const choice = choiceOf(fixture('json-tool.json'), person, SONNET_4);
  assert.deepEqual(choice, {
    index: 0,
    message: { role: 'assistant', content: '{"name":"Ada","age":36}', refusal: null },
    logprobs: null,
    finish_reason: 'stop',
  });
});

test('text beside the forced tool is not part of the JSON', () => {
  const content = [
    { type: 'text', text: 'Here you are:' },
    { type: 'tool_use', id: 'a', name: 'json', input: { a: 1 } },
    { type: 'tool_use', id: 'b', name: 'json', input: { a: 2 } },
  ];
  assert.equal(choiceOf(message({ content, stop_reason: 'tool_use' }), person, SONNET_4).message.content, '{"a":1}');
});

test("where the caller's own tool is called instead of the forced one, it is a tool call", () => {
  const content = [{ type: 'tool_use', id: 'a', name: 'look', input: {} }];
  const choice = choiceOf(
    message({ content, stop_reason: 'tool_use' }),
    { ...person, tools: [tool('look')] },
    SONNET_4,
  );
  assert.equal(choice.finish_reason, 'tool_calls');
  assert.equal(choice.message.tool_calls?.length, 1);
});

test("a caller's tool that is called json stays a tool", () => {
  const body = fixture('json-tool.json');
  assert.equal(choiceOf(body, { tools: [tool('json')] }, SONNET_4).message.tool_calls?.length, 1);
});

test('a fence is taken off JSON that was asked for, and left on other answers', () => {
  const body = fixture('fenced-json.json');
  assert.equal(choiceOf(body, { response_format: { type: 'json_object' } }).message.content, '{"a": 1}');
  assert.match(choiceOf(body).message.content!, /^```json/);
});

test('blocks that are not known are passed over', () => {
  const content = [
    { type: 'web_search_tool_result', content: [] },
    null,
    { type: 'text', text: 'a' },
    { type: 'text', text: 'b' },
  ];
  assert.equal(choiceOf(message({ content, stop_reason: 'end_turn' })).message.content, 'ab');
});

test('an answer without usage has none to tell', () => {
  const answer = answered(message({ content: [{ type: 'text', text: 'x' }], stop_reason: 'end_turn' }));
  assert.equal(answer.usage, undefined);
  assert.equal(answer.servedModel, undefined);
});

test('an error inside a successful answer is a failure with the status of its meaning', () => {
  const answer = atOnce(translation({}).answer(fixture('error-overloaded.json')));
  assert.ok(!answer.ok);
  assert.deepEqual(answer.failure, {
    kind: 'in_band',
    status: 529,
    type: 'overloaded_error',
    message: 'Overloaded',
    code: null,
    param: null,
  });
});

for (const [name, body] of [
  ['nothing', ''],
  ['a page', '<html>'],
  ['half an answer', '{"type":"message","content":[{"type":"text"'],
  ['null', 'null'],
  ['a list', '[]'],
  ['a chat completion', '{"choices":[]}'],
  ['a tool call without input', '{"content":[{"type":"tool_use","id":"a","name":"f"}]}'],
  [
    'a tool input nested ten thousand deep',
    `{"content":[{"type":"tool_use","id":"a","name":"f","input":${'['.repeat(10_000)}${']'.repeat(10_000)}}]}`,
  ],
] as const) {
  test(`${name} is garbage`, () => {
    const answer = atOnce(translation({}).answer(Buffer.from(body)));
    assert.ok(!answer.ok);
    assert.equal(answer.failure.kind, 'garbage');
  });
}
