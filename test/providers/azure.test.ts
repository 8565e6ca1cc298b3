/** Azure: where deployments are, how an account is let in, and what its errors and filters mean. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { azure } from '../../providers/azure.js';
import { readErrorBody } from '../../src/formats/error-body.js';
import type { ProviderSettings } from '../../src/lib/provider-settings.js';
import { accountLack } from '../../src/provider/accounts.js';
import { entraSigner } from '../../src/provider/entra.js';
import type { ProviderType } from '../../src/provider/provider-type.js';
import { classify } from '../../src/router/classify.js';
import { reach } from './reach.js';

const type: ProviderType = azure;
const chat = { model: 'alias', messages: [{ role: 'user', content: 'Hi' }] };
const of = (settings: ProviderSettings, json: object = chat) =>
  reach(type, 'openai-chat', json, { model: 'my dep/1', settings });

test('a deployment stands in the path where there is a version, and in the body where there is none', () => {
  const old = of({ api_version: '2024-10-21' });
  assert.equal(old.path, '/openai/deployments/my%20dep%2F1/chat/completions?api-version=2024-10-21');
  assert.equal(of({}).path, '/openai/v1/chat/completions');
  assert.equal(of({ api_version: 'v1' }).path, '/openai/v1/chat/completions');
  assert.equal(of({ api_version: 'preview' }).path, '/openai/v1/chat/completions?api-version=preview');
  assert.equal(of({}).body['model'], 'my dep/1');
  const vectors = reach(
    type,
    'openai-embeddings',
    { model: 'a', input: 'x' },
    { model: 'emb', settings: { api_version: '2024-10-21' } },
  );
  assert.equal(vectors.path, '/openai/deployments/emb/embeddings?api-version=2024-10-21');
});

test('the Responses API has no deployment in its path, and is there by version', () => {
  const asked = { model: 'alias', input: 'Hi', store: false };
  const at = (settings: ProviderSettings, baseModel = 'gpt-5') => {
    const reached = reach(type, 'openai-responses', asked, { model: 'dep', settings, baseModel });
    return [reached.speaks, reached.path];
  };
  assert.deepEqual(at({}), ['openai-responses', '/openai/v1/responses']);
  assert.deepEqual(at({ api_version: 'v1' }), ['openai-responses', '/openai/v1/responses']);
  assert.deepEqual(at({ api_version: 'preview' }), ['openai-responses', '/openai/v1/responses?api-version=preview']);
  const dated = { api_version: '2025-04-01-preview' };
  assert.deepEqual(at(dated), ['openai-responses', '/openai/responses?api-version=2025-04-01-preview']);
  assert.equal(at({ api_version: '2024-10-21' })[0], 'openai-chat');
  const codex = reach(type, 'openai-chat', chat, { model: 'dep', settings: {}, baseModel: 'gpt-5-codex' });
  assert.deepEqual([codex.speaks, codex.body['model']], ['openai-responses', 'dep']);
});

test('a key goes as api-key, and no bearer beside it', () => {
  assert.deepEqual(of({}).headers, { 'api-key': 'sk-1' });
  assert.deepEqual(type.auth(''), {});
});

test('what an account lacks', () => {
  const account = { api_keys: [''], settings: {}, files_digest: null, headers: {} };
  assert.equal(
    accountLack(account, type),
    'set `api_key`, or `tenant` and `client_id` and `client_secret`, or `tenant` and `client_id` and `token_file`',
  );
  assert.equal(
    accountLack({ ...account, settings: { tenant: 't', client_id: 'c', token_file: '/x' } }, type),
    undefined,
  );
});

test('the field that bounds an answer is the one that the model knows, by its base model', () => {
  const bounded = (baseModel: string) =>
    Object.keys(reach(type, 'openai-chat', chat, { model: 'dep', baseModel, maxOutput: 9 }).body).at(-1);
  assert.deepEqual(['gpt-4o', 'gpt-5-mini', 'dep'].map(bounded), [
    'max_tokens',
    'max_completion_tokens',
    'max_completion_tokens',
  ]);
});

interface Posted {
  readonly url: string;
  readonly form: Record<string, string>;
}

function entra(settings: ProviderSettings, answer: () => { status?: number; body: unknown }) {
  const posted: Posted[] = [];
  const state = { now: 1_000_000 };
  const fake = (async (url: string | URL | Request, init?: RequestInit) => {
    posted.push({ url: String(url), form: Object.fromEntries(init!.body as URLSearchParams) });
    const { status = 200, body } = answer();
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status });
  }) as typeof fetch;
  const signer = entraSigner('https://cognitiveservices.azure.com/.default')(
    { settings, hasKey: false, baseUrl: 'https://r.openai.azure.com' },
    { fetch: fake, nowMs: () => state.now },
  )!;
  const request = { credential: '', host: 'h', path: '/', headers: [], body: Buffer.alloc(0), nowMs: 0 };
  return { posted, state, signer, headers: () => signer.headers(request) };
}

const client = { tenant: 'contoso', client_id: 'app', client_secret: 's3cret' };
const token = (access_token: string) => ({ body: { access_token, expires_in: 3600, token_type: 'Bearer' } });

test('a client gets a token by its secret, once for an hour of requests', async () => {
  const { posted, headers } = entra(client, () => token('t1'));
  assert.deepEqual(await Promise.all([headers(), headers()]), [
    { authorization: 'Bearer t1' },
    { authorization: 'Bearer t1' },
  ]);
  assert.deepEqual(posted, [
    {
      url: 'https://login.microsoftonline.com/contoso/oauth2/v2.0/token',
      form: {
        ...{ grant_type: 'client_credentials', client_id: 'app', client_secret: 's3cret' },
        scope: 'https://cognitiveservices.azure.com/.default',
      },
    },
  ]);
});

test('a token that is refused is made anew, once', async () => {
  let n = 0;
  const { signer, headers } = entra(client, () => token(`t${++n}`));
  await headers();
  assert.equal(signer.refused!(), true);
  assert.deepEqual(await headers(), { authorization: 'Bearer t2' });
  assert.equal(signer.refused!(), false);
});

test('a workload proves who it is by a file, which is read again for each token', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-entra-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const token_file = join(dir, 'token');
  writeFileSync(token_file, 'first\n');
  const { posted, state, headers } = entra({ tenant: 't', client_id: 'c', token_file }, () => token('x'));
  await headers();
  writeFileSync(token_file, 'second');
  state.now += 3_600_000;
  await headers();
  assert.deepEqual(
    posted.map(({ form }) => form['client_assertion']),
    ['first', 'second'],
  );
  assert.equal(posted[0]!.form['client_assertion_type'], 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
});

test('why there is no token is said without what would tell of the account', async () => {
  const body = {
    error: 'invalid_client',
    error_description: 'AADSTS7000215: Invalid client secret for app 1234-secret-id.',
  };
  const wrong = entra(client, () => ({ status: 401, body }));
  await assert.rejects(wrong.headers(), {
    name: 'NoCredential',
    message: 'Entra ID gave no token: invalid_client, AADSTS7000215.',
  });
  const page = entra(client, () => ({ status: 502, body: '<html>' }));
  await assert.rejects(page.headers(), { message: 'Entra ID gave no token: status 502.' });
  const odd = entra(client, () => ({ body: { access_token: 5 } }));
  await assert.rejects(odd.headers(), { name: 'NoCredential' });
});

test('what its errors mean', () => {
  const rows: [number, object, string][] = [
    [
      400,
      {
        error: {
          code: 'content_filter',
          param: 'prompt',
          message: 'The response was filtered',
          innererror: { code: 'ResponsibleAIPolicyViolation' },
        },
      },
      'content_policy',
    ],
    [401, { statusCode: 401, message: 'Access denied due to invalid subscription key' }, 'credential'],
    [
      404,
      { error: { code: 'DeploymentNotFound', message: 'The API deployment for this resource does not exist.' } },
      'not_found',
    ],
    [404, { error: { code: '404', message: 'Resource not found' } }, 'not_found'],
    [400, { error: { message: 'Could not find an existing deployment to match the model' } }, 'not_found'],
    [429, { error: { code: 'RateLimitReached', message: 'Please retry after 7 seconds.' } }, 'rate_limit'],
    [429, { error: { code: 'NoCapacity', message: 'The system is currently experiencing high demand' } }, 'overload'],
  ];
  for (const [status, body, meaning] of rows) {
    const failure = readErrorBody(status, Buffer.from(JSON.stringify(body)));
    assert.equal(classify(failure, type.failures), meaning, JSON.stringify(body));
  }
  const limited = readErrorBody(429, Buffer.from(JSON.stringify(rows[5]![1])));
  assert.equal(limited.retryAfterMs, 7000);
});

test('a stream with the filters of Azure is read: chunks without a model, without a delta, after the end', () => {
  const events = [
    { id: '', model: '', object: '', choices: [], prompt_filter_results: [{ prompt_index: 0 }] },
    {
      id: 'c1',
      model: 'gpt-5-mini-2025-08-07',
      choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
    },
    {
      id: 'c1',
      model: 'gpt-5-mini-2025-08-07',
      choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: null }],
    },
    { id: 'c1', model: 'gpt-5-mini-2025-08-07', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    {
      id: '',
      model: '',
      choices: [
        { index: 0, finish_reason: null, content_filter_offsets: { check_offset: 1 }, content_filter_results: {} },
      ],
    },
    {
      id: 'c1',
      model: 'gpt-5-mini-2025-08-07',
      choices: [],
      usage: { prompt_tokens: 5, completion_tokens: 1, total_tokens: 6 },
    },
  ];
  const { translation } = of({}, { ...chat, stream: true });
  const stream = translation.stream();
  for (const event of events) stream.push(Buffer.from(`data: ${JSON.stringify(event)}\n\n`));
  stream.push(Buffer.from('data: [DONE]\n\n'));
  stream.end();
  assert.equal(stream.failure, undefined);
  assert.deepEqual([stream.done, stream.servedModel, stream.text()], [true, 'gpt-5-mini-2025-08-07', 'Hi']);
  assert.deepEqual([stream.usage!.input, stream.usage!.output], [5, 1]);
});
