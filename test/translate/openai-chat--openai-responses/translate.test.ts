/** Chat completions told to a target that has the Responses API alone, and its answers told back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readChatRequest } from '../../../src/formats/openai-chat/request.js';
import type { TargetFacts, Translation } from '../../../src/formats/translation.js';
import type { Result } from '../../../src/lib/errors.js';
import type { Json } from '../../../src/lib/json.js';
import { translatorFor } from '../../../src/translate/registry.js';
import { atOnce } from '../../support/at-once.js';
import { responseEvents, responseTo } from '../../support/openai-responses-answers.js';

const extra = { cost_usd: '0', attempts: 1, cache: 'off' };

function call(
  body: object,
  model = 'gpt-5-codex',
  maxOutput: number | null = null,
  dropParams = false,
): Result<Translation> {
  const read = readChatRequest(
    Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...body })),
  );
  assert.ok(!(read instanceof Promise));
  assert.ok(read.ok);
  const target = {
    model,
    id: `p/${model}`,
    dropParams,
    modelFacts: null,
    outputField: 'max_tokens',
    asksUsage: true,
    mostInputs: 1,
  };
  const translator = translatorFor('openai-chat', new Set(['openai-responses'] as const))!;
  return atOnce(
    translator.translate(read.value, target as unknown as TargetFacts, { maxOutput, nowMs: 1_760_000_000_000 }),
  );
}

function translation(...asked: Parameters<typeof call>): Translation {
  const result = call(...asked);
  assert.ok(result.ok, result.ok ? '' : result.refusal.message);
  return result.value;
}

const sent = (...asked: Parameters<typeof call>): Json =>
  JSON.parse(translation(...asked).body.toString('utf8')) as Json;

const fn = (name: string, more: object = {}) => ({
  type: 'function',
  function: { name, parameters: { type: 'object' }, ...more },
});

describe('a request', () => {
  it('has its messages as items, in order', () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'look' },
          { type: 'image_url', image_url: { url: 'https://a.example/x.png' } },
        ],
      },
      {
        role: 'assistant',
        content: 'Yes.',
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '' } }],
      },
      { role: 'tool', tool_call_id: 'a', content: 'ok' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'b', type: 'custom', custom: { name: 'p', input: 'x' } }],
      },
      { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: 'done' }] },
    ];
    assert.deepEqual(sent({ messages })['input'], [
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'look' },
          { type: 'input_image', image_url: 'https://a.example/x.png', detail: 'auto' },
        ],
      },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Yes.' }] },
      { type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'a', output: 'ok' },
      { type: 'custom_tool_call', call_id: 'b', name: 'p', input: 'x' },
      { type: 'custom_tool_call_output', call_id: 'b', output: [{ type: 'input_text', text: 'done' }] },
    ]);
  });

  it('has its parameters under their names, keeps nothing, and asks for thoughts', () => {
    const told = sent({
      max_completion_tokens: 5,
      reasoning_effort: 'high',
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: {}, strict: true } },
      tools: [
        fn('f'),
        fn('g', { strict: true }),
        {
          type: 'custom',
          custom: { name: 'p', format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'd' } } },
        },
      ],
      tool_choice: { type: 'function', function: { name: 'g' } },
      stream: true,
    });
    assert.deepEqual(told, {
      model: 'gpt-5-codex',
      input: [{ role: 'user', content: 'hi' }],
      max_output_tokens: 16,
      reasoning: { effort: 'high' },
      text: { format: { type: 'json_schema', name: 'x', schema: {}, strict: true } },
      tools: [
        { type: 'function', name: 'f', parameters: { type: 'object' }, strict: false },
        { type: 'function', name: 'g', parameters: { type: 'object' }, strict: true },
        { type: 'custom', name: 'p', format: { type: 'grammar', syntax: 'lark', definition: 'd' } },
      ],
      tool_choice: { type: 'function', name: 'g' },
      include: ['reasoning.encrypted_content'],
      store: false,
      stream: true,
    });
    assert.equal(sent({}, 'gpt-5-codex', 100)['max_output_tokens'], 100);
    assert.equal(sent({}, 'sonar')['include'], undefined);
  });

  for (const [name, value] of [
    ['stop', ['x']],
    ['n', 2],
    ['logit_bias', { 1: 2 }],
    ['functions', []],
    ['web_search_options', {}],
    ['nonsense', 1],
  ] as const) {
    it(`'${name}' is refused by name, and left out where that is allowed`, () => {
      const result = call({ [name]: value });
      assert.ok(!result.ok);
      assert.equal(result.refusal.param, name);
      assert.deepEqual(translation({ [name]: value }, 'm', null, true).dropped, [name]);
    });
  }

  it('hints are left out and named', () => {
    assert.deepEqual(translation({ seed: 1, presence_penalty: 1, store: true }).dropped, [
      'seed',
      'presence_penalty',
      'store',
    ]);
  });
});

const model = 'gpt-5-codex';
const tools = [
  { type: 'function', name: 'f', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
  { type: 'custom', name: 'patch' },
];

/** The deltas of a stream, joined; and its finish reason. */
function streamed(response: Json, asked: object = {}) {
  const reader = translation({ stream: true, ...asked }).stream();
  const out = responseEvents(response).map((event) => reader.push(Buffer.from(event)));
  reader.end();
  assert.equal(reader.failure, undefined);
  out.push(reader.closing(extra));
  const text = Buffer.concat(out).toString('utf8');
  assert.ok(text.endsWith('data: [DONE]\n\n'));
  const chunks = text
    .split('\n\n')
    .filter((line) => line.startsWith('data: {'))
    .map(
      (line) => JSON.parse(line.slice(6)) as { choices: { delta: Json; finish_reason: string | null }[]; usage?: Json },
    );
  const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
  const joined = (name: string) => deltas.map((delta) => delta[name] ?? '').join('');
  const finish = chunks.flatMap(({ choices }) => choices).findLast((one) => one.finish_reason)?.finish_reason;
  return { chunks, deltas, joined, finish, reader };
}

