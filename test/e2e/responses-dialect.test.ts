/**
 * What holds for every request holds for the Responses API: keys, limits, budgets, caches, the ledger, routing, explain, the
 * sandbox and errors, whole and streamed, for each kind of target.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import { textAsFarAsItComes } from '../support/gateway.js';
import { contentChunk } from '../support/openai-answers.js';
import { responseEvents, responseTo } from '../support/openai-responses-answers.js';
import { type ResponsesGateway, responsesModels, startResponsesGateway } from '../support/responses-gateway.js';
import { cut, openaiError, sse } from '../support/upstream-steps.js';

type Json = Record<string, unknown>;

const price = { input: 1, output: 2 };
let started: ResponsesGateway;
let key: string;

before(async () => {
  const base = (url: string) => ({ base_url: `${url}/v1`, api_key: 'sk-upstream' });
  started = await startResponsesGateway({}, (url) => ({
    providers: {
      sandbox: { type: 'sandbox' },
      only: { type: 'openai-compatible', ...base(url), speaks: ['openai-responses'] },
    },
    models: {
      sandbox: { targets: [{ provider: 'sandbox', model: 'any' }], price },
      'responses-only': { targets: [{ provider: 'only', model: 'sonar' }], price },
      codex: { targets: [{ provider: 'openai', model: 'gpt-5-codex' }], price },
      cached: { targets: [{ provider: 'openai', model: 'gpt-4o' }], price, cache: { exact: true, ttl: '1h' } },
      'cached-chat': { targets: [{ provider: 'compatible', model: 'open' }], price, cache: { exact: true, ttl: '1h' } },
      auto: { route: [{ when: { has: ['tools'] }, use: 'chat' }, { use: 'sandbox' }] },
    },
  }));
  ({ key } = await started.gateway.key());
});
after(() => started?.close());

const post = (
  body: object | string,
  { secret = key, headers = {} }: { secret?: string; headers?: Record<string, string> } = {},
) =>
  fetch(`${started.gateway.url}/v1/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const ask = async (body: object, more: Parameters<typeof post>[1] = {}) => {
  const response = await post(body, more);
  return { status: response.status, headers: response.headers, body: (await response.json()) as Json };
};
const errorOf = ({ body }: { body: Json }) =>
  body['error'] as { code: string; param: string | null; message: string; type: string };
const sentLast = () => started.upstream.requests.at(-1)!.json();

/** The events of a stream's text. */
const eventsOf = (text: string): Json[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)) as Json);

describe('requests that cannot be', () => {
  const faults: readonly [string, object | string, string, string | null][] = [
    ['no JSON', '{', 'invalid_json', null],
    ['no model', { input: 'x' }, 'missing_required_parameter', 'model'],
    ['no input', { model: 'chat' }, 'missing_required_parameter', 'input'],
    ['an input of another kind', { model: 'chat', input: 5 }, 'invalid_value', 'input'],
    ['an item of another kind', { model: 'chat', input: [5] }, 'invalid_value', 'input[0]'],
    ['a maximum of none', { model: 'chat', input: 'x', max_output_tokens: 0 }, 'invalid_value', 'max_output_tokens'],
    ['a field twice', '{"model":"chat","input":"x","input":"y"}', 'invalid_value', 'input'],
    ['a chat completion', { model: 'chat', messages: [] }, 'unsupported_parameter', 'messages'],
    [
      'a hosted tool at a chat-only target',
      { model: 'chat', input: 'x', tools: [{ type: 'web_search' }] },
      'unsupported_parameter',
      'tools[0].type',
    ],
  ];
  for (const [what, body, code, param] of faults) {
    it(`${what}: 400 that names the field`, async () => {
      const response = await post(body);
      assert.equal(response.status, 400);
      const { error } = (await response.json()) as { error: { code: string; param: string | null } };
      assert.equal(error.code, code);
      assert.equal(error.param, param);
    });
  }

  it('a chat completion is told where it belongs', async () => {
    assert.match(errorOf(await ask({ model: 'chat', messages: [] })).message, /\/v1\/chat\/completions/);
  });
});

