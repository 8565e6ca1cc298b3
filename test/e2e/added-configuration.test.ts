/** Providers and models that the admin API makes: on two gateways, beside the file, encrypted, and never in the way of a start. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';

const SECRET = 'sk-of-the-upstream-0123456789';
const price = { input: 1, output: 1 };
const messages = [{ role: 'user', content: 'Hello' }];
const config = (secretsKey: string) => ({
  secrets_key: secretsKey,
  providers: { sandbox: { type: 'sandbox' } },
  models: { sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price } },
});
const SHARED = 'a-secrets-key-that-both-gateways-have-0123';

let database: FreshDatabase;
let upstream: FakeUpstream;
let one: Gateway;
let two: Gateway;
let key: string;

before(async () => {
  database = await freshDatabase();
  upstream = await startUpstream();
  one = await startGateway({ database: database.url, config: config(SHARED) });
  two = await startGateway({ database: database.url, config: config(SHARED) });
  ({ key } = await one.key());
});
after(async () => {
  await one?.close();
  await two?.close();
  await upstream?.stop();
  await database?.drop();
});

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads out of an answer it states by reading it
  readonly body: any;
}
const call = async (method: string, path: string, body?: unknown, gateway = one): Promise<Answer> => {
  const response = await fetch(`${gateway.url}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${gateway.adminKey}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
};
/** What a request for the model is answered on a gateway, once that is `wanted`. Within a second where the machine is not busy; a test has more time. */
const becomes = async (gateway: Gateway, model: string, wanted: number): Promise<void> => {
  const since = performance.now();
  for (;;) {
    const response = await gateway.chat(key, { model, messages });
    await response.arrayBuffer();
    if (response.status === wanted) return;
    assert.ok(performance.now() - since < 15_000, `${model} is still answered with ${response.status}`);
    await sleep(20);
  }
};
const provider = () => ({ name: 'added', type: 'openai-compatible', base_url: `${upstream.url}/v1`, api_key: SECRET });
const model = { name: 'added/model', targets: [{ provider: 'added', model: 'upstream-gpt' }], price };