function whole(response: Json): { message: Json; finish_reason: string; usage: Json } {
  const answer = atOnce(translation({}).answer(Buffer.from(JSON.stringify(response))));
  assert.ok(answer.ok);
  const { choices, usage } = JSON.parse(answer.body.toString('utf8')) as {
    choices: [{ message: Json; finish_reason: string }];
    usage: Json;
  };
  return { ...choices[0], usage };
}

describe('an answer', () => {
  it('of text, with its thinking, is the same whole and streamed, and comes back with the next turn', () => {
    const include = ['reasoning.encrypted_content'];
    const response = responseTo({ model, input: 'hi there', reasoning: { effort: 'low' }, include });
    const told = streamed(response);
    const { message, finish_reason } = whole(response);
    assert.equal(told.joined('content'), 'You said: hi there');
    assert.equal(message['content'], 'You said: hi there');
    assert.equal(told.joined('reasoning_content'), 'It thinks.');
    assert.equal(message['reasoning_content'], 'It thinks.');
    assert.equal(told.finish, 'stop');
    assert.equal(finish_reason, 'stop');
    const blocks = told.deltas.find((delta) => delta['thinking_blocks'])!['thinking_blocks'];
    assert.deepEqual(blocks, message['thinking_blocks']);
    const [reasoning] = sent({
      messages: [
        { role: 'assistant', ...message },
        { role: 'user', content: 'more' },
      ],
    })['input'] as Json[];
    assert.deepEqual(reasoning, {
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: 'It thinks.' }],
      encrypted_content: 'gAAAA-upstream',
    });
  });

  it('of calls numbers them from 0, whatever stands before them', () => {
    const response = responseTo({ model, input: 'x', tools, reasoning: { effort: 'low' } });
    const { deltas, finish } = streamed(response);
    const calls = deltas.flatMap(
      (delta) =>
        (delta['tool_calls'] ?? []) as (Json & { function?: { arguments?: string }; custom?: { input?: string } })[],
    );
    const given = (index: number) =>
      calls
        .filter((one) => one['index'] === index)
        .map((one) => one.function?.arguments ?? one.custom?.input ?? '')
        .join('');
    assert.deepEqual(JSON.parse(given(0)), { city: 'sample' });
    assert.equal(given(1), '*** "patch" \u{1F600}\n');
    assert.equal(finish, 'tool_calls');
    const { message, finish_reason } = whole(response);
    assert.deepEqual(
      (message['tool_calls'] as Json[]).map(({ type }) => type),
      ['function', 'custom'],
    );
    assert.equal(finish_reason, 'tool_calls');
    assert.equal(message['content'], null);
  });

  it('that was cut ends with length', () => {
    const response = responseTo({ model, input: 'a b c d e f g', max_output_tokens: 3 });
    assert.equal(streamed(response).finish, 'length');
    assert.equal(whole(response).finish_reason, 'length');
  });

  it('has its usage, streamed where it was asked for', () => {
    const response = responseTo({ model, input: 'hi' });
    assert.equal(whole(response).usage['prompt_tokens'], 11);
    const { chunks } = streamed(response, { stream_options: { include_usage: true } });
    assert.equal(chunks.at(-1)!.usage!['prompt_tokens'], 11);
    assert.deepEqual(chunks.at(-1)!.usage!['prompt_tokens_details'], {
      cached_tokens: 4,
      cache_write_tokens: 0,
      audio_tokens: 0,
    });
    assert.equal(
      streamed(response).chunks.some(({ usage }) => usage),
      false,
    );
  });

  it('that comes only with the end of the stream is told all the same', () => {
    const response = responseTo({ model, input: 'hi', tools });
    const reader = translation({ stream: true }).stream();
    const events = responseEvents(response).filter((event) => /^event: response\.(created|completed)/.test(event));
    const text = Buffer.concat([
      ...events.map((event) => reader.push(Buffer.from(event))),
      reader.closing(extra),
    ]).toString('utf8');
    assert.match(text, /sample/);
    assert.match(text, /"finish_reason":"tool_calls"/);
  });

  it('has the citations and logprobs of each of its parts once, with their places in the whole, whenever they are told', () => {
    const part = (text: string, url: string) => ({
      ...{ type: 'output_text', text, logprobs: [{ token: text, logprob: -1 }] },
      annotations: [{ type: 'url_citation', url, title: '', start_index: 1, end_index: 2 }],
    });
    const message = (id: string, ...content: object[]) => ({ id, type: 'message', role: 'assistant', content });
    const output = [message('m1', part('One.', 'u1'), part('Two.', 'u2')), message('m2', part('Three.', 'u3'))];
    const event = (type: string, more: object) => Buffer.from(`data: ${JSON.stringify({ type, ...more })}\n\n`);
    const said = (item_id: string, content_index: number, delta: string, logprobs: object[] = []) =>
      event('response.output_text.delta', { item_id, content_index, delta, logprobs });
    const asked = { stream: true, logprobs: true };
    const reader = translation(asked).stream();
    const out = [
      said('m1', 0, 'One.', [{ token: 'One.', logprob: -1 }]),
      event('response.output_text.annotation.added', {
        ...{ item_id: 'm1', content_index: 0, annotation: part('', 'u1').annotations[0] },
      }),
      said('m1', 1, 'Two.'),
      event('response.output_item.done', { item: output[0] }),
      said('m2', 0, 'Three.'),
      event('response.output_item.done', { item: output[1] }),
      event('response.completed', { response: { id: 'r', model: 'm', status: 'completed', output } }),
    ].map((bytes) => reader.push(bytes));
    const choices = Buffer.concat([...out, reader.closing(extra)])
      .toString('utf8')
      .split('\n\n')
      .filter((line) => line.startsWith('data: {'))
      .flatMap((line) => (JSON.parse(line.slice(6)) as { choices: { delta: Json; logprobs: Json | null }[] }).choices);
    const places = (annotations: unknown) =>
      ((annotations ?? []) as { url_citation: Json }[]).map(({ url_citation: { url, start_index, end_index } }) => [
        ...[url, start_index, end_index],
      ]);
    const expected = [
      ['u1', 1, 2],
      ['u2', 5, 6],
      ['u3', 9, 10],
    ];
    assert.deepEqual(
      choices.flatMap(({ delta }) => places(delta['annotations'])),
      expected,
    );
    const tokens = choices.flatMap(({ logprobs }) =>
      ((logprobs?.['content'] ?? []) as Json[]).map((one) => one['token']),
    );
    assert.deepEqual(tokens, ['One.', 'Two.', 'Three.']);
    const response = { id: 'r', model: 'm', status: 'completed', output };
    assert.deepEqual(places(whole(response).message['annotations']), expected);
  });

  it('that failed is a failure, and one that is cut looks like none', () => {
    const failed = {
      ...responseTo({ model, input: 'hi' }),
      status: 'failed',
      error: { code: 'server_error', message: 'It broke.' },
    };
    assert.equal(atOnce(translation({}).answer(Buffer.from(JSON.stringify(failed)))).ok, false);
    const reader = translation({ stream: true }).stream();
    for (const event of responseEvents(responseTo({ model, input: 'hi' })).slice(0, -1))
      reader.push(Buffer.from(event));
    reader.end();
    assert.equal(reader.failure?.kind, 'cut');
  });
});
