/** Calendar windows end by the clock, which the test owns; a gateway that starts anew knows what was spent. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { stringify } from 'yaml';
import { providers } from '../../providers/index.js';
import { type App, startApp } from '../../src/app/app.js';
import { loadConfig } from '../../src/config/load.js';
import { createLog } from '../../src/telemetry/log.js';
import { sandboxConfig, words } from '../support/limits-http.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

const ADMIN = 'sk-tg-admin-of-the-tests-0123456789abcdefghijklmnop';
let database: FreshDatabase;
let dir: string;
let app: App;
let wallMs = 0;
let setAt = 0;
const clock = { now: () => wallMs + performance.now() - setAt, monotonic: () => performance.now() };
const setClock = (iso: string) => {
  wallMs = Date.parse(iso);
  setAt = performance.now();
};

async function start(): Promise<App> {
  const file = join(dir, 'config.yaml');
  const config = {
    ...sandboxConfig,
    server: { port: 0 },
    data_dir: join(dir, 'data'),
    admin: { key: ADMIN },
    database: { url: database.url },
  };
  await writeFile(file, stringify(config));
  const options = { file, env: {}, cwd: dir, providerTypes: { sandbox: { needsBaseUrl: false } } };
  const load = async () => loadConfig(options);
  const loaded = loadConfig(options);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  return startApp({ loaded, load, providers, log: createLog('silent').log, access: () => {}, clock });
}

before(async () => {
  setClock('2026-11-30T22:59:00Z');
  dir = await mkdtemp(join(tmpdir(), 'tollgate-windows-'));
  database = await freshDatabase();
  app = await start();
});
after(async () => {
  await app?.close();
  await database?.drop();
  await rm(dir, { recursive: true, force: true });
});

async function admin(method: string, path: string, body?: unknown) {
  const response = await fetch(`${app.url}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  assert.ok(response.ok, await response.clone().text());
  // biome-ignore lint/suspicious/noExplicitAny: the test looks into it
  return (await response.json()) as any;
}
const newKey = (limits: readonly object[]): Promise<{ id: string; key: string }> =>
  admin('POST', '/keys', { name: 'test', limits });
const status = async (key: string): Promise<number> => {
  const response = await fetch(`${app.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(words(1)),
  });
  await response.text();
  return response.status;
};
const requests = (per: string, timezone?: string) => ({
  unit: 'requests',
  max: 1,
  per,
  ...(timezone ? { timezone } : {}),
});

test('a budget is whole again when its window has ended, in its own time zone, and not before', async () => {
  const berlin = await newKey([requests('day', 'Europe/Berlin')]);
  const utc = await newKey([requests('month')]);
  const total = await newKey([requests('total')]);
  const keys = [berlin, utc, total];
  const statuses = async () => {
    const all: number[] = [];
    for (const { key } of keys) all.push(await status(key));
    return all;
  };
  assert.deepEqual(await statuses(), [200, 200, 200]);
  assert.deepEqual(await statuses(), [429, 429, 429]);
  const ends = async (id: string) => (await admin('GET', `/limits?key=${id}`)).data[0].window_ends_at;
  assert.equal(await ends(berlin.id), '2026-11-30T23:00:00Z');
  assert.equal(await ends(utc.id), '2026-12-01T00:00:00Z');
  assert.equal(await ends(total.id), null);
  setClock('2026-11-30T23:00:01Z');
  assert.deepEqual(await statuses(), [200, 429, 429]);
  setClock('2026-12-01T00:00:01Z');
  assert.deepEqual(await statuses(), [429, 200, 429]);
  setClock('2026-11-30T23:30:00Z');
  assert.deepEqual(await statuses(), [429, 429, 429], 'a clock that steps back finds the old windows as they were');
});

test('a gateway that starts anew sums its budgets from the ledger, each window by itself', async () => {
  setClock('2026-12-05T10:00:00Z');
  const { key, id } = await newKey([
    { unit: 'usd', max: 1, per: 'month' },
    { unit: 'requests', max: 100, per: 'day' },
    { unit: 'tokens', max: 1000, per: 'total', model: 'sand*' },
    { unit: 'output_tokens', max: 1000, per: 'week', model: 'other' },
  ]);
  await status(key);
  setClock('2026-12-06T10:00:00Z');
  await status(key);
  const shown = async () =>
    (await admin('GET', `/limits?key=${id}`)).data.map(({ unit, spent }: { unit: string; spent: unknown }) => [
      unit,
      spent,
    ]);
  const before = await shown();
  assert.deepEqual(before, [
    ['usd', '0.000024000'],
    ['requests', 1],
    ['tokens', 22],
    ['output_tokens', 0],
  ]);
  await app.close();
  app = await start();
  assert.deepEqual(await shown(), before);
  await status(key);
  assert.deepEqual((await shown())[0], ['usd', '0.000036000']);
});
