/** `POST /v1/completions` through the openai client: natively, and told as a conversation. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import OpenAI from 'openai';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { json, sse } from '../support/upstream-steps.js';

let upstream: FakeUpstream;
let gateway: Gateway;
let client: OpenAI;
let secret: string;

before(async () => {
  upstream = await startUpstream();
  const price = { input: 1, output: 4 };
  gateway = await startGateway({
    config: {
      providers: {
        fake: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' },
        claude: { type: 'anthropic', base_url: upstream.url, api_key: 'sk-ant-upstream' },
        sandbox: { type: 'sandbox' },
      },
      models: {
        base: { targets: [{ provider: 'fake', model: 'llama-base' }], price },
        claude: { targets: [{ provider: 'claude', model: 'claude-sonnet-4-5' }], price },
        sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price },
      },
    },
  });
  ({ key: secret } = await gateway.key());
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: secret, maxRetries: 0 });
});

after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

const usage = { prompt_tokens: 4, completion_tokens: 2, total_tokens: 6 };

describe('completions', () => {
  it('go to a target that speaks them as they are: several prompts, tokens, echo, logprobs', async () => {
    const logprobs = { tokens: ['a'], token_logprobs: [-1], top_logprobs: null, text_offset: [0] };
    const choices = ['a b', 'c d'].map((text, index) => ({ text, index, logprobs, finish_reason: 'stop' }));
    upstream.next(json(200, { id: 'cmpl-1', object: 'text_completion', created: 1, model: 'x', choices, usage }));
    const arrival = upstream.arrival();
    const { data, response } = await client.completions
      .create({ model: 'base', prompt: [[1, 2], [3]], echo: true, logprobs: 1, max_tokens: 5 })
      .withResponse();
    const sent = await arrival;
    assert.equal(sent.path, '/v1/completions');
    assert.deepEqual(sent.json(), {
      model: 'llama-base',
      prompt: [[1, 2], [3]],
      echo: true,
      logprobs: 1,
      max_tokens: 5,
    });
    assert.deepEqual(data.choices, choices);
    const [entry] = await gateway.entries(response.headers.get('x-request-id')!);
    assert.deepEqual([entry!.tokens['input'], entry!.tokens['output']], [4, 2]);
    assert.equal(entry!.cost_nusd['total'], 4 * 1000 + 2 * 4000);
  });

  it('are streamed, and the usage that only the gateway asked for is left out', async () => {
    const event = (more: object) =>
      `data: ${JSON.stringify({ id: 'cmpl-1', object: 'text_completion', created: 1, model: 'x', ...more })}\n\n`;
    upstream.next(
      sse(
        event({ choices: [{ text: 'Hel', index: 0, logprobs: null, finish_reason: null }] }),
        event({ choices: [{ text: 'lo', index: 0, logprobs: null, finish_reason: 'stop' }] }),
        event({ choices: [], usage }),
        'data: [DONE]\n\n',
      ),
    );
    let text = '';
    for await (const chunk of await client.completions.create({ model: 'base', prompt: 'a', stream: true })) {
      assert.equal(chunk.usage, undefined);
      text += chunk.choices[0]?.text ?? '';
    }
    assert.equal(text, 'Hello');
  });

  for (const model of ['claude', 'sandbox']) {
    it(`are told as a conversation elsewhere, whole and streamed: ${model}`, async () => {
      const whole = await client.completions.create({ model, prompt: 'good day', max_tokens: 50 });
      assert.match(whole.choices[0]!.text, /good day/);
      assert.equal(whole.object, 'text_completion');
      assert.ok(whole.usage!.completion_tokens > 0);
      let text = '';
      const asked = { model, prompt: 'good day', max_tokens: 50, stream: true as const };
      for await (const { choices } of await client.completions.create(asked)) text += choices[0]?.text ?? '';
      assert.equal(text, whole.choices[0]!.text);
      await assert.rejects(client.completions.create({ model, prompt: ['a', 'b'] }), /'prompt' may be one text alone/);
    });
  }

  it('and chats that are sent to each other’s address are told where they belong', async () => {
    const post = async (path: string, body: object) => {
      const response = await fetch(`${gateway.url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'sandbox', ...body }),
      });
      assert.equal(response.status, 400);
      return ((await response.json()) as { error: { message: string } }).error.message;
    };
    assert.match(await post('/v1/chat/completions', { input: 'hi' }), /belongs to \/v1\/responses/);
    assert.match(await post('/v1/chat/completions', { prompt: 'hi' }), /belongs to \/v1\/completions/);
    assert.match(await post('/v1/completions', { messages: [] }), /belongs to \/v1\/chat\/completions/);
  });
});
