/** Vertex AI, with tokens of a server on this machine: by workload identity, whose file may say where tokens are had. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { googleError } from '../support/gemini-answers.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';

let tokens: Server;
let refusesTokens = false;
let made = 0;
let upstream: FakeUpstream;
let gateway: Gateway;
let key: string;
let dir: string;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tollgate-vertex-'));
  tokens = createServer((request, response) => {
    request.resume();
    const [status, body] = refusesTokens
      ? [400, { error: 'invalid_grant', error_description: 'The secret word is xyzzy.' }]
      : [200, { access_token: `ya29.${++made}`, expires_in: 3600, token_type: 'Bearer', issued_token_type: 'x' }];
    response.writeHead(status as number, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  tokens.listen(0, '127.0.0.1');
  await once(tokens, 'listening');
  const subject = join(dir, 'subject');
  await writeFile(subject, 'a word of the cluster');
  const account = (name: string) => ({
    type: 'external_account',
    audience: `//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/${name}`,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: `http://127.0.0.1:${(tokens.address() as AddressInfo).port}/v1/token`,
    credential_source: { file: subject },
  });
  for (const name of ['one', 'two']) await writeFile(join(dir, `${name}.json`), JSON.stringify(account(name)));
  upstream = await startUpstream();
  const price = { input: 1, output: 4 };
  const vertex = { type: 'vertex', base_url: upstream.url, project: 'p-1' };
  const target = (provider: string, model: string) => ({ targets: [{ provider, model }], price });
  gateway = await startGateway({
    database: 'embedded',
    config: {
      defaults: { retry: { max_attempts: 1 }, breaker: { min_requests: 1000 } },
      providers: {
        cloud: { ...vertex, location: 'europe-west4', credentials_file: join(dir, 'one.json') },
        refused: { ...vertex, credentials_file: join(dir, 'two.json') },
        express: { type: 'vertex', base_url: upstream.url, api_key: 'express-key' },
      },
      models: {
        gemini: target('cloud', 'gemini-3-flash-preview'),
        claude: target('cloud', 'claude-sonnet-4-5@20250929'),
        llama: target('cloud', 'meta/llama-4'),
        refused: target('refused', 'gemini-2.5-flash'),
        express: target('express', 'gemini-2.5-flash'),
      },
    },
  });
  ({ key } = await gateway.key());
});

after(async () => {
  await gateway?.close();
  await upstream?.stop();
  tokens?.close();
  await rm(dir, { recursive: true, force: true });
});

const ask = (model: string, more: object = {}) =>
  gateway.chat(key, { model, messages: [{ role: 'user', content: 'Say hello.' }], ...more });
const last = () => upstream.requests.at(-1)!;
const place = '/v1/projects/p-1/locations/europe-west4';

describe('Vertex AI', () => {
  it('is asked for Gemini with a token that is kept, whole and streamed', async () => {
    for (const stream of [false, true, false]) {
      const response = await ask('gemini', { stream });
      assert.equal(response.status, 200);
      assert.match(await response.text(), /hello/);
      const verb = stream ? 'streamGenerateContent?alt=sse' : 'generateContent';
      assert.equal(last().path, `${place}/publishers/google/models/gemini-3-flash-preview:${verb}`);
      assert.equal(last().headers.authorization, 'Bearer ya29.1');
      assert.equal(last().headers['x-goog-api-key'], undefined);
    }
    assert.equal(made, 1);
  });

  it('is asked for Claude with its version in the body and the model in the path', async () => {
    for (const stream of [false, true]) {
      await (await ask('claude', { stream })).text();
      const verb = stream ? 'streamRawPredict' : 'rawPredict';
      assert.equal(last().path, `${place}/publishers/anthropic/models/claude-sonnet-4-5@20250929:${verb}`);
      const { anthropic_version: version, model, max_tokens: most } = last().json();
      assert.deepEqual([version, model, most], ['vertex-2023-10-16', undefined, 64_000]);
      assert.equal(last().headers['anthropic-version'], undefined);
    }
  });

  it('is asked for open models as OpenAI is', async () => {
    const response = await ask('llama');
    assert.equal(response.status, 200, await response.text());
    assert.equal(last().path, `${place}/endpoints/openapi/chat/completions`);
    assert.equal(last().json()['model'], 'meta/llama-4');
  });

  it('knows no ids of calls', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } };
    const messages = [
      { role: 'user', content: 'Look.' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: 'A cat.' },
    ];
    await (await ask('gemini', { messages })).text();
    assert.ok(!last().body.toString().includes('call_1'));
  });

  it('that takes a token back is asked once more with another one', async () => {
    const before = made;
    upstream.next(googleError(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.'));
    const response = await ask('gemini');
    assert.equal(response.status, 200, await response.text());
    assert.equal(made, before + 1);
    assert.equal(last().headers.authorization, `Bearer ya29.${made}`);
  });

  it('without a token is an account that must be looked after: nothing is sent, and no secret is told', async () => {
    refusesTokens = true;
    const before = upstream.requests.length;
    const response = await ask('refused');
    const text = await response.text();
    refusesTokens = false;
    assert.equal(response.status, 502);
    assert.match(text, /upstream_account_error/);
    assert.ok(!text.includes('xyzzy') && !gateway.output.includes('xyzzy'));
    assert.equal(upstream.requests.length, before);
    assert.ok(!gateway.output.includes('ya29.'));
  });

  it('in express mode has a key and no project', async () => {
    const response = await ask('express');
    assert.equal(response.status, 200, await response.text());
    assert.equal(last().path, '/v1/publishers/google/models/gemini-2.5-flash:generateContent');
    assert.equal(last().headers['x-goog-api-key'], 'express-key');
    assert.equal(last().headers.authorization, undefined);
  });
});
