/** Chat completions to Claude, from the OpenAI SDK to a scripted upstream: what goes there, what is told of it, what comes back. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { head, json, type Received, sseHeaders, write } from '../support/upstream-steps.js';

let upstream: FakeUpstream;
let gateway: Gateway;
let client: OpenAI;

before(async () => {
  upstream = await startUpstream();
  const claude = (model: string, more: object = {}) => ({ targets: [{ provider: 'anthropic', model }], ...more });
  gateway = await startGateway({
    config: {
      providers: { anthropic: { type: 'anthropic', base_url: upstream.url, api_key: 'sk-ant-own' } },
      defaults: { price: { input: 1, output: 4 }, retry: { max_attempts: 1 } },
      models: {
        sonnet: claude('claude-sonnet-4-5'),
        opus: claude('claude-opus-5-5'),
        'opus-auto': claude('claude-opus-5-5', { forced_tool_choice: 'auto' }),
        'opus-told': claude('claude-opus-5-5', { forced_tool_choice: 'instruct' }),
      },
    },
  });
  const { key } = await gateway.key();
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 });
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

interface Sent {
  readonly messages: readonly { readonly role: string; readonly content: readonly Record<string, unknown>[] }[];
  readonly tools?: readonly Record<string, unknown>[];
  readonly [field: string]: unknown;
}

/** What the upstream got, what was left out, and the answer. */
async function ask(body: Record<string, unknown>) {
  const arrives: Promise<Received> = upstream.arrival();
  const params = body as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
  const { data, response } = await client.chat.completions.create(params).withResponse();
  const sent = (await arrives).json() as unknown as Sent;
  return { sent, message: data.choices[0]!.message, dropped: response.headers.get('x-tollgate-dropped-params') };
}

const tool = (name: string, more: object = {}) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties: { city: { type: 'string' } } }, ...more },
});
const user = (content: unknown) => ({ role: 'user', content });
const answer = (content: readonly object[], stop_reason: string) =>
  json(200, {
    ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-4-5', content, stop_reason },
    usage: { input_tokens: 10, output_tokens: 20 },
  });

test('thinking is asked for in the words of the target, and what does not fit the model is adapted and named', async () => {
  const thinking = { type: 'enabled', budget_tokens: 2000 };
  const sonnet = await ask({ model: 'sonnet', messages: [user('x')], thinking });
  assert.deepEqual([sonnet.sent['thinking'], sonnet.dropped], [thinking, null]);
  const opus = await ask({ model: 'opus', messages: [user('x')], thinking });
  assert.deepEqual(opus.sent['thinking'], { type: 'adaptive', display: 'summarized' });
  assert.equal(opus.dropped, 'thinking.budget_tokens');
});

test('a mark of the whole request goes with it', async () => {
  const cache_control = { type: 'ephemeral', ttl: '1h' };
  assert.deepEqual(
    (await ask({ model: 'sonnet', messages: [user('x')], cache_control })).sent['cache_control'],
    cache_control,
  );
});

const thought = (thinking: string) => ({ type: 'thinking', thinking, signature: `signed-${thinking}` });
const called = (id: string) => ({ type: 'tool_use', id, name: 'look', input: { city: 'Paris' } });
const interleaved = [
  thought('a'),
  { type: 'text', text: 'Looking. ' },
  called('toolu_1'),
  thought('b'),
  called('toolu_2'),
];
const events = (content: readonly Record<string, unknown>[]): { type: string; [field: string]: unknown }[] => [
  {
    type: 'message_start',
    message: { id: 'msg_1', model: 'claude-sonnet-4-5', usage: { input_tokens: 10, output_tokens: 1 } },
  },
  ...content.flatMap((block, index) => {
    const delta = (fields: object) => ({ type: 'content_block_delta', index, delta: fields });
    const pieces: Record<string, ReturnType<typeof delta>[]> = {
      thinking: [
        delta({ type: 'thinking_delta', thinking: block['thinking'] }),
        delta({ type: 'signature_delta', signature: block['signature'] }),
      ],
      text: [delta({ type: 'text_delta', text: block['text'] })],
      tool_use: [delta({ type: 'input_json_delta', partial_json: JSON.stringify(block['input']) })],
    };
    const empty = { ...block, thinking: '', signature: '', text: '', input: {} };
    return [
      { type: 'content_block_start', index, content_block: empty },
      ...pieces[String(block['type'])]!,
      { type: 'content_block_stop', index },
    ];
  }),
  { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 20 } },
  { type: 'message_stop' },
];

for (const stream of [false, true]) {
  test(`several thoughts between calls go back as they came, after an answer that was ${stream ? 'streamed' : 'whole'}`, async () => {
    const asked = {
      model: 'sonnet',
      messages: [user('weather?')],
      tools: [tool('look')],
      thinking: { type: 'enabled', budget_tokens: 2000 },
    };
    const message: Record<string, unknown> = { role: 'assistant' };
    if (stream) {
      upstream.next([
        head(200, sseHeaders),
        ...events(interleaved).map((event) => write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)),
      ]);
      // The SDK's own accumulator, which overwrites delta fields that it does not know.
      const running = client.chat.completions.stream(
        asked as unknown as Parameters<typeof client.chat.completions.stream>[0],
      );
      Object.assign(message, (await running.finalChatCompletion()).choices[0]!.message);
    } else {
      upstream.next(answer(interleaved, 'tool_use'));
      Object.assign(message, (await ask(asked)).message);
    }
    const results = ['toolu_1', 'toolu_2'].map((tool_call_id) => ({ role: 'tool', tool_call_id, content: 'rain' }));
    const { sent } = await ask({ ...asked, messages: [...asked.messages, message, ...results] });
    assert.deepEqual(sent.messages[1]?.content, [
      ...interleaved.slice(0, 1),
      { type: 'text', text: 'Looking. ' },
      ...interleaved.slice(2),
    ]);
  });
}

