/**
 * What goes wrong in the gateway's own code is told as such: `internal_error` for the caller, an entry with what was really
 * used, no strike for the target, and a line of the log with the cause. The faults are planted in what a provider states.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { stringify } from 'yaml';
import { providers } from '../../providers/index.js';
import { sandbox } from '../../providers/sandbox.js';
import { type App, startApp } from '../../src/app/app.js';
import { loadConfig } from '../../src/config/load.js';
import type { ProviderType } from '../../src/provider/provider-type.js';
import { createLog } from '../../src/telemetry/log.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

const ADMIN = 'sk-tg-admin-of-the-tests-0123456789abcdefghijklmnop';
const throwing = (): never => {
  throw new Error('planted fault');
};

/** Reads the headers of every answer, and fails at it. */
const badHeaders: ProviderType = {
  ...sandbox,
  type: 'bad-headers',
  limitHeaders: [
    {
      get remaining(): string {
        return throwing();
      },
      reset: 'x',
    },
  ],
};
/** Judges failures, and fails at it. */
const badFailures: ProviderType = {
  ...sandbox,
  type: 'bad-failures',
  failures: [
    {
      is: 'transient',
      get status(): readonly number[] {
        return throwing();
      },
    },
  ],
};

let settles = true;
/** Answers without usage, and from then on its tokens cannot be counted. */
const badCounting: ProviderType = {
  ...sandbox,
  type: 'bad-counting',
  local: async () => {
    settles = false;
    const message = { role: 'assistant', content: 'Hello there.' };
    const body = Buffer.from(JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'stop' }] }));
    return { status: 200, headers: { 'content-type': 'application/json' }, body: Readable.from([body]) };
  },
  counting: () => {
    const { factor, ...rule } = (sandbox as ProviderType).counting('sandbox');
    return {
      ...rule,
      get factor(): number {
        return settles ? factor : throwing();
      },
    };
  },
};

let database: FreshDatabase;
let dir: string;
let app: App;
const faults: string[] = [];

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tollgate-own-faults-'));
  database = await freshDatabase();
  const model = (provider: string) => ({
    targets: [{ provider, model: 'sandbox' }],
    price: { input: 1, output: 1 },
    retry: { max_attempts: 1 },
    breaker: { failure_rate: 0.5, min_requests: 2, window: '30s', open: '30s' },
  });
  const config = {
    server: { port: 0 },
    data_dir: join(dir, 'data'),
    admin: { key: ADMIN },
    database: { url: database.url },
    providers: {
      headers: { type: 'bad-headers' },
      failures: { type: 'bad-failures' },
      counting: { type: 'bad-counting' },
    },
    models: { headers: model('headers'), failures: model('failures'), counting: model('counting') },
  };
  const file = join(dir, 'config.yaml');
  await writeFile(file, stringify(config));
  const known = { needsBaseUrl: false };
  const options = {
    file,
    env: {},
    cwd: dir,
    providerTypes: { 'bad-headers': known, 'bad-failures': known, 'bad-counting': known },
  };
  const loaded = loadConfig(options);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const { log } = createLog('silent');
  log.error = ((fields: { error?: string }) => void faults.push(String(fields.error))) as typeof log.error;
  app = await startApp({
    ...{ loaded, load: async () => loadConfig(options), log, access: () => {} },
    providers: { ...providers, 'bad-headers': badHeaders, 'bad-failures': badFailures, 'bad-counting': badCounting },
  });
});
after(async () => {
  await app?.close();
  await database?.drop();
  await rm(dir, { recursive: true, force: true });
});

async function admin<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${app.url}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  assert.ok(response.ok, await response.clone().text());
  return (await response.json()) as T;
}

async function ask(model: string, text: string, id: string) {
  const { key } = await admin<{ key: string }>('POST', '/keys', { name: id });
  const response = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'x-request-id': id },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: text }] }),
  });
  return { status: response.status, json: (await response.json()) as { error?: { code: string; type: string } } };
}

const entriesOf = async (id: string) =>
  (
    await admin<{ data: { status: number; error: string; tokens: { input: number; output: number } }[] }>(
      'GET',
      `/usage?request_id=${id}`,
    )
  ).data;
const breakerOf = async (model: string) => {
  const { data } = await admin<{ data: { id: string; targets: { breaker: string; failures: number }[] }[] }>(
    'GET',
    '/models',
  );
  return data.find(({ id }) => id === model)!.targets[0]!;
};

test('a fault in reading an answer is internal_error, entered once, and no strike', async () => {
  for (let i = 0; i < 4; i++) {
    faults.length = 0;
    const { status, json } = await ask('headers', 'Hello', `fault-${i}`);
    assert.equal(status, 500);
    assert.deepEqual([json.error?.code, json.error?.type], ['internal_error', 'api_error']);
    const entries = await entriesOf(`fault-${i}`);
    assert.deepEqual(
      entries.map((entry) => [entry.status, entry.error]),
      [[500, 'internal_error']],
    );
    assert.ok(entries[0]!.tokens.input > 0);
    assert.ok(faults.some((fault) => fault.includes('planted fault')));
  }
  const { breaker, failures } = await breakerOf('headers');
  assert.deepEqual([breaker, failures], ['closed', 0]);
});

test('a failure that cannot be judged is entered, told with its status, and no strike', async () => {
  for (let i = 0; i < 4; i++) {
    faults.length = 0;
    const { status } = await ask('failures', 'Hello [status=503]', `judge-${i}`);
    assert.equal(status, 503);
    assert.equal((await entriesOf(`judge-${i}`)).length, 1);
    assert.ok(faults.some((fault) => fault.includes('planted fault')));
  }
  const { breaker, failures } = await breakerOf('failures');
  assert.deepEqual([breaker, failures], ['closed', 0]);
});

test('what cannot be settled is entered and counted at the worst that was held, and logged', async () => {
  faults.length = 0;
  const body = { name: 'held', limits: [{ unit: 'usd', max: 1, per: 'day' }] };
  const { key, id } = await admin<{ key: string; id: string }>('POST', '/keys', body);
  const response = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'x-request-id': 'unsettled' },
    body: JSON.stringify({ model: 'counting', max_tokens: 700, messages: [{ role: 'user', content: 'Hello' }] }),
  });
  settles = true;
  assert.equal(response.status, 200);
  assert.match(await response.text(), /Hello there/);
  const [entry] = await entriesOf('unsettled');
  assert.deepEqual([entry!.status, entry!.error, entry!.tokens.output], [200, null, 700]);
  assert.ok(entry!.tokens.input > 0);
  const { data } = await admin<{ data: { spent: string; held: string }[] }>('GET', `/limits?key=${id}`);
  const spent = ((entry!.tokens.input + 700) / 1e6).toFixed(9);
  assert.deepEqual([data[0]!.spent, Number(data[0]!.held)], [spent, 0]);
  assert.ok(faults.some((fault) => fault.includes('planted fault')));
});
