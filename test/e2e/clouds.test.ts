/** Azure and Bedrock through the public surface: a real gateway, the `openai` client, and what goes over the wire. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import { chunk, event, exception } from '../support/event-frames.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { signatures } from '../support/sigv4.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { head, json, type Received, type Step, until, write } from '../support/upstream-steps.js';

const price = { input: 1, output: 2 };
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const NOVA = 'eu.amazon.nova-pro-v1:0';
const PROFILE = 'arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/a1b2';
const STREAM = { 'content-type': 'application/vnd.amazon.eventstream' };

let upstream: FakeUpstream;
let gateway: Gateway;
let client: OpenAI;

before(async () => {
  upstream = await startUpstream();
  const base_url = upstream.url;
  const to = (provider: string, model: string, more = {}) => ({ targets: [{ provider, model, ...more }], price });
  const thenAzure = (model: string) => ({
    targets: [
      { provider: 'aws', model },
      { provider: 'azure', model: 'spare', priority: 2 },
    ],
    ...{ price, retry: { max_attempts: 3, base: '1ms' } },
  });
  gateway = await startGateway({
    config: {
      defaults: { retry: { max_attempts: 1 }, breaker: { min_requests: 1000 } },
      providers: {
        aws: {
          type: 'bedrock',
          region: 'eu-central-1',
          base_url,
          access_key_id: 'AKIDEXAMPLE',
          secret_access_key: SECRET,
        },
        keyed: { type: 'bedrock', region: 'eu-central-1', base_url, api_key: 'bedrock-api-key-123' },
        lost: { type: 'bedrock', region: 'eu-central-1', base_url, profile: 'nobody-has-this' },
        azure: { type: 'azure', api_version: '2024-10-21', base_url, api_key: 'azure-key-1234567890' },
        messages: {
          type: 'openai-compatible',
          base_url: `${base_url}/v1`,
          api_key: 'sk-own-key',
          speaks: ['anthropic-messages'],
        },
      },
      models: {
        nova: to('aws', NOVA),
        claude: to('aws', PROFILE, { base_model: 'anthropic.claude-sonnet-4-5-20250929-v1:0' }),
        keyed: to('keyed', NOVA),
        lost: to('lost', NOVA),
        titan: to('aws', 'amazon.titan-embed-text-v2:0'),
        'titan-again': { ...to('aws', 'amazon.titan-embed-text-v2:0'), retry: { max_attempts: 2, base: '1ms' } },
        azure: to('azure', 'my-deployment', { base_model: 'gpt-5-mini' }),
        'own-claude': to('messages', 'claude-like'),
        'then-azure': thenAzure('eu.amazon.nova-lite-v1:0'),
        'then-azure-streamed': thenAzure('eu.amazon.nova-micro-v1:0'),
      },
    },
  });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: (await gateway.key()).key, maxRetries: 0 });
});

after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

const messages = [{ role: 'user' as const, content: 'Hi' }];
const usage = { inputTokens: 10, outputTokens: 4, totalTokens: 14 };
const told = {
  output: { message: { role: 'assistant', content: [{ text: 'Hello.' }] } },
  stopReason: 'end_turn',
  usage,
};
const spare = json(200, {
  ...{ id: 'c', object: 'chat.completion', created: 1, model: 'spare' },
  choices: [{ index: 0, message: { role: 'assistant', content: 'Spare.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});
const frames = (...all: Buffer[]): readonly Step[] => [head(200, STREAM), ...all.map((one) => write(one))];

describe('Bedrock', () => {
  it('gets a request that is signed for what came over the wire, and answers', async () => {
    upstream.next(json(200, told));
    const asked = client.chat.completions.create({ model: 'nova', messages });
    const { data: answer, response } = await asked.withResponse();
    assert.equal(answer.choices[0]!.message.content, 'Hello.');
    assert.deepEqual([answer.usage!.prompt_tokens, answer.usage!.completion_tokens], [10, 4]);
    const sent = upstream.requests.at(-1)!;
    assert.equal(sent.path, '/model/eu.amazon.nova-pro-v1%3A0/converse');
    const { expected, found } = signatures(sent, SECRET);
    assert.equal(found, expected);
    assert.match(
      String(sent.headers.authorization),
      /\/eu-central-1\/bedrock\/aws4_request, SignedHeaders=content-type;host;x-amz-date,/,
    );
    const [entry] = await gateway.entries(response.headers.get('x-request-id')!);
    assert.deepEqual([entry!.tokens['input'], entry!.tokens['output'], entry!.usage_source], [10, 4, 'provider']);
  });

  it('streams in frames, which come out as chunks', async () => {
    upstream.next(
      frames(
        event('messageStart', { role: 'assistant' }),
        event('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'Hel' } }),
        event('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'lo.' } }),
        event('contentBlockStop', { contentBlockIndex: 0 }),
        event('messageStop', { stopReason: 'end_turn' }),
        event('metadata', { usage }),
      ),
    );
    const stream = await client.chat.completions.create({
      model: 'nova',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let total: number | undefined;
    for await (const piece of stream) {
      text += piece.choices[0]?.delta.content ?? '';
      total = piece.usage?.total_tokens ?? total;
    }
    assert.deepEqual([text, total], ['Hello.', 14]);
    assert.equal(upstream.requests.at(-1)!.path, '/model/eu.amazon.nova-pro-v1%3A0/converse-stream');
  });

  it('serves Claude behind a profile of the account, whose name says nothing', async () => {
    const start = {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      model: 'claude',
      content: [],
      usage: { input_tokens: 5, output_tokens: 1 },
    };
    upstream.next(
      frames(
        chunk({ type: 'message_start', message: start }),
        chunk({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
        chunk({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello.' } }),
        chunk({ type: 'content_block_stop', index: 0 }),
        chunk({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } }),
        chunk({ type: 'message_stop', 'amazon-bedrock-invocationMetrics': { inputTokenCount: 5 } }),
      ),
    );
    let text = '';
    for await (const piece of await client.chat.completions.create({ model: 'claude', messages, stream: true }))
      text += piece.choices[0]?.delta.content ?? '';
    assert.equal(text, 'Hello.');
    const sent = upstream.requests.at(-1)!;
    assert.equal(sent.path, `/model/${encodeURIComponent(PROFILE)}/invoke-with-response-stream`);
    assert.equal(sent.json()['anthropic_version'], 'bedrock-2023-05-31');
    const { expected, found } = signatures(sent, SECRET);
    assert.equal(found, expected);
  });

  it('with a key of its own is asked by bearer, and nothing is signed', async () => {
    upstream.next(json(200, told));
    await client.chat.completions.create({ model: 'keyed', messages });
    const { headers } = upstream.requests.at(-1)!;
    assert.deepEqual([headers.authorization, headers['x-amz-date']], ['Bearer bedrock-api-key-123', undefined]);
  });

  it('is not asked where there is nothing to sign with, and the caller is told whose fault that is', async () => {
    const before = upstream.requests.length;
    await assert.rejects(
      client.chat.completions.create({ model: 'lost', messages }),
      (error: InstanceType<typeof OpenAI.APIError>) => {
        assert.equal(error.code, 'upstream_account_error');
        return true;
      },
    );
    assert.equal(upstream.requests.length, before);
  });

  it('that is throttled in its first frame, or by its head, is left for the next target', async () => {
    upstream.next(
      json(
        429,
        { message: 'Too many requests' },
        { 'x-amzn-errortype': 'ThrottlingException:http://internal.amazon.com/' },
      ),
      spare,
    );
    const whole = await client.chat.completions.create({ model: 'then-azure', messages });
    assert.equal(whole.choices[0]!.message.content, 'Spare.');
    upstream.next(frames(exception('throttlingException', 'slow down')), spare);
    let text = '';
    for await (const piece of await client.chat.completions.create({
      model: 'then-azure-streamed',
      messages,
      stream: true,
    }))
      text += piece.choices[0]?.delta.content ?? '';
    assert.equal(text, 'Spare.');
  });

  it('embeds', async () => {
    upstream.next(json(200, { embedding: [0.5, 0.25], inputTextTokenCount: 3 }));
    const { data, usage: counted } = await client.embeddings.create({
      model: 'titan',
      input: 'Hi',
      encoding_format: 'float',
    });
    assert.deepEqual([data[0]!.embedding, counted.prompt_tokens], [[0.5, 0.25], 3]);
    assert.deepEqual(upstream.requests.at(-1)!.json(), { inputText: 'Hi' });
  });

  describe('embeds many texts, which Titan takes one by one', () => {
    const texts = Array.from({ length: 15 }, (_, i) => `${i}`);
    const placeOf = (request: Received) => Number(request.json()['inputText']);
    const vector = (request: Received) => json(200, { embedding: [placeOf(request), 0.5], inputTextTokenCount: 1 });
    const embed = (model: string) =>
      client.embeddings.create({ model, input: texts, encoding_format: 'float' }).withResponse();
    after(() => upstream.always());

    it('a few at once, told in order and entered as one', async () => {
      const before = upstream.requests.length;
      let running = 0;
      let most = 0;
      let eight = () => {};
      const eightRun = new Promise<void>((resolve) => (eight = resolve));
      upstream.always((request) => {
        most = Math.max(most, ++running);
        if (running === 8) eight();
        return [until(eightRun.then(() => void running--)), ...vector(request)];
      });
      const { data: answer, response } = await embed('titan');
      assert.deepEqual(
        answer.data.map(({ index, embedding }) => [index, embedding]),
        texts.map((_, i) => [i, [i, 0.5]]),
      );
      assert.equal(answer.usage.prompt_tokens, 15);
      assert.equal(most, 8);
      const sent = upstream.requests.slice(before);
      assert.equal(sent.length, 15);
      for (const one of sent) {
        const { expected, found } = signatures(one, SECRET);
        assert.equal(found, expected);
      }
      const entries = await gateway.entries(response.headers.get('x-request-id')!);
      assert.deepEqual(
        entries.map(({ tokens, usage_source }) => [tokens['input'], usage_source]),
        [[15, 'provider']],
      );
    });

    it('one that fails is the failure of all, and what was answered is neither asked nor paid for again', async () => {
      const before = upstream.requests.length;
      let last = () => {};
      const lastCame = new Promise<void>((resolve) => (last = resolve));
      let failed = false;
      upstream.always((request) => {
        if (placeOf(request) === 14) last();
        if (placeOf(request) !== 0 || failed) return vector(request);
        failed = true;
        return [until(lastCame), ...json(503, { message: 'busy' })];
      });
      const { data: answer, response } = await embed('titan-again');
      assert.deepEqual(
        answer.data.map(({ embedding }) => embedding[0]),
        texts.map((_, i) => i),
      );
      assert.equal(answer.usage.prompt_tokens, 15);
      const asked = upstream.requests.slice(before).map(placeOf);
      assert.equal(asked.filter((place) => place === 0).length, 2);
      assert.ok(asked.length <= 15 + 8, `${asked.length} were asked`);
      const entries = await gateway.entries(response.headers.get('x-request-id')!);
      assert.equal(entries.length, 2);
      assert.equal(
        entries.reduce((sum, { tokens }) => sum + tokens['input']!, 0),
        15,
      );
    });

    it('is refused beyond its bound, and tells what failed', async () => {
      upstream.always((request) => (placeOf(request) === 3 ? json(400, { message: 'Too long.' }) : vector(request)));
      await assert.rejects(embed('titan'), /400.*Too long/);
      const many = client.embeddings.create({ model: 'titan', input: Array.from({ length: 97 }, () => 'x') });
      await assert.rejects(many, /400.*takes at most 96/);
    });
  });
});

describe('Azure', () => {
  it('is asked at its deployment, with its key', async () => {
    upstream.next(spare);
    await client.chat.completions.create({ model: 'azure', messages, max_completion_tokens: 5 });
    const { path, headers } = upstream.requests.at(-1)!;
    assert.equal(path, '/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21');
    assert.deepEqual([headers['api-key'], headers.authorization], ['azure-key-1234567890', undefined]);
  });
});

describe('a compatible server that speaks the messages format', () => {
  it('is asked in it, with the key in both headers', async () => {
    const message = {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'claude-like',
      content: [{ type: 'text', text: 'Hello.' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 3, output_tokens: 2 },
    };
    upstream.next(json(200, message));
    const answer = await client.chat.completions.create({ model: 'own-claude', messages });
    assert.equal(answer.choices[0]!.message.content, 'Hello.');
    const { path, headers } = upstream.requests.at(-1)!;
    assert.equal(path, '/v1/messages');
    assert.deepEqual(
      [headers.authorization, headers['x-api-key'], headers['anthropic-version']],
      ['Bearer sk-own-key', 'sk-own-key', '2023-06-01'],
    );
  });
});
