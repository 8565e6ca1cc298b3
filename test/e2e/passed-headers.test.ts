/** Headers of callers that go on to a provider: those that its type or its configuration names, and nothing else. */
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { after, before, test } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';
import { json, type Received } from '../support/upstream-steps.js';

const messages = [{ role: 'user', content: 'Say hello.' }];
let upstream: FakeUpstream;
let gateway: Gateway;
let key: string;

before(async () => {
  upstream = await startUpstream();
  const anthropic = { type: 'anthropic', base_url: upstream.url, api_key: 'sk-ant-own' };
  const compatible = { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-own' };
  const claude = (provider: string, more: object = {}) => ({
    targets: [{ provider, model: 'claude-sonnet-4-5' }],
    ...more,
  });
  gateway = await startGateway({
    config: {
      providers: {
        anthropic,
        silent: { ...anthropic, pass_headers: [] },
        stating: { ...anthropic, headers: { 'anthropic-beta': 'context-1m-2025-08-07' } },
        compatible,
        passing: { ...compatible, pass_headers: ['X-Experiment', 'openai-beta'] },
      },
      defaults: { price: { input: 1, output: 4 }, retry: { max_attempts: 2, base: '1ms' } },
      models: {
        claude: claude('anthropic'),
        silent: claude('silent'),
        stating: claude('stating'),
        cached: claude('anthropic', { cache: { exact: true } }),
        plain: { targets: [{ provider: 'compatible', model: 'llama' }] },
        passing: { targets: [{ provider: 'passing', model: 'llama' }] },
        falls: claude('anthropic', { fallbacks: ['plain'] }),
      },
    },
  });
  ({ key } = await gateway.key());
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

/** What the upstream got of a chat whose caller sends these headers. */
async function received(model: string, headers: Record<string, string>): Promise<Received> {
  const arrives = upstream.arrival();
  const response = await gateway.chat(key, { model, messages }, { headers });
  assert.equal(response.status, 200, await response.text());
  return arrives;
}

const ofCallers = {
  'anthropic-beta': 'interleaved-thinking-2025-05-14, context-1m-2025-08-07,, interleaved-thinking-2025-05-14 ',
  'anthropic-version': '2026-10-21',
  'x-experiment': 'b',
  'openai-beta': 'assistants=v2',
  'openai-organization': 'org-of-the-caller',
  'x-api-key': 'sk-ant-of-the-caller',
  cookie: 'session=of-the-caller',
  'x-stainless-lang': 'js',
  'x-forwarded-for': '10.9.8.7',
};

test("the caller's betas go to Anthropic, each once, and nothing else of the caller does", async () => {
  const { headers } = await received('claude', ofCallers);
  assert.equal(headers['anthropic-beta'], 'interleaved-thinking-2025-05-14,context-1m-2025-08-07');
  assert.equal(headers['anthropic-version'], '2023-06-01', 'the body was written for this one');
  assert.equal(headers['x-api-key'], 'sk-ant-own');
  for (const name of ['x-experiment', 'openai-beta', 'openai-organization', 'cookie', 'authorization']) {
    assert.equal(headers[name], undefined, name);
  }
  assert.ok(!JSON.stringify(headers).includes('of-the-caller'));
});

test('a request without betas has no such header', async () => {
  const { headers } = await received('claude', {});
  assert.ok(!('anthropic-beta' in headers));
  assert.ok(!('anthropic-beta' in (await received('claude', { 'anthropic-beta': ' , ' })).headers));
});

test('lines of one header are one list', async () => {
  const arrives = upstream.arrival();
  const body = JSON.stringify({ model: 'claude', messages });
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const call = httpRequest(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${key}`,
        'content-type': 'application/json',
        'content-length': body.length,
        'anthropic-beta': ['one-2025-01-01', 'two-2025-02-02'],
      },
    });
    call.on('response', (response) => response.resume().on('end', () => resolve(response.statusCode)));
    call.on('error', reject).end(body);
  });
  assert.equal(status, 200);
  assert.equal((await arrives).headers['anthropic-beta'], 'one-2025-01-01,two-2025-02-02');
});

test('a streamed request carries them as well', async () => {
  const arrives = upstream.arrival();
  const response = await gateway.chat(
    key,
    { model: 'claude', messages, stream: true },
    { headers: { 'anthropic-beta': 'x-2025-01-01' } },
  );
  await response.text();
  assert.equal((await arrives).headers['anthropic-beta'], 'x-2025-01-01');
});

test('other providers get none of them', async () => {
  const { headers } = await received('plain', ofCallers);
  for (const name of ['anthropic-beta', 'anthropic-version', 'x-experiment', 'openai-beta', 'openai-organization']) {
    assert.equal(headers[name], undefined, name);
  }
});

test('a provider gets the headers that its configuration names, whatever the case of their names', async () => {
  const { headers } = await received('passing', ofCallers);
  assert.equal(headers['x-experiment'], 'b');
  assert.equal(headers['openai-beta'], 'assistants=v2');
  assert.equal(headers['anthropic-beta'], undefined);
  assert.equal(headers.authorization, 'Bearer sk-own');
});

test('an empty list passes nothing on', async () => {
  assert.equal((await received('silent', ofCallers)).headers['anthropic-beta'], undefined);
});

test("the caller's betas are added to those that the configuration states", async () => {
  const { headers } = await received('stating', ofCallers);
  assert.equal(headers['anthropic-beta'], 'context-1m-2025-08-07,interleaved-thinking-2025-05-14');
});

for (const [what, value] of [
  ['that is no list of names', 'a b; c'],
  ['that is too long', `a-${'1'.repeat(4100)}`],
  ['with bytes that are not ASCII', 'caf\u00e9'],
] as const) {
  test(`a list ${what} is refused with the name of the header, and nobody is asked`, async () => {
    const before = upstream.requests.length;
    const response = await gateway.chat(key, { model: 'claude', messages }, { headers: { 'anthropic-beta': value } });
    const { error } = (await response.json()) as { error: { code: string; param: string } };
    assert.deepEqual([response.status, error.code, error.param], [400, 'invalid_value', 'anthropic-beta']);
    assert.equal(upstream.requests.length, before);
  });
}

test('a header that the provider does not get may say anything', async () => {
  await received('plain', { 'anthropic-beta': 'a b; c' });
});

test('a fallback gets what its own provider gets', async () => {
  upstream.next(json(529, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }));
  const before = upstream.requests.length;
  const response = await gateway.chat(key, { model: 'falls', messages }, { headers: ofCallers });
  assert.equal(response.status, 200);
  const [first, second] = upstream.requests.slice(before);
  assert.ok(first?.headers['anthropic-beta']);
  assert.equal(second?.path, '/v1/chat/completions');
  assert.equal(second.headers['anthropic-beta'], undefined);
});

test('an answer that was given with other betas is not told again', async () => {
  const cacheOf = async (headers: Record<string, string>) => {
    const response = await gateway.chat(key, { model: 'cached', messages }, { headers });
    await response.text();
    return response.headers.get('x-tollgate-cache');
  };
  assert.equal(await cacheOf({}), 'miss');
  assert.equal(await cacheOf({}), 'hit');
  assert.equal(await cacheOf({ 'anthropic-beta': 'x-2025-01-01' }), 'miss');
  assert.equal(await cacheOf({ 'anthropic-beta': 'x-2025-01-01' }), 'hit');
  assert.equal(await cacheOf({ 'x-experiment': 'c' }), 'hit', 'what no target gets changes nothing');
});
