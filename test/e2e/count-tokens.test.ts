/** `POST /v1/messages/count_tokens`: counted by the target where it can, else by the gateway. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { type AnthropicGateway, startAnthropicGateway } from '../support/anthropic-gateway.js';
import { anthropicError, head, json, stall } from '../support/upstream-steps.js';

const messages = [{ role: 'user' as const, content: 'How many tokens are these words?' }];

let sdk: AnthropicGateway;
let client: Anthropic;

before(async () => {
  sdk = await startAnthropicGateway();
  client = new Anthropic({ baseURL: sdk.gateway.url, apiKey: sdk.contexts.native.apiKey, maxRetries: 0 });
});
after(() => sdk?.close());

const raw = (body: string | object, headers: Record<string, string> = {}) =>
  fetch(`${sdk.gateway.url}/v1/messages/count_tokens?beta=true`, {
    method: 'POST',
    headers: { 'x-api-key': sdk.contexts.native.apiKey, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

describe('counting tokens', () => {
  it('asks a target that speaks messages, with the bytes of the caller and its betas, and tells what it said', async () => {
    sdk.upstream.next(json(200, { input_tokens: 4711, context_management: null }));
    const arrival = sdk.upstream.arrival();
    const body = `{"model":"claude-sonnet-4-5" , "messages":${JSON.stringify(messages)}, "x_new": 1.0}`;
    const response = await raw(body, {
      'anthropic-beta': 'token-counting-2024-11-01',
      'anthropic-version': '2023-06-01',
    });
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { input_tokens: 4711, context_management: null });
    assert.ok(response.headers.get('request-id'));
    const sent = await arrival;
    assert.equal(sent.path, '/v1/messages/count_tokens');
    assert.equal(sent.body.toString(), body);
    assert.equal(sent.headers['anthropic-beta'], 'token-counting-2024-11-01');
    assert.equal(sent.headers['x-api-key'], 'sk-ant-upstream');
  });

  it('leaves no entry in the ledger', async () => {
    sdk.upstream.next(json(200, { input_tokens: 1 }));
    const response = await raw({ model: 'claude-sonnet-4-5', messages }, { 'x-request-id': 'count-1' });
    assert.equal(response.status, 200);
    const { data } = await sdk.gateway.admin<{ data: unknown[] }>('GET', '/usage?request_id=count-1');
    assert.deepEqual(data, []);
  });

  it('counts by itself where the target cannot, fails, or is of another dialect', async () => {
    for (const answer of [
      anthropicError(404, 'not_found_error', 'no such address'),
      anthropicError(529, 'overloaded_error', 'Overloaded'),
      anthropicError(401, 'authentication_error', 'invalid x-api-key'),
      json(200, 'no json'),
      json(200, { input_tokens: 'many' }),
    ]) {
      sdk.upstream.next(answer);
      const { input_tokens } = await client.messages.countTokens({ model: 'claude-sonnet-4-5', messages });
      assert.ok(input_tokens > 5 && input_tokens < 40, String(input_tokens));
    }
    for (const model of ['gpt-4o-mini', 'sandbox']) {
      const { input_tokens } = await client.messages.countTokens({ model, messages });
      assert.ok(input_tokens > 5 && input_tokens < 40, `${model}: ${input_tokens}`);
    }
  });

  it('counts instructions, tools and results too', async () => {
    const model = 'gpt-4o-mini';
    const count = async (more: object) =>
      (await client.messages.countTokens({ model, messages, ...more } as never)).input_tokens;
    const bare = await count({});
    const words = 'one two three four five six seven eight nine ten';
    assert.ok((await count({ system: words })) >= bare + 10);
    assert.ok((await count({ system: [{ type: 'text', text: words }] })) >= bare + 10);
    const tool = { name: 'say', description: words, input_schema: { type: 'object', properties: {} } };
    assert.ok((await count({ tools: [tool] })) >= bare + 10);
    const turns = [
      ...messages,
      { role: 'assistant', content: [{ type: 'tool_use', id: 't1', name: 'say', input: { words } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: [{ type: 'text', text: words }] }] },
    ];
    assert.ok((await count({ messages: turns })) >= bare + 20);
  });

  it('tells what the target says of a request that is at fault, and refuses what cannot be read', async () => {
    sdk.upstream.next(anthropicError(400, 'invalid_request_error', 'messages.0: that is no turn'));
    const told = await raw({ model: 'claude-sonnet-4-5', messages });
    assert.equal(told.status, 400);
    assert.match(await told.text(), /"type":"error".*messages\.0: that is no turn/);
    const cases: [string | object, number, string][] = [
      ['{', 400, 'invalid_request_error'],
      [{ model: 'claude-sonnet-4-5' }, 400, 'invalid_request_error'],
      [{ model: 'nobody', messages }, 404, 'not_found_error'],
    ];
    for (const [body, status, type] of cases) {
      const response = await raw(body);
      assert.equal(response.status, status);
      const { error } = (await response.json()) as { error: { type: string } };
      assert.equal(error.type, type);
    }
    assert.equal((await raw({ model: 'sandbox', messages }, { 'x-api-key': 'sk-nobody' })).status, 401);
  });

  it('counts as a request where requests are limited, and nowhere else', async () => {
    const { key } = await sdk.gateway.key({
      limits: [
        { unit: 'requests', max: 2, per: 'minute' },
        { unit: 'tokens', max: 1, per: 'minute' },
        { unit: 'usd', max: 0, per: 'month' },
      ],
    });
    const ask = () => raw({ model: 'sandbox', messages }, { 'x-api-key': key });
    assert.deepEqual([(await ask()).status, (await ask()).status], [200, 200]);
    const third = await ask();
    assert.equal(third.status, 429);
    assert.ok(Number(third.headers.get('retry-after')) > 0);
    assert.match(await third.text(), /"type":"rate_limit_error"/);
  });

  it('takes many counts at once, and does not wait for a target that says nothing', async () => {
    const counts = await Promise.all(
      Array.from({ length: 26 }, () => client.messages.countTokens({ model: 'gpt-4o-mini', messages })),
    );
    assert.equal(new Set(counts.map(({ input_tokens }) => input_tokens)).size, 1);
    sdk.upstream.next([head(200), stall]);
    const { input_tokens } = await client.messages.countTokens({ model: 'claude-sonnet-4-5', messages });
    assert.ok(input_tokens > 5);
  });
});