describe('keys and limits', () => {
  it('a key for embeddings alone may not ask, one for chat may', async () => {
    const { key: secret } = await started.gateway.key({ endpoints: ['embeddings'] });
    assert.equal(errorOf(await ask({ model: 'chat', input: 'x' }, { secret })).code, 'endpoint_not_allowed');
    const chat = await started.gateway.key({ endpoints: ['chat'] });
    assert.equal((await ask({ model: 'chat', input: 'x' }, { secret: chat.key })).status, 200);
  });

  for (const model of responsesModels) {
    it(`a rate of requests refuses the next: ${model}`, async () => {
      const { key: secret } = await started.gateway.key({ limits: [{ unit: 'requests', max: 1, per: 'minute' }] });
      assert.equal((await ask({ model, input: 'x' }, { secret })).status, 200);
      const refused = await ask({ model, input: 'x' }, { secret });
      assert.equal(refused.status, 429);
      assert.equal(errorOf(refused).code, 'rate_limit_exceeded');
      assert.ok(refused.headers.get('retry-after'));
    });

    it(`a budget clamps the maximum that is sent: ${model}`, async () => {
      const { key: secret } = await started.gateway.key({ limits: [{ unit: 'usd', max: '0.0003', per: 'day' }] });
      const answer = await ask({ model, input: 'x', max_output_tokens: 100_000 }, { secret });
      assert.equal(answer.status, 200);
      const clamped = Number(answer.headers.get('x-tollgate-max-tokens-clamped'));
      assert.ok(clamped > 0 && clamped < 100_000);
      const sent = sentLast();
      assert.equal(sent['max_output_tokens'] ?? sent['max_completion_tokens'] ?? sent['max_tokens'], clamped);
    });

    it(`an entry says what was used, once, whole and streamed: ${model}`, async () => {
      for (const stream of [false, true]) {
        const id = `entry-${model}-${stream}`;
        const response = await post({ model, input: 'count me', stream }, { headers: { 'x-request-id': id } });
        const text = await response.text();
        const told = stream ? (eventsOf(text).at(-1)!['response'] as Json) : (JSON.parse(text) as Json);
        const usage = told['usage'] as {
          input_tokens: number;
          output_tokens: number;
          input_tokens_details: { cached_tokens: number };
        };
        const [entry, ...others] = await started.gateway.entries(id);
        assert.equal(others.length, 0);
        assert.equal(entry!.stream, stream);
        assert.equal(entry!.usage_source, 'provider');
        const { input, cache_read, output } = entry!.tokens as { input: number; cache_read: number; output: number };
        assert.deepEqual(
          [input + cache_read, cache_read, output],
          [usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens],
        );
      }
    });

    it(`an error of the upstream keeps its status and words: ${model}`, async () => {
      started.upstream.next(
        openaiError(400, { message: 'That is too hot.', param: 'temperature', code: 'invalid_value' }),
      );
      const answer = await ask({ model, input: 'x', stream: true });
      assert.equal(answer.status, 400);
      assert.match(errorOf(answer).message, /too hot/);
    });
  }
});

describe('a stream that breaks', () => {
  it('at a chat-only target ends in error and response.failed, and without HTTP’s end', async () => {
    started.upstream.next(sse(contentChunk('Half an ans'), cut));
    const events = eventsOf(await textAsFarAsItComes(await post({ model: 'chat', input: 'x', stream: true })));
    assert.deepEqual(
      events.slice(-2).map(({ type }) => type),
      ['error', 'response.failed'],
    );
    assert.deepEqual(
      events.map(({ sequence_number }) => sequence_number),
      events.map((_, i) => i),
    );
    const { error, id } = events.at(-1)!['response'] as { error: { code: string }; id: string };
    assert.equal(error.code, 'server_error');
    assert.equal(id, (events[0]!['response'] as Json)['id']);
  });

  it('at a native target goes on with its numbers and its id, with what was done', async () => {
    const whole = responseEvents(responseTo({ model: 'gpt-4o', input: 'one two three' }));
    started.upstream.next(sse(...whole.slice(0, 6), cut));
    const text = await textAsFarAsItComes(await post({ model: 'native', input: 'x', stream: true }));
    const events = eventsOf(text);
    assert.deepEqual(
      events.map(({ sequence_number }) => sequence_number),
      [0, 1, 2, 3, 4, 5, 6, 7],
    );
    assert.equal(events.at(-1)!['type'], 'response.failed');
    assert.equal((events.at(-1)!['response'] as Json)['id'], (events[0]!['response'] as Json)['id']);
  });

  it('is an error to the client library', async () => {
    started.upstream.next(sse(contentChunk('Half an ans'), cut));
    const client = new OpenAI({ baseURL: `${started.gateway.url}/v1`, apiKey: key, maxRetries: 0 });
    await assert.rejects(client.responses.stream({ model: 'chat', input: 'x' }).finalResponse());
  });

  it('that fails inside before anything was said is answered with a status', async () => {
    const [created] = responseEvents(responseTo({ model: 'gpt-4o', input: 'x' }));
    const response = {
      id: 'resp_x',
      status: 'failed',
      error: { code: 'server_error', message: 'It broke.' },
      output: [],
    };
    const failed = `event: response.failed\ndata: ${JSON.stringify({ type: 'response.failed', sequence_number: 1, response })}\n\n`;
    started.upstream.next(sse(created!, failed));
    const answer = await ask({ model: 'native', input: 'x', stream: true });
    assert.ok(answer.status >= 500);
    assert.match(errorOf(answer).message, /It broke/);
  });
});