test('ids of calls that come again in a later turn are made unique together with their results', async () => {
  const turn: ChatCompletionMessageParam[] = [
    {
      role: 'assistant',
      tool_calls: [{ id: 'functions.look:0', type: 'function', function: { name: 'look', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'functions.look:0', content: 'ok' },
  ];
  const { sent } = await ask({ model: 'sonnet', messages: [user('x'), ...turn, ...turn], tools: [tool('look')] });
  const ids = sent.messages.flatMap(({ content }) => content.map((block) => block['id'] ?? block['tool_use_id']));
  assert.deepEqual(ids.slice(1), [
    ...['functions_2elook_3a0', 'functions_2elook_3a0', 'functions_2elook_3a0_2', 'functions_2elook_3a0_2'],
  ]);
});

test('a message as libraries of the messages dialect keep it is understood beside its calls', async () => {
  const calls = [{ id: 't1', type: 'function', function: { name: 'look', arguments: '{"city":"Oslo"}' } }];
  const content = [
    thought('a'),
    { type: 'text', text: 'Hm.' },
    { type: 'tool_use', id: 't1', name: 'look', input: '' },
  ];
  const { sent } = await ask({
    model: 'sonnet',
    tools: [tool('look')],
    messages: [
      user('x'),
      { role: 'assistant', content, tool_calls: calls },
      user([{ type: 'tool_result', tool_use_id: 't1', content: [{ type: 'text', text: 'gone' }], is_error: true }]),
    ],
  });
  assert.deepEqual(sent.messages.slice(1), [
    {
      role: 'assistant',
      content: [
        thought('a'),
        { type: 'text', text: 'Hm.' },
        { type: 'tool_use', id: 't1', name: 'look', input: { city: 'Oslo' } },
      ],
    },
    {
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: 't1', content: [{ type: 'text', text: 'gone' }], is_error: true }],
    },
  ]);
});

test('a picture in the result of a tool, and the mark of an error, are carried', async () => {
  const picture = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } };
  const calls = ['t1', 't2'].map((id) => ({ id, type: 'function', function: { name: 'look', arguments: '{}' } }));
  const { sent } = await ask({
    model: 'sonnet',
    tools: [tool('look')],
    messages: [
      user('x'),
      { role: 'assistant', tool_calls: calls },
      { role: 'tool', tool_call_id: 't1', content: [picture] },
      { role: 'tool', tool_call_id: 't2', content: 'no such city', is_error: true },
    ],
  });
  const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } };
  assert.deepEqual(sent.messages.at(-1)?.content, [
    { type: 'tool_result', tool_use_id: 't1', content: [image] },
    { type: 'tool_result', tool_use_id: 't2', content: [{ type: 'text', text: 'no such city' }], is_error: true },
  ]);
});

test('parameters with a union at their root and strict tools with free names are sent so that they work, and named', async () => {
  const parameters = {
    anyOf: [
      { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
      { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
    ],
  };
  const headers = {
    type: 'object',
    properties: { headers: { type: 'object', additionalProperties: { type: 'string' } } },
  };
  const { sent, dropped } = await ask({
    model: 'sonnet',
    messages: [user('x')],
    tools: [tool('find', { parameters }), tool('fetch', { parameters: headers, strict: true })],
  });
  assert.deepEqual(sent.tools?.[0]?.['input_schema'], {
    type: 'object',
    properties: { id: { type: 'string' }, name: { type: 'string' } },
    description: 'Give at least one of these: id; or name.',
  });
  assert.deepEqual(sent.tools?.[1], { name: 'fetch', input_schema: headers });
  assert.equal(dropped, 'tools[].function.parameters.anyOf, tools[].function.strict');
});

test('a choice that a model refuses is refused, left to the model or told to it, as its configuration says', async () => {
  const body = { messages: [user('x')], tools: [tool('look')], tool_choice: 'required' };
  await assert.rejects(ask({ ...body, model: 'opus' }), (error: InstanceType<typeof OpenAI.APIError>) => {
    assert.deepEqual([error.status, error.code, error.param], [400, 'unsupported_parameter', 'tool_choice']);
    assert.match(error.message, /forced_tool_choice/);
    return true;
  });
  const auto = await ask({ ...body, model: 'opus-auto' });
  assert.deepEqual(
    [auto.sent['tool_choice'], auto.sent['system'], auto.dropped],
    [{ type: 'auto' }, undefined, 'tool_choice'],
  );
  const told = await ask({ ...body, model: 'opus-told' });
  assert.deepEqual([told.sent['tool_choice'], told.dropped], [{ type: 'auto' }, 'tool_choice']);
  assert.match(JSON.stringify(told.sent['system']), /must be a call of one of your tools/);
});

test('what the answer cites from the web is annotated', async () => {
  const citation = {
    type: 'web_search_result_location',
    url: 'https://a.test',
    title: 'A',
    cited_text: 'x',
    encrypted_index: 'e',
  };
  upstream.next(answer([{ type: 'text', text: 'Blue.', citations: [citation] }], 'end_turn'));
  const { message } = await ask({ model: 'sonnet', messages: [user('x')] });
  assert.deepEqual(message.annotations, [
    { type: 'url_citation', url_citation: { start_index: 0, end_index: 5, title: 'A', url: 'https://a.test' } },
  ]);
});