describe('providers and models of the admin API', () => {
  it('are in force at once where they were made, and on the other gateway within a second', async () => {
    const made = await call('POST', '/providers', provider());
    assert.equal(made.status, 201, JSON.stringify(made.body));
    assert.deepEqual([made.body.id, made.body.source, made.body.problem], ['added', 'api', null]);
    assert.equal((await call('POST', '/models', model)).status, 201);
    assert.equal((await one.chat(key, { model: model.name, messages })).status, 200);
    await becomes(two, model.name, 200);
    assert.equal(upstream.requests.at(-1)!.headers['authorization'], `Bearer ${SECRET}`);
    const { body } = await call('GET', '/models', undefined, two);
    assert.equal(body.data.find(({ id }: { id: string }) => id === model.name).source, 'api');
    assert.equal(body.data.find(({ id }: { id: string }) => id === 'sandbox').source, 'file');
    assert.deepEqual(body.left_out, []);
  });

  it('stay through a reload of the file, and are changed by a merge patch, which keeps the credential', async () => {
    await one.admin('POST', '/config/reload');
    assert.equal((await one.chat(key, { model: model.name, messages })).status, 200);
    const patched = await call('PATCH', '/providers/added', { headers: { 'x-team': 'a' } });
    assert.equal(patched.status, 200, JSON.stringify(patched.body));
    assert.equal((await one.chat(key, { model: model.name, messages })).status, 200);
    const { headers } = upstream.requests.at(-1)!;
    assert.deepEqual([headers['x-team'], headers['authorization']], ['a', `Bearer ${SECRET}`]);
  });

  it('have their credentials in no answer, no log and no row of the database in clear', async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const rows = await client.query(`select encode(sealed, 'escape') as bytes from added_configuration`);
    const audit = await client.query('select detail::text from audit_log');
    await client.end();
    assert.equal(rows.rowCount, 2);
    const seen = [
      JSON.stringify([rows.rows, audit.rows]),
      ...(await Promise.all(
        ['/providers/added', '/providers', '/config', '/audit'].map(async (path) =>
          JSON.stringify((await call('GET', path)).body),
        ),
      )),
      one.output,
      two.output,
    ];
    for (const text of seen) assert.ok(!text.includes(SECRET), text.slice(0, 300));
    assert.match(seen[0]!, /"api_key/);
  });

  it('are refused with the words of the file, and nothing is changed', async () => {
    for (const [path, body, field, words] of [
      [
        '/providers',
        { name: 'x', type: 'openai-compatible', base_ulr: 'http://a' },
        'base_ulr',
        /did you mean .base_url/,
      ],
      ['/providers', { name: 'x', type: 'nothing' }, 'type', /nothing|one of/],
      ['/providers', { name: 'x', type: 'openai', api_key: { file: '/etc/passwd' } }, 'api_key.file', /file alone/],
      ['/providers', { name: 'x', type: 'openai', base_url: 'http://169.254.169.254/v1' }, 'base_url', /./],
      ['/providers', { name: 'x', type: 'openai', proxy: 'http://u:p@169.254.169.254:80' }, 'proxy', /not allowed/],
      ['/providers', { name: 'x', type: 'openai', tls: { ca: '/etc/passwd' } }, 'tls.ca', /file alone/],
      [
        '/models',
        { name: 'x', targets: [{ provider: 'nobody', model: 'm' }] },
        'targets[0].provider',
        /nobody|provider/,
      ],
      ['/models', { name: 'x', targets: [] }, 'targets', /target/],
    ] as const) {
      const answer = await call('POST', path, body);
      assert.equal(answer.status, 400, JSON.stringify(answer.body));
      const told = answer.body.errors.find((one: { field: string }) => one.field === field);
      assert.ok(told, JSON.stringify(answer.body));
      assert.match(told.message, words);
      assert.equal((await call('GET', `${path}/x`)).status, 404);
    }
    const env = await call('POST', '/providers', { name: 'x', type: 'openai', api_key: '${HOME}' });
    assert.equal(env.status, 201, 'what is given is taken as it is');
    assert.equal((await call('DELETE', '/providers/x')).status, 200);
  });

  it('have odd names of fields refused or ignored, which the audit log does not hold', async () => {
    const odd = { 'a\u0000b': 1, '\ud800': 1 };
    const made = await call('POST', '/providers', { name: 'odd', type: 'sandbox', ...odd });
    assert.equal(made.status, 400, JSON.stringify(made.body));
    assert.equal((await call('PATCH', '/providers/a%00b', { type: 'sandbox' })).status, 400);
    for (const [kind, more] of Object.entries({ providers: { type: 'sandbox' }, models: { targets: [] } })) {
      const { status, body } = await call('POST', `/${kind}`, { name: '__proto__', ...more });
      assert.deepEqual([status, body.detail], [400, 'name: this cannot be a name']);
    }
    const patched = await call('PATCH', '/providers/added', {
      'a\u0000b': null,
      '\ud800': null,
      headers: { 'x-team': 'b' },
    });
    assert.equal(patched.status, 200, JSON.stringify(patched.body));
    const { data } = (await call('GET', '/audit?subject=added')).body;
    assert.deepEqual([data[0].action, data[0].detail], ['provider.update', { fields: ['headers'] }]);
  });

  it('are changed by many at once, more than there are connections', async () => {
    const names = Array.from({ length: 14 }, (_, i) => `many-${i}`);
    const made = await Promise.all(names.map((name) => call('POST', '/providers', { name, type: 'sandbox' })));
    assert.deepEqual([...new Set(made.map(({ status }) => status))], [201]);
    const gone = await Promise.all(names.map((name) => call('DELETE', `/providers/${name}`)));
    assert.deepEqual([...new Set(gone.map(({ status }) => status))], [200]);
    assert.equal((await call('GET', '/config/status')).body.last_reload.trigger, 'api');
  });

  it('cannot take the place of what the file has, nor go while something needs them', async () => {
    for (const [method, path, body] of [
      ['POST', '/providers', { name: 'sandbox', type: 'sandbox' }],
      ['PATCH', '/providers/sandbox', { type: 'openai' }],
      ['DELETE', '/models/sandbox', undefined],
      ['POST', '/providers', provider()],
      ['DELETE', '/providers/added', undefined],
    ] as const) {
      const answer = await call(method, path, body);
      assert.equal(answer.status, 409, `${method} ${path} ${JSON.stringify(answer.body)}`);
    }
    const both = await Promise.all(
      [one, two].map((gateway) => call('POST', '/providers', { name: 'race', type: 'sandbox' }, gateway)),
    );
    assert.deepEqual(both.map(({ status }) => status).sort(), [201, 409]);
  });

  it('are tested without a model, for whoever asks', async () => {
    const { status, body } = await call('POST', '/providers/added/test');
    assert.equal(status, 200);
    assert.ok(['ok', 'note'].includes(body.status), JSON.stringify(body));
    await call('POST', '/providers', { name: 'away', type: 'openai-compatible', base_url: 'http://127.0.0.1:1/v1' });
    const away = await call('POST', '/providers/away/test');
    assert.deepEqual([away.status, away.body.status], [200, 'problem']);
    assert.equal((await call('POST', '/providers/nobody/test')).status, 404);
    const { data } = (await call('GET', '/audit?subject=away')).body;
    assert.deepEqual(
      data.map(({ action }: { action: string }) => action),
      ['provider.test', 'provider.create'],
    );
  });

  it('never stop a start: what cannot be read is left out, and told', async () => {
    const odd = await startGateway({
      database: database.url,
      config: config('another-secrets-key-of-a-third-gateway-01'),
    });
    try {
      const { body } = await call('GET', '/providers', undefined, odd);
      const left = body.left_out.find(({ id }: { id: string }) => id === 'added');
      assert.match(left.problem, /another secrets_key/);
      const state = (await call('GET', '/config/status', undefined, odd)).body.left_out;
      assert.ok(state.some(({ kind, id }: { kind: string; id: string }) => kind === 'provider' && id === 'added'));
      const metrics = await (await fetch(`${odd.url}/metrics`)).text();
      assert.match(metrics, new RegExp(`^tollgate_config_left_out ${state.length}$`, 'm'));
      assert.match(odd.output, /"name":"added"/);
      assert.equal((await odd.chat(key, { model: 'sandbox', messages })).status, 200);
    } finally {
      await odd.close();
    }
  });

  it('are gone on both gateways once they are removed, and come back with a start', async () => {
    await one.stop();
    one = await startGateway({ database: database.url, config: config(SHARED) });
    await becomes(one, model.name, 200);
    assert.equal((await call('DELETE', `/models/${encodeURIComponent(model.name)}`)).status, 200);
    await becomes(two, model.name, 404);
    assert.equal((await call('DELETE', '/providers/added')).status, 200);
    assert.equal((await call('GET', '/providers/added')).status, 404);
  });
});
