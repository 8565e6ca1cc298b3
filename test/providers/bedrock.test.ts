/** Bedrock: which model is spoken to how, and what goes over the wire and comes back. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bedrock } from '../../providers/bedrock.js';
import { readErrorBody } from '../../src/formats/error-body.js';
import type { StreamReader } from '../../src/formats/translation.js';
import type { Json } from '../../src/lib/json.js';
import { accountLack } from '../../src/provider/accounts.js';
import type { ProviderType } from '../../src/provider/provider-type.js';
import { classify } from '../../src/router/classify.js';
import { chunk, errorFrame, event, exception } from '../support/event-frames.js';
import { type Asked, answerOf, isReached, reach, refusal } from './reach.js';

const type: ProviderType = bedrock;
const NOVA = 'eu.amazon.nova-pro-v1:0';
const CLAUDE = 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0';
const user = (content: unknown) => ({ role: 'user', content });
const chat = { model: 'alias', messages: [user('Hi')] };
const settings = { region: 'eu-central-1' };
const ask = (json: object, asked: Asked = {}) => reach(type, 'openai-chat', json, { model: NOVA, settings, ...asked });

describe('where requests go', () => {
  test('the region names the host', () => {
    assert.equal(bedrock.baseUrl(settings), 'https://bedrock-runtime.eu-central-1.amazonaws.com');
  });

  test('Claude is invoked in its own dialect, others are conversed with, streams by other paths', () => {
    const stream = { ...chat, stream: true };
    assert.equal(ask(chat).path, '/model/eu.amazon.nova-pro-v1%3A0/converse');
    assert.equal(ask(stream).path, '/model/eu.amazon.nova-pro-v1%3A0/converse-stream');
    const claude = ask(chat, { model: CLAUDE });
    assert.equal(claude.path, '/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke');
    assert.equal(
      ask(stream, { model: CLAUDE }).path,
      '/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke-with-response-stream',
    );
    assert.deepEqual([ask(chat).speaks, claude.speaks], ['bedrock-converse', 'anthropic-messages']);
  });

  test('a profile of the account goes as one part of the path, and is what its base model is', () => {
    const arn = 'arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/a1b2';
    const { path, speaks } = ask(chat, { model: arn, baseModel: CLAUDE });
    assert.equal(
      path,
      '/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Aapplication-inference-profile%2Fa1b2/invoke',
    );
    assert.equal(speaks, 'anthropic-messages');
  });

  test('a key of Bedrock goes as a bearer; without any, AWS is asked', () => {
    assert.deepEqual(ask(chat).headers, { authorization: 'Bearer sk-1' });
    assert.deepEqual(ask(chat, { key: '' }).headers, {});
    assert.equal(accountLack({ api_keys: [''], settings, files_digest: null, headers: {} }, type), undefined);
  });

  test('embeddings go to models that have them, and chats do not', () => {
    for (const model of ['amazon.titan-embed-text-v2:0', 'cohere.embed-multilingual-v3']) {
      assert.equal(isReached(type, 'openai-chat', { model }), false, model);
      assert.equal(isReached(type, 'openai-embeddings', { model }), true, model);
    }
    assert.equal(isReached(type, 'openai-embeddings', { model: NOVA }), false);
  });
});

describe('Claude by InvokeModel', () => {
  test('the body is the messages format, with a version instead of the model', () => {
    const { body } = ask({ ...chat, stream: true, max_tokens: 9 }, { model: CLAUDE });
    assert.deepEqual(body, {
      ...{ max_tokens: 9, messages: [user([{ type: 'text', text: 'Hi' }])] },
      anthropic_version: 'bedrock-2023-05-31',
    });
  });

  test('a stream comes out of its frames, without what Bedrock adds', () => {
    const start = {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      model: 'claude',
      content: [],
      usage: { input_tokens: 5, output_tokens: 1 },
    };
    const frames = [
      chunk({ type: 'message_start', message: start }),
      chunk({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
      chunk({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hé' } }),
      chunk({ type: 'content_block_stop', index: 0 }),
      chunk({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } }),
      chunk({ type: 'message_stop', 'amazon-bedrock-invocationMetrics': { inputTokenCount: 5 } }),
    ];
    const { stream } = streamed(frames, { model: CLAUDE });
    assert.deepEqual([stream.done, stream.failure, stream.text()], [true, undefined, 'Hé']);
    assert.deepEqual([stream.usage!.input, stream.usage!.output], [5, 2]);
  });

  test('models that cannot be held to a schema here get a tool instead', () => {
    const format = {
      type: 'json_schema',
      json_schema: {
        name: 's',
        schema: { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false },
      },
    };
    const of = (model: string) =>
      Object.keys(ask({ ...chat, response_format: format }, { model, dropParams: true }).body);
    assert.ok(of('anthropic.claude-sonnet-4-6').includes('output_config'));
    assert.ok(!of('anthropic.claude-opus-4-7-v1:0').includes('output_config'));
    assert.ok(of('anthropic.claude-opus-4-7-v1:0').includes('tools'));
  });
});

const PNG = 'iVBORw0KGgo=';
const tool = (name: string) => ({
  type: 'function',
  function: { name, description: 'D', parameters: { type: 'object', properties: { a: { type: 'number' } } } },
});

describe('Converse is asked', () => {
  test('with everything in its place', () => {
    const { body, translation } = ask({
      model: 'alias',
      messages: [
        { role: 'system', content: 'Be brief.' },
        user([
          { type: 'text', text: 'Look:' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } },
        ]),
        {
          role: 'assistant',
          content: null,
          tool_calls: [
            { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
            { id: 'c2', type: 'function', function: { name: 'f', arguments: '' } },
          ],
        },
        { role: 'tool', tool_call_id: 'c1', content: 'one' },
        { role: 'tool', tool_call_id: 'c2', content: 'Error: no' },
        user('Go on.'),
      ],
      ...{
        tools: [tool('f')],
        tool_choice: 'required',
        max_completion_tokens: 20,
        temperature: 0.5,
        stop: ['x'],
        top_k: 3,
      },
      service_tier: 'flex',
    });
    assert.deepEqual(body, {
      system: [{ text: 'Be brief.' }],
      messages: [
        user([{ text: 'Look:' }, { image: { format: 'png', source: { bytes: PNG } } }]),
        {
          role: 'assistant',
          content: [
            { toolUse: { toolUseId: 'c1', name: 'f', input: { a: 1 } } },
            { toolUse: { toolUseId: 'c2', name: 'f', input: {} } },
          ],
        },
        user([
          { toolResult: { toolUseId: 'c1', content: [{ text: 'one' }] } },
          { toolResult: { toolUseId: 'c2', content: [{ text: 'Error: no' }], status: 'error' } },
          { text: 'Go on.' },
        ]),
      ],
      inferenceConfig: { maxTokens: 20, temperature: 0.5, stopSequences: ['x'] },
      toolConfig: {
        tools: [
          {
            toolSpec: {
              name: 'f',
              description: 'D',
              inputSchema: { json: { type: 'object', properties: { a: { type: 'number' } } } },
            },
          },
        ],
        toolChoice: { any: {} },
      },
      additionalModelRequestFields: { inferenceConfig: { topK: 3 } },
      serviceTier: { type: 'flex' },
    });
    assert.deepEqual(translation.dropped, []);
  });

  test('without a maximum that nobody asked for', () => {
    assert.deepEqual(ask(chat).body, { messages: [user([{ text: 'Hi' }])] });
    assert.deepEqual(ask(chat, { maxOutput: 7 }).body['inferenceConfig'], { maxTokens: 7 });
  });

  test('for an effort in the words of the model, or not at all', () => {
    const of = (model: string) => {
      const { body, translation } = ask({ ...chat, reasoning_effort: 'medium' }, { model });
      return [body['additionalModelRequestFields'], translation.dropped];
    };
    assert.deepEqual(of('openai.gpt-oss-120b-1:0'), [{ reasoning_effort: 'medium' }, []]);
    assert.deepEqual(of('global.amazon.nova-2-lite-v1:0'), [
      { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'medium' } },
      [],
    ]);
    assert.deepEqual(of('meta.llama4-scout-17b-instruct-v1:0'), [undefined, ['reasoning_effort']]);
  });

  test('to keep a prompt where the model does that', () => {
    const marked = {
      ...chat,
      messages: [user([{ type: 'text', text: 'Long.', cache_control: { type: 'ephemeral', ttl: '1h' } }])],
    };
    const content = (model: string) => (ask(marked, { model }).body['messages'] as Json[])[0]!['content'];
    assert.deepEqual(content(NOVA), [{ text: 'Long.' }, { cachePoint: { type: 'default', ttl: '1h' } }]);
    assert.deepEqual(content('meta.llama4-scout-17b-instruct-v1:0'), [{ text: 'Long.' }]);
    assert.deepEqual(ask(marked, { model: 'meta.llama4-scout-17b-instruct-v1:0' }).translation.dropped, [
      'cache_control',
    ]);
  });

  test('with the tools that its history names, even where none may be called', () => {
    const history = [
      user('Hi'),
      { role: 'assistant', tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }] },
      { role: 'tool', tool_call_id: 'c1', content: '' },
    ];
    const { body } = ask({ ...chat, messages: history });
    assert.ok((body['toolConfig'] as Json)['tools']);
    assert.deepEqual((body['messages'] as Json[])[2]!['content'], [
      { toolResult: { toolUseId: 'c1', content: [{ text: '(nothing)' }] } },
    ]);
    assert.equal(ask({ ...chat, tools: [tool('f')], tool_choice: 'none' }).body['toolConfig'], undefined);
  });

  test('for nothing that it does not have: it is refused by name', () => {
    const image = {
      ...chat,
      messages: [user([{ type: 'image_url', image_url: { url: 'https://example.org/x.png' } }])],
    };
    assert.equal(refusal(type, 'openai-chat', image, { model: NOVA }).param, 'image_url');
    assert.equal(refusal(type, 'openai-chat', { ...chat, n: 2 }, { model: NOVA }).param, 'n');
    const forced = { ...chat, tools: [tool('f')], tool_choice: 'required' };
    assert.equal(
      refusal(type, 'openai-chat', forced, { model: 'meta.llama4-scout-17b-instruct-v1:0' }).param,
      'tool_choice',
    );
  });
});

const usage = {
  inputTokens: 10,
  outputTokens: 4,
  totalTokens: 26,
  cacheReadInputTokens: 7,
  cacheWriteInputTokens: 5,
  cacheDetails: [{ ttl: '1h', inputTokens: 5 }],
};

describe('Converse answers', () => {
  test('whole: text, a call, usage in which nothing counts twice', () => {
    const { translation } = ask({ ...chat, tools: [tool('f')] });
    const content = [{ text: 'Well.' }, { toolUse: { toolUseId: 't1', name: 'f', input: { a: 1 } } }, { unheard: {} }];
    const answer = answerOf(translation, {
      output: { message: { role: 'assistant', content } },
      stopReason: 'tool_use',
      usage,
      metrics: { latencyMs: 1 },
    });
    assert.ok(answer.ok);
    const { choices, model } = JSON.parse(answer.body.toString()) as { choices: Json[]; model: string };
    assert.equal(model, NOVA);
    assert.equal(choices[0]!['finish_reason'], 'tool_calls');
    const message = choices[0]!['message'] as Json;
    assert.equal(message['content'], 'Well.');
    assert.deepEqual(message['tool_calls'], [
      { id: 't1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
    ]);
    const { input, cache_read, cache_write_5m, cache_write_1h, output } = answer.usage!;
    assert.deepEqual(
      { input, cache_read, cache_write_5m, cache_write_1h, output },
      { input: 10, cache_read: 7, cache_write_5m: 0, cache_write_1h: 5, output: 4 },
    );
  });

  test('for each reason why they end', () => {
    const finish = (stopReason: string) => {
      const body = { output: { message: { role: 'assistant', content: [{ text: 'x' }] } }, stopReason, usage };
      const answer = answerOf(ask(chat).translation, body);
      return answer.ok
        ? (JSON.parse(answer.body.toString()) as { choices: Json[] }).choices[0]!['finish_reason']
        : answer.failure.kind;
    };
    const reasons = [
      'end_turn',
      'stop_sequence',
      'max_tokens',
      'content_filtered',
      'guardrail_intervened',
      'model_context_window_exceeded',
      'malformed_tool_use',
    ];
    assert.deepEqual(reasons.map(finish), [
      'stop',
      'stop',
      'length',
      'content_filter',
      'content_filter',
      'length',
      'in_band',
    ]);
  });

  test('what is no answer is a failure', () => {
    const read = (body: string) => {
      const answer = answerOf(ask(chat).translation, body);
      return answer.ok ? 'ok' : answer.failure.kind;
    };
    assert.deepEqual(['', '[]', '{}', '{"output":{}}', '<html>'].map(read), [
      'garbage',
      'garbage',
      'garbage',
      'garbage',
      'garbage',
    ]);
  });
});

function streamed(frames: readonly Buffer[], asked: Asked = {}): { stream: StreamReader; text: string } {
  const { translation } = ask({ ...chat, stream: true, stream_options: { include_usage: true } }, asked);
  const stream = translation.stream();
  let text = '';
  for (const frame of frames) text += stream.push(frame).toString();
  stream.end();
  if (!stream.failure) text += stream.closing({ cost_usd: '0', attempts: 1, cache: 'off' }).toString();
  return { stream, text };
}

const events = [
  event('messageStart', { role: 'assistant' }),
  event('contentBlockDelta', { contentBlockIndex: 0, delta: { reasoningContent: { text: 'Hm. ' } } }),
  event('contentBlockStop', { contentBlockIndex: 0 }),
  event('contentBlockDelta', { contentBlockIndex: 1, delta: { text: 'Let me ' } }),
  event('contentBlockDelta', { contentBlockIndex: 1, delta: { text: 'see.' } }),
  event('contentBlockStop', { contentBlockIndex: 1 }),
  event('contentBlockStart', { contentBlockIndex: 4, start: { toolUse: { toolUseId: 't1', name: 'f' } } }),
  event('contentBlockDelta', { contentBlockIndex: 4, delta: { toolUse: { input: '{"a":' } } }),
  event('contentBlockDelta', { contentBlockIndex: 4, delta: { toolUse: { input: '1}' } } }),
  event('contentBlockStop', { contentBlockIndex: 4 }),
  event('contentBlockStart', { contentBlockIndex: 6, start: { toolUse: { toolUseId: 't2', name: 'g' } } }),
  event('contentBlockStop', { contentBlockIndex: 6 }),
  event('messageStop', { stopReason: 'tool_use' }),
  event('metadata', { usage, metrics: { latencyMs: 5 } }),
];

interface Delta extends Json {
  readonly tool_calls?: { index: number; id?: string; function: { name?: string; arguments: string } }[];
}

const deltasOf = (text: string): Delta[] =>
  text
    .split('\n\n')
    .filter((one) => one.startsWith('data: {'))
    .map((one) => JSON.parse(one.slice(6)) as { choices: { delta: Delta }[] })
    .flatMap(({ choices }) => choices.map(({ delta }) => delta));

describe('Converse streams', () => {
  test('text, reasoning and calls, numbered without gaps, one of them without arguments', () => {
    const { stream, text } = streamed(events);
    assert.deepEqual([stream.done, stream.failure], [true, undefined]);
    const deltas = deltasOf(text);
    const said = (name: string) => deltas.map((delta) => delta[name] ?? '').join('');
    assert.deepEqual([said('reasoning_content'), said('content')], ['Hm. ', 'Let me see.']);
    const calls = deltas.flatMap(({ tool_calls = [] }) => tool_calls);
    assert.deepEqual(
      calls.map(({ index, id, function: { name, arguments: args } }) => [index, id, name, args]),
      [
        [0, 't1', 'f', ''],
        [0, undefined, undefined, '{"a":'],
        [0, undefined, undefined, '1}'],
        [1, 't2', 'g', ''],
        [1, undefined, undefined, '{}'],
      ],
    );
    assert.ok(text.includes('"finish_reason":"tool_calls"'));
    assert.ok(text.endsWith('data: [DONE]\n\n'));
    assert.ok(text.includes('"prompt_tokens":22'));
    assert.deepEqual([stream.usage!.input, stream.usage!.cache_read, stream.usage!.cache_write_1h], [10, 7, 5]);
  });

  test('the same wherever the bytes are cut', () => {
    const bytes = Buffer.concat(events);
    const whole = streamed(events).text;
    for (let at = 1; at < bytes.length; at += 7)
      assert.equal(streamed([bytes.subarray(0, at), bytes.subarray(at)]).text, whole, `at ${at}`);
  });

  test('an answer whose usage does not come is whole, and one without its end is not', () => {
    assert.equal(streamed(events.slice(0, -1)).stream.failure, undefined);
    assert.ok(streamed(events.slice(0, -1)).text.includes('"finish_reason":"tool_calls"'));
    assert.equal(streamed(events.slice(0, -2)).stream.failure?.kind, 'cut');
    const half = Buffer.concat(events).subarray(0, 300);
    assert.equal(streamed([half]).stream.failure?.kind, 'cut');
  });

  test('exceptions before and within an answer are failures of their class', () => {
    const rows: [Buffer, string][] = [
      [exception('throttlingException', 'Too many tokens, please wait before trying again.'), 'rate_limit'],
      [exception('throttlingException', 'Too many tokens per day.'), 'quota'],
      [exception('validationException', 'Input is too long for requested model.'), 'context_window'],
      [exception('modelStreamErrorException', 'Model failed.'), 'transient'],
      [exception('serviceUnavailableException', 'Busy.'), 'overload'],
      [exception('internalServerException', 'Oops.'), 'transient'],
      [errorFrame('InternalError', 'lost'), 'transient'],
    ];
    for (const [frame, meaning] of rows)
      for (const before of [[], events.slice(0, 4)]) {
        const { stream } = streamed([...before, frame]);
        assert.equal(stream.failure?.kind, 'in_band', meaning);
        assert.equal(classify(stream.failure!, type.failures), meaning, frame.toString('latin1'));
      }
    const claude = streamed([exception('throttlingException', 'slow')], { model: CLAUDE }).stream;
    assert.equal(classify(claude.failure!, type.failures), 'rate_limit');
  });

  test('a frame that is broken is garbage', () => {
    const broken = Buffer.from(events[3]!);
    broken[20] = broken[20]! ^ 1;
    assert.equal(streamed([events[0]!, broken]).stream.failure?.kind, 'garbage');
  });
});

test('what its errors mean, by the type in the header and the words', () => {
  const rows: [number, string | undefined, string, string][] = [
    [400, 'ValidationException', 'Input is too long for requested model.', 'context_window'],
    [400, 'ValidationException', 'The provided model identifier is invalid.', 'not_found'],
    [400, 'ValidationException', "Invocation of model ID x with on-demand throughput isn't supported.", 'not_found'],
    [400, 'ValidationException', 'temperature is wrong', 'caller'],
    [429, 'ThrottlingException', 'Too many tokens, please wait before trying again.', 'rate_limit'],
    [429, 'ThrottlingException', 'Too many tokens per day, please wait before trying again.', 'quota'],
    [429, 'ModelNotReadyException', 'The model is not ready.', 'overload'],
    [400, 'ServiceQuotaExceededException', 'quota', 'quota'],
    [403, 'ExpiredTokenException', 'The security token included in the request is expired', 'credential'],
    [403, undefined, 'The request signature we calculated does not match', 'credential'],
    [424, 'ModelErrorException', 'failed', 'transient'],
    [503, 'ServiceUnavailableException', 'busy', 'overload'],
  ];
  for (const [status, errorType, message, meaning] of rows) {
    const failure = readErrorBody(status, Buffer.from(JSON.stringify({ message })));
    assert.equal(classify({ ...failure, type: failure.type ?? errorType }, type.failures), meaning, message);
  }
});

describe('embeddings', () => {
  const titan = { model: 'amazon.titan-embed-text-v2:0' };
  const cohere = { model: 'cohere.embed-v4:0' };
  const read = (body: Json, json: object, asked: Asked) => {
    const { translation } = reach(type, 'openai-embeddings', json, asked);
    const answer = answerOf(translation, body);
    return answer.ok ? { json: JSON.parse(answer.body.toString()) as Json, usage: answer.usage } : answer.failure.kind;
  };

  test('Titan is asked for one text, and says what it counted', () => {
    const { path, body } = reach(type, 'openai-embeddings', { model: 'a', input: ['Hi'], dimensions: 256 }, titan);
    assert.equal(path, '/model/amazon.titan-embed-text-v2%3A0/invoke');
    assert.deepEqual(body, { inputText: 'Hi', dimensions: 256 });
    const told = read({ embedding: [0.5, 0.25], inputTextTokenCount: 3 }, { model: 'a', input: 'Hi' }, titan);
    assert.ok(typeof told === 'object');
    assert.deepEqual(told.json, {
      object: 'list',
      data: [{ object: 'embedding', index: 0, embedding: [0.5, 0.25] }],
      model: 'amazon.titan-embed-text-v2:0',
      usage: { prompt_tokens: 3, total_tokens: 3 },
    });
    assert.equal(told.usage!.input, 3);
  });

  test('Cohere is asked for many, as documents unless the request says otherwise', () => {
    const { body } = reach(type, 'openai-embeddings', { model: 'a', input: ['x', 'y'], dimensions: 64 }, cohere);
    assert.deepEqual(body, {
      texts: ['x', 'y'],
      input_type: 'search_document',
      embedding_types: ['float'],
      truncate: 'NONE',
      output_dimension: 64,
    });
    const asked = { model: 'a', input: ['x', 'y'], encoding_format: 'base64', input_type: 'search_query' };
    assert.equal(reach(type, 'openai-embeddings', asked, cohere).body['input_type'], 'search_query');
    for (const embeddings of [
      {
        float: [
          [1, 2],
          [3, 4],
        ],
      },
      [
        [1, 2],
        [3, 4],
      ],
    ]) {
      const told = read({ embeddings }, asked, cohere);
      assert.ok(typeof told === 'object');
      const data = told.json['data'] as { embedding: string }[];
      assert.equal(Buffer.from(data[1]!.embedding, 'base64').readFloatLE(4), 4);
      assert.equal(told.usage, undefined);
    }
  });

  test('another number of vectors than of texts is garbage; tokens and unknown fields are refused', () => {
    assert.equal(read({ embeddings: { float: [[1]] } }, { model: 'a', input: ['x', 'y'] }, cohere), 'garbage');
    assert.equal(read({ embedding: ['a'] }, { model: 'a', input: 'x' }, titan), 'garbage');
    assert.equal(read({ error: 'no' }, { model: 'a', input: 'x' }, titan), 'in_band');
    assert.equal(refusal(type, 'openai-embeddings', { model: 'a', input: [1, 2] }, titan).param, 'input');
    assert.equal(refusal(type, 'openai-embeddings', { model: 'a', input: 'x', task: 'y' }, titan).param, 'task');
  });
});
