/** Requests as guards leave them are what is sent, in every form, and nothing in them is passed over. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { answer, type Receiver, startReceiver } from '../support/receiver.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';

const MAIL = 'jo.doe@example.com';
const price = { input: 1, output: 4 };

let upstream: FakeUpstream;
let hook: Receiver;
let gateway: Gateway;
const keys: Record<string, string> = {};

/** Every text that has the word is replaced. */
const replaces: Receiver['manner'] = (request, response) => {
  const { texts } = hook.received.at(-1)!.event.data as { texts: string[] };
  const others = texts.map((text) => text.replaceAll('Nightingale', 'Sparrow'));
  answer(200, {}, JSON.stringify({ action: 'replace', texts: others }))(request, response);
};

before(async () => {
  upstream = await startUpstream();
  hook = await startReceiver(replaces);
  const to = (provider: string, model: string) => ({ targets: [{ provider, model }], price });
  gateway = await startGateway({
    config: {
      defaults: { retry: { max_attempts: 1 } },
      providers: {
        chat: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'k' },
        claude: { type: 'anthropic', base_url: upstream.url, api_key: 'k' },
        gemini: { type: 'gemini', base_url: upstream.url, api_key: 'k' },
      },
      models: {
        chat: to('chat', 'm'),
        embed: to('chat', 'embed'),
        claude: to('claude', 'claude-sonnet-4-5'),
        gemini: to('gemini', 'gemini-2.5-flash'),
        'gemini-embedding': to('gemini', 'gemini-embedding-001'),
      },
      guardrails: {
        mask: { kind: 'pii', entities: ['email', 'card'], action: 'redact' },
        secrets: { kind: 'pii', entities: ['email', 'card'] },
        hook: { kind: 'webhook', url: hook.url, allow_private: true },
        short: { kind: 'size', max_characters: 200 },
      },
    },
  });
  for (const guard of ['mask', 'secrets', 'hook', 'short'])
    ({ key: keys[guard]! } = await gateway.key({ guards: [guard] }));
  ({ key: keys['both']! } = await gateway.key({ guards: ['secrets', 'short'] }));
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
  await hook?.close();
});

async function ask(guard: string, path: string, body: object | string) {
  const before = upstream.requests.length;
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keys[guard]}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const sent = upstream.requests.slice(before).map((request) => request.body.toString('utf8'));
  return { status: response.status, text, sent: sent.join('') };
}

const user = (content: string) => [{ role: 'user', content }];
const content = (text: string) => ({ content: { parts: [{ text }] } });

describe("Google's embeddings", () => {
  const asked: Readonly<Record<string, readonly [verb: string, body: (words: string) => object]>> = {
    'of one content': ['embedContent', content],
    'of several': ['batchEmbedContents', (words) => ({ requests: [content('a'), content(words)] })],
  };
  for (const [name, [verb, body]] of Object.entries(asked))
    for (const model of ['gemini-embedding', 'embed'])
      it(`${name} are sent as guards leave them, to ${model}`, async () => {
        const path = `/v1beta/models/${model}:${verb}`;
        const masked = await ask('mask', path, body(`Mail ${MAIL}`));
        assert.equal(masked.status, 200, masked.text);
        assert.ok(masked.sent.includes('Mail [EMAIL_1]') && !masked.sent.includes(MAIL), masked.sent);
        const replaced = await ask('hook', path, body('Ask Nightingale'));
        assert.ok(replaced.sent.includes('Ask Sparrow'), replaced.sent);
      });
});

describe('a count of tokens', () => {
  it('is had of a request that was redacted', async () => {
    const counted = await ask('mask', '/v1/messages/count_tokens', { model: 'claude', messages: user(MAIL) });
    assert.equal(counted.status, 200, counted.text);
    assert.ok(!counted.sent.includes(MAIL), counted.sent);
  });
});

describe('sizes', () => {
  it('are looked at before anything is looked for', async () => {
    const both = await ask('both', '/v1/chat/completions', { model: 'chat', messages: user(`${MAIL} `.repeat(20)) });
    assert.match(both.text, /guard 'short'/);
  });

  it('do not go by one of two fields of a name', async () => {
    const twice = `{"model":"chat","messages":[{"role":"user","content":"${'x'.repeat(300)}","content":"x"}]}`;
    const { status, text } = await ask('short', '/v1/chat/completions', twice);
    assert.equal(status, 400);
    assert.match(text, /names a field twice/);
  });
});

/** What holds the text, under a name that may hold a schema or what somebody made up. */
const schemas: Readonly<Record<string, (schema: object) => readonly [path: string, body: object]>> = {
  'parameters of a function': (parameters) => [
    '/v1/chat/completions',
    { model: 'chat', messages: user('x'), tools: [{ type: 'function', function: { name: 'f', parameters } }] },
  ],
  'a schema of the answer': (schema) => [
    '/v1/chat/completions',
    {
      ...{ model: 'chat', messages: user('x') },
      response_format: { type: 'json_schema', json_schema: { name: 's', schema } },
    },
  ],
  'parameters of the Responses API': (parameters) => [
    '/v1/responses',
    { model: 'chat', input: 'x', store: false, tools: [{ type: 'function', name: 'f', parameters }] },
  ],
  'an input schema': (input_schema) => [
    '/v1/messages',
    { model: 'claude', max_tokens: 9, messages: user('x'), tools: [{ name: 'f', input_schema }] },
  ],
  "parameters of Google's": (parameters) => [
    '/v1beta/models/gemini:generateContent',
    { contents: [{ parts: [{ text: 'x' }] }], tools: [{ functionDeclarations: [{ name: 'f', parameters }] }] },
  ],
  "a schema of Google's answer": (responseSchema) => [
    '/v1beta/models/gemini:generateContent',
    {
      contents: [{ parts: [{ text: 'x' }] }],
      generationConfig: { responseMimeType: 'application/json', responseSchema },
    },
  ],
};

describe('JSON that somebody made up', () => {
  for (const [name, asked] of Object.entries(schemas))
    it(`${name}: names and numbers are texts`, async () => {
      for (const properties of [{ [MAIL]: { type: 'string' } }, { n: { type: 'integer', const: 4111111111111111 } }]) {
        const { status, text } = await ask('secrets', ...asked({ type: 'object', properties }));
        assert.equal(status, 400, text);
        assert.match(text, /guard 'secrets'/);
      }
    });

  it('is told webhooks with its names and numbers, and measured with them', async () => {
    const call = (input: object) => ({
      ...{ model: 'claude', max_tokens: 9 },
      messages: [
        ...user('x'),
        { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'y' }] },
      ],
    });
    const before = hook.received.length;
    const { sent } = await ask('hook', '/v1/messages', call({ Nightingale: 12345 }));
    assert.deepEqual(hook.received[before]!.event.data.texts, ['x', 'Nightingale', '12345', 'y']);
    assert.match(sent, /"input":\{"Sparrow":12345\}/);
    const long = await ask('short', '/v1/messages', call({ ['n'.repeat(300)]: 1 }));
    assert.match(long.text, /guard 'short'/);
  });
});