describe('native bytes', () => {
  it('keep unknown fields, their order and numbers', async () => {
    const body = '{ "unknown": 1.0, "input":"x","model":"native", "store":false,"big":12345678901234567890 }';
    assert.equal((await post(body)).status, 200);
    const sent = started.upstream.requests.at(-1)!.body.toString();
    assert.equal(sent, body.replace('"native"', '"gpt-4o"'));
  });

  it('of a stream come back as they are', async () => {
    const events = responseEvents(responseTo({ model: 'gpt-4o', input: 'x', store: false }));
    started.upstream.next(sse(...events));
    const text = await (await post({ model: 'native', input: 'x', store: false, stream: true })).text();
    assert.equal(text, events.join(''));
  });

  it('of an end without its output are filled with what was streamed', async () => {
    const events = responseEvents(responseTo({ model: 'gpt-4o', input: 'fill me' }));
    const last = JSON.parse(events.at(-1)!.split('data: ')[1]!) as { response: Json };
    const hollow = `event: response.completed\ndata: ${JSON.stringify({ ...last, response: { ...last.response, output: [] } })}\n\n`;
    started.upstream.next(sse(...events.slice(0, -1), hollow));
    const told = eventsOf(await (await post({ model: 'native', input: 'x', stream: true })).text());
    assert.deepEqual((told.at(-1)!['response'] as Json)['output'], last.response['output']);
  });
});

describe('caches', () => {
  for (const model of ['cached', 'cached-chat']) {
    it(`an answer is told again, whole and streamed, with ids of its own: ${model}`, async () => {
      const client = new OpenAI({ baseURL: `${started.gateway.url}/v1`, apiKey: key, maxRetries: 0 });
      const asked = { model, input: `remember ${model}` };
      const first = await client.responses.create(asked);
      const before = started.upstream.requests.length;
      const { data: again, response } = await client.responses.create(asked).withResponse();
      assert.equal(response.headers.get('x-tollgate-cache'), 'hit');
      assert.equal(again.output_text, first.output_text);
      assert.notEqual(again.id, first.id);
      const streamed = await client.responses.stream(asked).finalResponse();
      assert.equal(streamed.output_text, first.output_text);
      assert.equal(started.upstream.requests.length, before);
      // A kept answer is a response like any other: it can be gone on from.
      await client.responses.create({ model: 'chat', input: 'more', previous_response_id: again.id });
      assert.ok(JSON.stringify(sentLast()).includes(`remember ${model}`));
    });

    it(`a stream is kept whole: ${model}`, async () => {
      const asked = { model, input: `stream ${model}`, stream: true };
      await (await post(asked)).text();
      const hit = await post({ ...asked, stream: false });
      assert.equal(hit.headers.get('x-tollgate-cache'), 'hit');
      assert.match(JSON.stringify(await hit.json()), /You said: stream/);
    });
  }
});

it('the sandbox answers, whole and streamed', async () => {
  const client = new OpenAI({ baseURL: `${started.gateway.url}/v1`, apiKey: key, maxRetries: 0 });
  assert.match((await client.responses.create({ model: 'sandbox', input: 'hello' })).output_text, /heard "hello"/);
  assert.match(
    (await client.responses.stream({ model: 'sandbox', input: 'hello' }).finalResponse()).output_text,
    /heard "hello"/,
  );
});

