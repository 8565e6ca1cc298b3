/** Azure's paths, beyond what its clients do: what names the model, what is said of the version, and what is wrong with a request. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';

let upstream: FakeUpstream;
let gateway: Gateway;
let secret: string;

before(async () => {
  upstream = await startUpstream();
  const price = { input: 1, output: 2 };
  gateway = await startGateway({
    config: {
      providers: {
        open: { type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: 'sk-upstream' },
        claude: { type: 'anthropic', base_url: upstream.url, api_key: 'sk-ant-upstream' },
      },
      guardrails: { hide: { kind: 'pii', entities: ['email'], action: 'redact' } },
      models: {
        dep: { targets: [{ provider: 'open', model: 'gpt-4o' }], price },
        'team/my+dep': { targets: [{ provider: 'open', model: 'gpt-4o' }], price },
        claude: { targets: [{ provider: 'claude', model: 'claude-sonnet-4-5' }], price },
      },
    },
  });
  ({ key: secret } = await gateway.key({ models: ['dep', 'team/*', 'claude'] }));
});
after(async () => {
  await gateway?.close();
  await upstream?.stop();
});

const messages = '"messages":[{"role":"user","content":"good day"}]';
const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'api-key': secret, 'content-type': 'application/json', ...headers },
    body,
  });
const chat = '/openai/deployments/dep/chat/completions';

it('a guard that writes the body anew keeps the model of the path', async () => {
  const { key } = await gateway.key({ guards: ['hide'] });
  for (const model of ['', '"model":"nobody",']) {
    const arrival = upstream.arrival();
    const body = `{${model}"messages":[{"role":"user","content":"write to ann@example.com"}]}`;
    const response = await post(chat, body, { 'api-key': key });
    assert.equal(response.status, 200, await response.clone().text());
    assert.equal(response.headers.get('x-tollgate-model'), 'dep');
    await response.arrayBuffer();
    const sent = (await arrival).body.toString();
    assert.ok(sent.includes('"model":"gpt-4o"') && !sent.includes('ann@'), sent);
  }
});

it('the path names the model, whatever the body calls it, and all other bytes go through', async () => {
  for (const [sent, received] of [
    [`{${messages}}`, `{${messages},"model":"gpt-4o"}`],
    [`{ "unknown": 1.50,\n ${messages} }`, `{ "unknown": 1.50,\n ${messages} ,"model":"gpt-4o"}`],
    [
      `{"model":"nobody",${messages}, "seed": 10000000000000001}`,
      `{"model":"gpt-4o",${messages}, "seed": 10000000000000001}`,
    ],
    [`{${messages},"model": null ,"max_tokens":5}`, `{${messages},"model": "gpt-4o" ,"max_tokens":5}`],
  ] as const) {
    const arrival = upstream.arrival();
    const response = await post(chat, sent);
    assert.equal(response.status, 200, await response.clone().text());
    assert.equal(response.headers.get('x-tollgate-model'), 'dep');
    assert.equal((await arrival).body.toString(), received);
    await response.arrayBuffer();
  }
});

it('a maximum that a budget lowers is changed at its place behind the model', async () => {
  const poor = await gateway.key({ limits: [{ unit: 'usd', max: '0.0005', per: 'month' }] });
  for (const body of [
    `{"model":"a much longer name than that",${messages},"max_tokens":5000}`,
    `{${messages},"max_tokens":5000}`,
  ]) {
    const arrival = upstream.arrival();
    const response = await post(chat, body, { 'api-key': poor.key });
    const told = Number(response.headers.get('x-tollgate-max-tokens-clamped'));
    assert.ok(told > 0 && told < 5000);
    assert.deepEqual({ ...(await arrival).json(), messages: 0 }, { model: 'gpt-4o', messages: 0, max_tokens: told });
    await response.arrayBuffer();
  }
});

it('any version will do, or none; names may be escaped or hold a slash', async () => {
  for (const path of [
    chat,
    `${chat}?api-version=2024-10-21`,
    `${chat}/?api-version=2025-04-01-preview`,
    `${chat}?api-version=`,
    `/openai/v1/chat/completions?api-version=preview`,
    '/openai/chat/completions?api-version=v1',
    '/v1/openai/v1/chat/completions',
    '//openai//deployments/team/my%2Bdep/chat/completions?api-version=2024-10-21',
    '/openai/deployments/team%2Fmy%2Bdep/chat/completions',
    '/openai/deployments/claude/chat/completions',
  ]) {
    const response = await post(path, `{"model":"dep",${messages}}`);
    assert.equal(response.status, 200, path);
    const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
    assert.equal(choices[0]!.message.content, 'You said: good day', path);
  }
});

it('completions, embeddings and responses are reached in the same way', async () => {
  const completion = await post('/openai/deployments/claude/completions?api-version=1', '{"prompt":"good day"}');
  assert.equal(((await completion.json()) as { object: string }).object, 'text_completion');
  const embedded = await post('/openai/deployments/dep/embeddings?api-version=1', '{"input":["good day"]}');
  assert.equal(((await embedded.json()) as { data: unknown[] }).data.length, 1);
  for (const path of ['/openai/v1/responses', '/openai/responses?api-version=2025-03-01-preview']) {
    const response = await post(path, '{"model":"dep","input":"good day"}');
    const { object, id } = (await response.json()) as { object: string; id: string };
    assert.equal(object, 'response');
    const kept = await fetch(`${gateway.url}${path.replace('?', `/${id}?`).replace(/responses$/, `responses/${id}`)}`, {
      headers: { 'api-key': secret },
    });
    assert.equal(kept.status, 200, path);
  }
});

it('errors are OpenAI’s: a stranger, no such deployment, no body, a model twice, a path that is none, a method that is none', async () => {
  const refusals: [Promise<Response>, number, string | null][] = [
    [post(chat, `{${messages}}`, { 'api-key': 'nobody' }), 401, 'invalid_api_key'],
    [post('/openai/deployments/nobody/chat/completions', `{"model":"dep",${messages}}`), 404, 'model_not_found'],
    [post(chat, ''), 400, 'invalid_json'],
    [post(chat, '[]'), 400, 'invalid_json'],
    [post(chat, `{"model":x,${messages}}`), 400, 'invalid_json'],
    [post(chat, `{"model":"a","model":"b",${messages}}`), 400, 'invalid_value'],
    [post(chat, '{}'), 400, 'missing_required_parameter'],
    [post('/openai/deployments/dep/nothing', '{}'), 404, null],
    [post('/openai/nothing', '{}'), 404, null],
  ];
  for (const [asked, status, code] of refusals) {
    const response = await asked;
    const { error } = (await response.json()) as { error: { message: string; code: string | null } };
    assert.equal(response.status, status, JSON.stringify(error));
    if (code !== null) assert.equal(error.code, code);
    assert.ok(error.message.length > 10);
  }
  for (const path of [chat, '/openai/v1/chat/completions', '/openai/deployments/dep/embeddings/']) {
    const wrong = await fetch(`${gateway.url}${path}`, { headers: { 'api-key': secret } });
    assert.equal(wrong.status, 405, path);
    assert.equal(wrong.headers.get('allow'), 'POST');
  }
});

it('the list of models, also by HEAD', async () => {
  for (const path of ['/openai/models?api-version=2024-10-21', '/openai/v1/models', '/openai/v1/models/dep']) {
    const listed = await fetch(`${gateway.url}${path}`, { headers: { 'api-key': secret } });
    assert.equal(listed.status, 200, path);
    assert.match(await listed.text(), /"dep"/);
    const head = await fetch(`${gateway.url}${path}`, { method: 'HEAD', headers: { 'api-key': secret } });
    assert.equal(head.status, 200, path);
  }
});
