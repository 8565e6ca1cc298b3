/** Embeddings through the public surface: the real `openai` client and the AI SDK, a real gateway, a real Postgres. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { embed, embedMany } from 'ai';
import OpenAI from 'openai';
import { type EntryLine, type Gateway, startGateway } from '../support/gateway.js';
import { base64Of, embeddingsOf, vectorFor } from '../support/openai-embeddings-answers.js';
import { startRedis } from '../support/redis.js';
import { eventually } from '../support/reload.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { html, json, openaiError, type Received, stall } from '../support/upstream-steps.js';

const price = { input: 0.02, output: 0 };
const once = { retry: { max_attempts: 1 } };

let upstream: FakeUpstream;
let claude: FakeUpstream;
let gateway: Gateway;
let secret: string;
let client: OpenAI;

before(async () => {
  upstream = await startUpstream();
  claude = await startUpstream();
  gateway = await startGateway({
    config: {
      defaults: { retry: { base: '1ms', max: '5ms' }, breaker: { min_requests: 1000 } },
      providers: {
        fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream-secret-1234567890' },
        openai: { type: 'openai', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream-secret-1234567890' },
        claude: { type: 'anthropic', base_url: claude.url, api_key: 'sk-ant-upstream-secret' },
        sandbox: { type: 'sandbox' },
        here: { type: 'local' },
      },
      models: {
        'text-embedding-3-small': { targets: [{ provider: 'openai', model: 'text-embedding-3-small' }] },
        house: { targets: [{ provider: 'fake', model: 'house-embed' }], price },
        lone: { targets: [{ provider: 'fake', model: 'house-embed' }], price, ...once },
        cached: { targets: [{ provider: 'fake', model: 'house-embed' }], price, ...once, cache: { semantic: true } },
        'claude-sonnet-4-5': { targets: [{ provider: 'claude', model: 'claude-sonnet-4-5' }], ...once },
        mixed: {
          targets: [
            { provider: 'claude', model: 'claude-sonnet-4-5' },
            { provider: 'fake', model: 'house-embed', priority: 2, price },
          ],
        },
        'claude-last': {
          targets: [
            { provider: 'fake', model: 'house-embed', price },
            { provider: 'claude', model: 'claude-sonnet-4-5', priority: 2 },
          ],
        },
        falls: {
          targets: [{ provider: 'fake', model: 'broken' }],
          price,
          ...{ retry: { max_attempts: 2 } },
          fallbacks: ['lone'],
        },
        slow: { targets: [{ provider: 'fake', model: 'm' }], price, ...once, timeout: { total: '500ms' } },
        sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input: 1, output: 1 } },
        local: { targets: [{ provider: 'here', model: 'all-MiniLM-L6-v2' }], ...once },
        'local-priced': { targets: [{ provider: 'here', model: 'all-MiniLM-L6-v2' }], price: { input: 10, output: 0 } },
        auto: { route: [{ when: { keywords: ['invoice'] }, use: 'lone' }, { use: 'house' }] },
      },
    },
  });
  ({ key: secret } = await gateway.key({ team: 'search', tags: ['prod'] }));
  client = clientOf(secret);
});

after(async () => {
  await gateway?.close();
  await upstream?.stop();
  await claude?.stop();
});

const clientOf = (apiKey: string) => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 });

const post = (body: unknown, { key = secret, headers = {} as Record<string, string> } = {}) =>
  fetch(`${gateway.url}/v1/embeddings`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

async function refusal(body: unknown, more?: Parameters<typeof post>[1]) {
  const response = await post(body, more);
  return { status: response.status, headers: response.headers, ...((await response.json()) as ErrorBody).error };
}

async function entryOf(
  response: { headers: { get(name: string): string | null } },
  atLeast = 1,
): Promise<EntryLine & Record<string, unknown>> {
  const [entry] = await gateway.entries(response.headers.get('x-request-id')!, atLeast);
  return entry as EntryLine & Record<string, unknown>;
}

const cosine = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);

describe('embeddings of an upstream', () => {
  it('are answered to the openai client, which asks base64, and priced and recorded', async () => {
    const arrival = upstream.arrival();
    const { data, response } = await client.embeddings
      .create({ model: 'text-embedding-3-small', input: ['good day', 'hi'], user: 'ann' })
      .withResponse();
    assert.deepEqual(
      data.data.map(({ embedding }) => embedding),
      [vectorFor('good day', 0), vectorFor('hi', 1)],
    );
    const sent = (await arrival).json();
    assert.equal(sent['encoding_format'], 'base64');
    assert.equal(response.headers.get('x-tollgate-model'), 'text-embedding-3-small');
    assert.equal(response.headers.get('x-tollgate-target'), 'openai/text-embedding-3-small');
    assert.equal(response.headers.get('x-tollgate-cache'), 'off');
    const entry = await entryOf(response);
    assert.equal(entry['endpoint'], 'embeddings');
    assert.equal(entry['user'], 'ann');
    assert.equal(entry.status, 200);
    assert.equal(entry.usage_source, 'provider');
    assert.equal(entry.tokens['input'], 10);
    assert.equal(entry.tokens['output'], 0);
    assert.equal(entry.served_model, 'text-embedding-3-small-served');
    assert.equal(entry.cost_nusd['total'], 10 * 20);
    assert.equal(response.headers.get('x-tollgate-cost-usd'), entry.cost_usd);
  });

  it('come as numbers where numbers are asked for, and in the dimensions that are asked for', async () => {
    const answer = await client.embeddings.create({
      model: 'house',
      input: 'good day',
      encoding_format: 'float',
      dimensions: 6,
    });
    assert.deepEqual(answer.data[0]!.embedding, vectorFor('good day', 0, 6));
    assert.equal(answer.usage.prompt_tokens, 8);
  });

  it('take one text as tokens, and several', async () => {
    const one = await client.embeddings.create({ model: 'house', input: [15, 1159, 3] });
    assert.deepEqual(
      one.data.map(({ embedding }) => embedding),
      [vectorFor([15, 1159, 3], 0)],
    );
    const several = await client.embeddings.create({ model: 'house', input: [[1, 2], [3]] });
    assert.deepEqual(
      several.data.map(({ embedding }) => embedding),
      [vectorFor([1, 2], 0), vectorFor([3], 1)],
    );
  });

  it('answer embed and embedMany of the AI SDK', async () => {
    const { textEmbeddingModel } = createOpenAICompatible({ name: 't', baseURL: `${gateway.url}/v1`, apiKey: secret });
    const one = await embed({ model: textEmbeddingModel('house'), value: 'good day' });
    assert.deepEqual(one.embedding, vectorFor('good day', 0));
    assert.equal(one.usage.tokens, 8);
    const many = await embedMany({ model: textEmbeddingModel('local'), values: ['one', 'two', 'three'] });
    assert.deepEqual(
      many.embeddings.map(({ length }) => length),
      [384, 384, 384],
    );
  });

  it('send the bytes of the caller with only the model changed, and give back those of the upstream', async () => {
    const body = `{ "input" : "hi","model":"house", "big": 12345678901234567890, "x_new": {"b":1,"a":[ ]} }`;
    const answer =
      '{ "object":"list","x":1.10,\n"data":[{"embedding": [0.10, 1e-3],"index":0}],"usage":{"prompt_tokens":3,"total_tokens":3}}';
    const arrival = upstream.arrival();
    upstream.next(json(200, answer));
    assert.equal(await (await post(body)).text(), answer);
    const { path, body: sent } = await arrival;
    assert.equal(path, '/v1/embeddings');
    assert.equal(sent.toString(), body.replace('"house"', '"house-embed"'));
  });

  it('come in the form that was asked for from a server that knows only one, other fields as they were', async () => {
    upstream.next((request) =>
      json(200, { ...embeddingsOf(request.json() as never, { forms: 'float' }), extra: [1.5] }),
    );
    const answer = (await client.embeddings.create({ model: 'house', input: ['ab', 'c'] })) as object;
    assert.deepEqual(
      (answer as { data: { embedding: number[] }[] }).data.map(({ embedding }) => embedding),
      [vectorFor('ab', 0), vectorFor('c', 1)],
    );
    assert.deepEqual((answer as { extra: unknown }).extra, [1.5]);
    upstream.next((request) => json(200, embeddingsOf(request.json() as never, { forms: 'base64' })));
    const numbers = (await (await post({ model: 'house', input: 'ab' })).json()) as { data: { embedding: unknown }[] };
    assert.deepEqual(numbers.data[0]!.embedding, vectorFor('ab', 0));
    upstream.next((request) => json(200, embeddingsOf(request.json() as never, { forms: 'float' })));
    const bytes = (await (
      await post({ model: 'house', input: 'ab', encoding_format: 'base64' })
    ).json()) as typeof numbers;
    assert.equal(bytes.data[0]!.embedding, base64Of(vectorFor('ab', 0)));
  });

  it('come whole and are billed where the answer is megabytes, in either form', async () => {
    const input = Array.from({ length: 300 }, (_, i) => `text ${i}`);
    for (const format of [undefined, 'float'] as const) {
      const { data, response } = await client.embeddings
        .create({ model: 'house', input, dimensions: 1536, ...(format && { encoding_format: format }) })
        .withResponse();
      assert.equal(data.data.length, 300);
      assert.deepEqual(data.data[299]!.embedding, vectorFor('text 299', 299, 1536));
      const entry = await entryOf(response);
      assert.equal(entry.usage_source, 'provider');
      assert.equal(entry.tokens['input'], data.usage.prompt_tokens);
      assert.equal(entry.served_model, 'house-embed-served');
    }
    upstream.next((request) => json(200, embeddingsOf(request.json() as never, { forms: 'float' })));
    const other = await client.embeddings.create({ model: 'house', input, dimensions: 1536 });
    assert.deepEqual(other.data[299]!.embedding, vectorFor('text 299', 299, 1536));
  });

  it('are counted where the upstream tells no usage, and exactly where the encoding is known', async () => {
    const quiet = (request: Received) => json(200, embeddingsOf(request.json() as never, { usage: null }));
    upstream.next(quiet);
    const known = await client.embeddings
      .create({
        model: 'text-embedding-3-small',
        input: ['The quick brown fox'],
      })
      .withResponse();
    const entry = await entryOf(known.response);
    assert.equal(entry.usage_source, 'counted');
    assert.equal(entry.tokens['input'], 4);
    assert.equal(entry.cost_nusd['total'], 4 * 20);
    upstream.next(quiet);
    const tokens = await client.embeddings
      .create({ model: 'text-embedding-3-small', input: [[1, 2, 3], [4]] })
      .withResponse();
    assert.equal((await entryOf(tokens.response)).tokens['input'], 4);
    upstream.next(quiet);
    const other = await client.embeddings.create({ model: 'house', input: 'The quick brown fox' }).withResponse();
    const guessed = await entryOf(other.response);
    assert.equal(guessed.usage_source, 'estimated');
    assert.ok(guessed.tokens['input']! >= 4 && guessed.tokens['input']! <= 8, String(guessed.tokens['input']));
  });

  it('are billed the total where a server tells only that', async () => {
    upstream.next((request) => json(200, embeddingsOf(request.json() as never, { usage: { total_tokens: 7 } })));
    const { response } = await client.embeddings.create({ model: 'house', input: 'ab' }).withResponse();
    assert.equal((await entryOf(response)).tokens['input'], 7);
  });

  it('are tried again and elsewhere when an upstream fails, and each attempt has its entry', async () => {
    upstream.next(openaiError(500, { message: 'broken', type: 'api_error' }));
    const { response } = await client.embeddings.create({ model: 'house', input: 'ab' }).withResponse();
    assert.equal(response.headers.get('x-tollgate-attempts'), '2');
    const entries = await gateway.entries(response.headers.get('x-request-id')!, 2);
    assert.deepEqual(entries.map(({ status }) => status).sort(), [200, 500]);
    upstream.next(html(502));
    const fallen = await client.embeddings.create({ model: 'falls', input: 'ab' }).withResponse();
    assert.equal(fallen.response.headers.get('x-tollgate-model'), 'falls');
    assert.equal(fallen.data.data.length, 1);
  });

  it('are passed over to the next target where one has none, and refused where none has', async () => {
    const { response } = await client.embeddings.create({ model: 'mixed', input: 'ab' }).withResponse();
    assert.equal(response.headers.get('x-tollgate-target'), 'fake/house-embed');
    const told = await refusal({ model: 'claude-sonnet-4-5', input: 'ab' });
    assert.equal(told.status, 400);
    assert.equal(told.code, 'unsupported_endpoint');
    assert.equal(told.param, 'model');
    assert.match(told.message, /claude\/claude-sonnet-4-5 has chat completions.* only/);
    assert.equal(claude.requests.length, 0);
  });

  it('say what the upstream says when it refuses, without its credentials', async () => {
    const message = 'Too many inputs for sk-upstream-secret-1234567890.';
    upstream.next(openaiError(400, { message, param: 'input', code: 'too_many' }));
    const told = await refusal({ model: 'house', input: 'ab' });
    assert.deepEqual([told.status, told.code, told.param], [400, 'too_many', 'input']);
    assert.ok(!told.message.includes('sk-upstream'), told.message);
  });

  it('are an upstream error where the answer holds no embeddings', async () => {
    for (const body of ['{"object":"list"}', '{"data":[]}', 'not json', '[1]', '{"data":[{"embedding":null}]}']) {
      upstream.next(json(200, body));
      const told = await refusal({ model: 'lone', input: 'ab' });
      assert.deepEqual([told.status, told.code], [502, 'upstream_error'], body);
    }
    upstream.next(json(200, { data: [{ embedding: ['x'] }] }));
    assert.equal((await refusal({ model: 'lone', input: 'ab', encoding_format: 'base64' })).status, 502);
    upstream.next(json(200, { error: { message: 'no such thing', code: 'odd' } }));
    assert.match((await refusal({ model: 'lone', input: 'ab' })).message, /no such thing/);
  });

  it('time out as configured, and what was sent is billed as it was counted', async () => {
    upstream.next([stall]);
    const told = await refusal({ model: 'slow', input: 'The quick brown fox' });
    assert.deepEqual([told.status, told.code], [504, 'upstream_timeout']);
    const entry = await entryOf(told);
    assert.equal(entry.status, 504);
    assert.ok(entry.cost_nusd['total']! > 0);
  });

  it('come from the exact cache of their model, for the same texts alone', async () => {
    const before = upstream.requests.length;
    for (const [input, state] of [
      ['How do I reset it?', 'miss'],
      ['How do I reset it?', 'hit'],
      ['How can I reset it?', 'miss'],
    ] as const) {
      const { response } = await client.embeddings.create({ model: 'cached', input }).withResponse();
      assert.equal(response.headers.get('x-tollgate-cache'), state);
    }
    assert.equal(upstream.requests.length, before + 2);
  });

  it('are at the same addresses as chats are: with and without /v1, and with a query', async () => {
    for (const path of ['/v1/embeddings', '/embeddings', '/v1/embeddings?api-version=1']) {
      const response = await fetch(`${gateway.url}${path}`, {
        method: 'POST',
        headers: { 'api-key': secret },
        body: JSON.stringify({ model: 'house', input: 'x' }),
      });
      assert.equal(response.status, 200, path);
    }
    const wrong = await fetch(`${gateway.url}/v1/embeddings`, { headers: { 'api-key': secret } });
    assert.equal(wrong.status, 405);
  });

  it('follow the rules of a route, which read the text', async () => {
    const one = await client.embeddings.create({ model: 'auto', input: ['about an invoice'] }).withResponse();
    assert.equal(one.response.headers.get('x-tollgate-model'), 'lone');
    const other = await client.embeddings.create({ model: 'auto', input: ['about a horse'] }).withResponse();
    assert.equal(other.response.headers.get('x-tollgate-model'), 'house');
  });
});

describe('what is refused before anything is sent', () => {
  const cases: readonly [name: string, body: unknown, param: string, code?: string][] = [
    ['no model', { input: 'x' }, 'model', 'missing_required_parameter'],
    ['an empty model', { model: '', input: 'x' }, 'model'],
    ['no input', { model: 'house' }, 'input', 'missing_required_parameter'],
    ['null', { model: 'house', input: null }, 'input'],
    ['a number', { model: 'house', input: 7 }, 'input'],
    ['an object', { model: 'house', input: {} }, 'input'],
    ['an empty array', { model: 'house', input: [] }, 'input'],
    ['an array of nulls', { model: 'house', input: [null] }, 'input[0]'],
    ['texts and tokens', { model: 'house', input: ['a', 1] }, 'input[1]'],
    ['tokens and texts', { model: 'house', input: [1, 'a'] }, 'input[1]'],
    ['a broken token', { model: 'house', input: [1, 1.5] }, 'input[1]'],
    ['a negative token', { model: 'house', input: [[1], [2, -1]] }, 'input[1][1]'],
    ['an empty token array', { model: 'house', input: [[1], []] }, 'input[1]'],
    ['token arrays and texts', { model: 'house', input: [[1], 'a'] }, 'input[1]'],
    ['a deeper array', { model: 'house', input: [[[1]]] }, 'input[0][0]'],
    ['dimensions of none', { model: 'house', input: 'x', dimensions: 0 }, 'dimensions'],
    ['dimensions in words', { model: 'house', input: 'x', dimensions: 'many' }, 'dimensions'],
    ['a format that is no word', { model: 'house', input: 'x', encoding_format: 1 }, 'encoding_format'],
    ['an input given twice', '{"model":"house","input":"x","input":"y"}', 'input'],
    ['an unknown model', { model: 'nobody', input: 'x' }, 'model', 'model_not_found'],
    [
      '2049 texts for a vendor that takes 2048',
      { model: 'text-embedding-3-small', input: Array(2049).fill('x') },
      'input',
    ],
  ];
  for (const [name, body, param, code = 'invalid_value'] of cases) {
    it(name, async () => {
      const sent = upstream.requests.length;
      const told = await refusal(body);
      assert.equal(told.status, code === 'model_not_found' ? 404 : 400);
      assert.equal(told.type, 'invalid_request_error');
      assert.deepEqual([told.param, told.code], [param, code]);
      assert.ok(told.message.length > 10);
      assert.equal(upstream.requests.length, sent);
    });
  }

  it('what is not JSON, or no key', async () => {
    assert.equal((await refusal('{')).code, 'invalid_json');
    const told = await refusal({ model: 'house', input: 'x' }, { key: 'sk-nobody' });
    assert.deepEqual([told.status, told.code], [401, 'invalid_api_key']);
  });

  it('2049 texts go to a vendor whose maximum is not known', async () => {
    const answer = await client.embeddings.create({ model: 'house', input: Array(2049).fill('x') as string[] });
    assert.equal(answer.data.length, 2049);
  });
});

describe('who may embed, and how much', () => {
  it('a key for chats only may not, and one for embeddings only may not chat', async () => {
    const chat = await gateway.key({ endpoints: ['chat'] });
    const told = await refusal({ model: 'house', input: 'x' }, { key: chat.key });
    assert.deepEqual([told.status, told.code, told.type], [403, 'endpoint_not_allowed', 'permission_error']);
    const only = await gateway.key({ endpoints: ['embeddings'] });
    assert.equal((await post({ model: 'house', input: 'x' }, { key: only.key })).status, 200);
    assert.equal(
      (await gateway.chat(only.key, { model: 'house', messages: [{ role: 'user', content: 'x' }] })).status,
      403,
    );
  });

  it('a budget is held at the counted input and no output, and settled with the real usage', async () => {
    // "ab" x 10: 20 tokens by the upstream's count.
    const limits = [{ unit: 'usd', max: '0.000001', per: 'month' }]; // 1000 nano-dollars: 50 tokens
    const { key, id } = await gateway.key({ limits });
    const input = Array(10).fill('ab') as string[];
    for (const left of ['0.000000600', '0.000000200']) {
      const answer = await post({ model: 'text-embedding-3-small', input }, { key });
      assert.equal(answer.status, 200);
      await answer.text();
      const { data } = await gateway.admin<{ data: { remaining: string; held: string }[] }>('GET', `/limits?key=${id}`);
      assert.deepEqual([data[0]!.remaining, data[0]!.held], [left, '0.000000000']);
    }
    const told = await refusal({ model: 'text-embedding-3-small', input: Array(11).fill('ab') }, { key });
    assert.deepEqual([told.status, told.code, told.type], [429, 'budget_exceeded', 'insufficient_quota']);
    assert.equal(told.headers.get('x-should-retry'), 'false');
  });

  it('a budget does not hold what a target costs that cannot embed', async () => {
    const { key } = await gateway.key({ limits: [{ unit: 'usd', max: '0.000001', per: 'month' }] });
    assert.equal((await post({ model: 'claude-last', input: 'ab' }, { key })).status, 200);
  });

  it('two hundred at once never exceed a budget, and use what there is', async () => {
    const max = 20 * 100; // nano-dollars: one hundred requests of one token
    const { key, id } = await gateway.key({ limits: [{ unit: 'usd', max: (max / 1e9).toFixed(9), per: 'month' }] });
    const statuses = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const answer = await post({ model: 'text-embedding-3-small', input: 'a' }, { key });
        await answer.arrayBuffer();
        return answer.status;
      }),
    );
    assert.equal(statuses.filter((status) => status === 200).length, 100);
    assert.equal(statuses.filter((status) => status === 429).length, 100);
    const { data } = await gateway.admin<{ data: { spent: string; held: string }[] }>('GET', `/limits?key=${id}`);
    assert.deepEqual([data[0]!.spent, data[0]!.held], ['0.000002000', '0.000000000']);
  });

  it('rate limits are told and hold', async () => {
    const { key } = await gateway.key({ limits: [{ unit: 'requests', max: 1, per: 'hour' }] });
    const first = await post({ model: 'house', input: 'x' }, { key });
    assert.equal(first.headers.get('x-ratelimit-limit-requests'), '1');
    const told = await refusal({ model: 'house', input: 'x' }, { key });
    assert.deepEqual([told.status, told.code], [429, 'rate_limit_exceeded']);
    assert.ok(Number(told.headers.get('retry-after')) > 0);
  });

  it('metrics and the access line tell of the endpoint', async () => {
    const { response } = await client.embeddings.create({ model: 'house', input: 'x' }).withResponse();
    const requestId = response.headers.get('x-request-id')!;
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    assert.match(
      metrics,
      /tollgate_requests_total\{endpoint="embeddings",model="house",provider="fake",status="200"\} \d+/,
    );
    // The last piece may be half a line.
    const lines = () => gateway.output.split('\n').slice(0, -1);
    const line = await eventually('the access line', () => lines().find((text) => text.includes(requestId)));
    const { endpoint, model, input_tokens: tokens, status } = JSON.parse(line) as Record<string, unknown>;
    assert.deepEqual([endpoint, model, tokens, status], ['embeddings', 'house', 1, 200]);
  });

  it('explain tells what would happen', async () => {
    interface Told {
      would: string;
      error: { code: string } | null;
      cache: { state: string };
      estimate: { output_tokens: number; input_tokens: number };
    }
    const explain = (request: object, endpoint = 'embeddings') =>
      gateway.admin<Told>('POST', '/explain', { key: secret, endpoint, request });
    const told = await explain({ model: 'text-embedding-3-small', input: 'The quick brown fox' });
    assert.equal(told.would, 'send');
    assert.deepEqual([told.estimate.input_tokens, told.estimate.output_tokens], [4, 0]);
    assert.equal((await explain({ model: 'cached', input: 'x' })).cache.state, 'miss');
    const refused = await explain({ model: 'claude-sonnet-4-5', input: 'x' }, '/v1/embeddings');
    assert.equal(refused.error!.code, 'unsupported_endpoint');
  });
});

describe('the local model as a target', () => {
  const texts = ['How do I reset my password?', 'How can I reset my password?', 'The cat sat on the mat.'];

  it('gives vectors of 384 dimensions and length one, that mean something, the same in both forms', async () => {
    const { data, response } = await client.embeddings.create({ model: 'local', input: texts }).withResponse();
    const numbers = await client.embeddings.create({ model: 'local', input: texts, encoding_format: 'float' });
    const [one, two, other] = data.data.map(({ embedding }) => embedding) as [number[], number[], number[]];
    for (const [i, vector] of [one, two, other].entries()) {
      assert.equal(vector.length, 384);
      assert.ok(Math.abs(cosine(vector, vector) - 1) < 1e-5);
      assert.deepEqual([...Float32Array.from(numbers.data[i]!.embedding)], [...Float32Array.from(vector)]);
    }
    assert.ok(cosine(one, two) > 0.9 && cosine(one, other) < 0.3, `${cosine(one, two)} ${cosine(one, other)}`);
    // [CLS] how do i reset my password ? [SEP], and so on.
    assert.deepEqual(data.usage, { prompt_tokens: 9 + 9 + 9, total_tokens: 27 });
    const entry = await entryOf(response);
    assert.deepEqual([entry.provider, entry.target, entry.status], ['here', 'here/all-MiniLM-L6-v2', 200]);
    assert.deepEqual([entry.tokens['input'], entry.usage_source, entry.cost_nusd['total']], [27, 'provider', 0]);
  });

  it('costs what the configuration says, where it says so', async () => {
    const { response } = await client.embeddings.create({ model: 'local-priced', input: texts[0]! }).withResponse();
    assert.equal((await entryOf(response)).cost_nusd['total'], 9 * 10_000);
  });

  it('refuses what it cannot do, naming the field', async () => {
    const long = 'word '.repeat(300);
    const cases: readonly [body: object, param: string, code: string][] = [
      [{ input: 'x', dimensions: 256 }, 'dimensions', 'invalid_value'],
      [{ input: 'x', encoding_format: 'binary' }, 'encoding_format', 'invalid_value'],
      [{ input: [1, 2] }, 'input', 'invalid_value'],
      [{ input: ['fine', ' '] }, 'input[1]', 'invalid_value'],
      [{ input: long }, 'input', 'context_length_exceeded'],
      [{ input: ['fine', long] }, 'input[1]', 'context_length_exceeded'],
      [{ input: Array(2049).fill('x') }, 'input', 'invalid_value'],
    ];
    for (const [body, param, code] of cases) {
      const told = await refusal({ model: 'local', ...body });
      assert.deepEqual([told.status, told.param, told.code], [400, param, code], JSON.stringify(body).slice(0, 60));
    }
    assert.equal((await post({ model: 'local', input: 'x', dimensions: 384 })).status, 200);
  });

  it('has no chat', async () => {
    const response = await gateway.chat(secret, { model: 'local', messages: [{ role: 'user', content: 'hi' }] });
    const { error } = (await response.json()) as ErrorBody;
    assert.deepEqual([response.status, error.code, error.param], [400, 'unsupported_endpoint', 'model']);
    assert.match(error.message, /has embeddings.* only/);
  });

  it('says that it is overloaded where more waits than fits, and lets short requests past long ones', async () => {
    const many = Array.from({ length: 2000 }, (_, i) => `a text with the number ${i} in it`);
    const leaving = new AbortController();
    const asked = [1, 2, 3].map(() =>
      client.embeddings.create({ model: 'local', input: many }, { signal: leaving.signal }),
    );
    const ends = asked.map((answer) =>
      answer.then(
        () => 'answered' as const,
        (error: InstanceType<typeof OpenAI.APIError>) => error,
      ),
    );
    const first = (await Promise.race(ends)) as InstanceType<typeof OpenAI.APIError>;
    assert.deepEqual([first.status, first.code, first.type], [503, 'overloaded', 'api_error']);
    assert.ok(Number(first.headers!.get('retry-after-ms')) > 0);
    const startedAt = performance.now();
    assert.equal((await post({ model: 'local', input: 'a short one' })).status, 200);
    assert.ok(performance.now() - startedAt < 1000, 'a short request waited for the long ones');
    leaving.abort();
    const names = (await Promise.all(ends)).map((end) => (end === 'answered' ? end : end.constructor.name));
    assert.deepEqual(names.sort(), ['APIUserAbortError', 'APIUserAbortError', 'InternalServerError']);
    // Their texts went with them: what did not fit does now.
    let status = 503;
    for (const until = performance.now() + 5000; status === 503 && performance.now() < until; await sleep(20))
      status = (await post({ model: 'local', input: many.slice(0, 200) })).status;
    assert.equal(status, 200);
  });
});

describe('the sandbox', () => {
  it('embeds the same each time, near where words are shared, and can be told to fail', async () => {
    const create = (input: string | string[], more = {}) =>
      client.embeddings.create({ model: 'sandbox', input, ...more });
    const { data, usage } = await create(['reset my password', 'reset the password', 'a cat on a mat']);
    const [one, two, other] = data.map(({ embedding }) => embedding) as [number[], number[], number[]];
    assert.ok(cosine(one, two) > cosine(one, other));
    assert.ok(Math.abs(cosine(one, one) - 1) < 1e-5);
    assert.equal(usage.prompt_tokens, 5 + 5 + 4);
    assert.deepEqual((await create('reset my password')).data[0]!.embedding, one);
    assert.equal((await create('x', { dimensions: 64, encoding_format: 'float' })).data[0]!.embedding.length, 64);
    await assert.rejects(create('[status=418]'), { status: 418 });
  });
});

describe('with Redis', () => {
  it('two gateways and a hundred requests at once never exceed a budget, and use what there is', async () => {
    const redis = await startRedis();
    const config = {
      redis: { url: redis.url, on_failure: 'closed' },
      providers: { sandbox: { type: 'sandbox' } },
      models: { embed: { targets: [{ provider: 'sandbox', model: 'm' }], price: { input: 1, output: 5 } } },
    };
    const one = await startGateway({ config });
    const two = await startGateway({ config, database: one.databaseUrl! });
    try {
      // 40 requests of two tokens, at 1,000 nano-dollars each.
      const { key } = await one.key({ limits: [{ unit: 'usd', max: '0.000080', per: 'month' }] });
      // A Redis that answers late counts as away for a moment: what is refused for it is asked again.
      const call = async ({ url }: Gateway) => {
        for (;;) {
          const answer = await fetch(`${url}/v1/embeddings`, {
            method: 'POST',
            headers: { authorization: `Bearer ${key}` },
            body: JSON.stringify({ model: 'embed', input: 'good day' }),
          });
          await answer.arrayBuffer();
          if (answer.status !== 503) return answer.status;
          await sleep(20);
        }
      };
      while ((await call(two)) === 401) await sleep(20);
      const statuses = await Promise.all(Array.from({ length: 100 }, (_, i) => call(i % 2 === 0 ? one : two)));
      assert.equal(statuses.filter((status) => status === 200).length, 39);
      assert.equal(statuses.filter((status) => status === 429).length, 61);
    } finally {
      await two.close();
      await one.close();
      await redis.close();
    }
  });
});