it('a route looks at what a request is', async () => {
  const plain = await post({ model: 'auto', input: 'x' });
  assert.equal(plain.headers.get('x-tollgate-model'), 'sandbox');
  const tools = [{ type: 'function', name: 'f', parameters: { type: 'object', properties: {} } }];
  const calling = await post({ model: 'auto', input: 'x', tools });
  assert.equal(calling.headers.get('x-tollgate-model'), 'chat');
});

it('explain tells what would happen, and what would be refused or left out', async () => {
  const explain = (request: object) =>
    started.gateway.admin<{
      would: string;
      plan: { dropped_params: string[]; refusal: string | null; input_tokens: number }[];
    }>('POST', '/explain', {
      key,
      endpoint: '/v1/responses',
      request,
    });
  const told = await explain({ model: 'chat', input: 'hello', truncation: 'auto' });
  assert.equal(told.would, 'send');
  assert.deepEqual(told.plan[0]!.dropped_params, ['truncation']);
  assert.ok(told.plan[0]!.input_tokens > 0);
  const refused = await explain({ model: 'chat', input: 'hello', tools: [{ type: 'mcp' }] });
  assert.match(String(refused.plan[0]!.refusal), /tools\[0\]\.type/);
});

describe('chat completions to a target that has the Responses API alone', () => {
  for (const model of ['responses-only', 'codex']) {
    it(`are answered, whole, streamed and with tools: ${model}`, async () => {
      const client = new OpenAI({ baseURL: `${started.gateway.url}/v1`, apiKey: key, maxRetries: 0 });
      const messages = [{ role: 'user', content: 'good day' } as const];
      const whole = await client.chat.completions.create({ model, messages });
      assert.equal(whole.choices[0]!.message.content, 'You said: good day');
      assert.match(started.upstream.requests.at(-1)!.path, /\/responses$/);
      const streamed = await client.chat.completions.stream({ model, messages }).finalChatCompletion();
      assert.equal(streamed.choices[0]!.message.content, 'You said: good day');
      const runner = client.chat.completions.runTools({
        model,
        messages,
        tools: [
          {
            type: 'function',
            function: {
              name: 'look',
              description: 'Looks.',
              parameters: { type: 'object', properties: { where: { type: 'string' } } },
              parse: JSON.parse,
              function: () => 'a tree',
            },
          },
        ],
      });
      assert.equal(await runner.finalContent(), 'The tool said: a tree');
    });
  }
});

describe('what Claude thought', () => {
  const tools = [
    { type: 'function', name: 'look', parameters: { type: 'object', properties: {} }, strict: false } as const,
  ];
  const asked = { model: 'claude', tools, reasoning: { effort: 'low' } as const, max_output_tokens: 4_000 };
  const thinkingSent = () => {
    const { messages } = sentLast() as { messages: { role: string; content: Json[] }[] };
    return messages.find(({ role }) => role === 'assistant')!.content[0];
  };

  for (const stream of [false, true])
    for (const stored of [false, true])
      it(`comes back to it with its signature: ${stream ? 'streamed' : 'whole'}, ${stored ? 'stored' : 'sent by the client'}`, async () => {
        const client = new OpenAI({ baseURL: `${started.gateway.url}/v1`, apiKey: key, maxRetries: 0 });
        const input: OpenAI.Responses.ResponseInputItem[] = [{ role: 'user', content: 'what is there?' }];
        const state = stored ? {} : { store: false, include: ['reasoning.encrypted_content' as const] };
        const first = { ...asked, ...state, input };
        const response = stream
          ? await client.responses.stream(first).finalResponse()
          : await client.responses.create(first);
        assert.ok(response.output.some((item) => item.type === 'reasoning' && item.summary[0]?.text));
        const output = response.output as OpenAI.Responses.ResponseOutputItem[];
        const call = output.find((item) => item.type === 'function_call')!;
        const result = { type: 'function_call_output', call_id: call.call_id, output: 'a tree' } as const;
        await client.responses.create({
          ...asked,
          ...(stored
            ? { previous_response_id: response.id, input: [result] }
            : { ...state, input: [...input, ...(response.output as OpenAI.Responses.ResponseInputItem[]), result] }),
        });
        const block = thinkingSent();
        assert.equal(block!['type'], 'thinking');
        assert.ok(String(block!['signature']).length > 5);
      });
});
