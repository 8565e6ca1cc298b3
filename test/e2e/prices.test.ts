/** `tollgate prices`: a newer catalogue of list prices, without an upgrade, on all gateways of a database. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitForUpdate } from '@pydantic/genai-prices';
import { type Gateway, startGateway, tollgate } from '../support/gateway.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { type FakeUpstream, startUpstream } from '../support/upstream.js';

let database: FreshDatabase;
let upstream: FakeUpstream;
const gateways: Gateway[] = [];
let dir: string;
before(async () => {
  database = await freshDatabase();
  upstream = await startUpstream();
  dir = mkdtempSync(join(tmpdir(), 'tollgate-prices-'));
});
after(async () => {
  for (const gateway of gateways) await gateway.close();
  await upstream?.stop();
  await database?.drop();
  rmSync(dir, { recursive: true, force: true });
});

const start = async (): Promise<Gateway> => {
  const gateway = await startGateway({
    database: database.url,
    config: {
      providers: { up: { type: 'openai', base_url: `${upstream.url}/v1`, api_key: 'sk-up' } },
      models: {
        known: { targets: [{ provider: 'up', model: 'gpt-4o-mini' }] },
        unknown: { targets: [{ provider: 'up', model: 'gpt-9-flux' }] },
      },
      telemetry: { log: { level: 'info' } },
    },
  });
  gateways.push(gateway);
  return gateway;
};

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const run = (gateway: Gateway, ...args: string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const env = { ...process.env, TOLLGATE_URL: gateway.url, TOLLGATE_ADMIN_KEY: gateway.adminKey };
    execFile(process.execPath, [tollgate, 'prices', ...args], { env, cwd: dir }, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, err }),
    );
  });

/** The shipped data with a model more, or with OpenAI's models taken away. */
async function fileWith(name: string, change: 'more' | 'none', price = 7): Promise<string> {
  const providers = structuredClone((await waitForUpdate())!);
  const openai = providers.find(({ id }) => id === 'openai')!;
  const flux = {
    id: 'gpt-9-flux',
    match: { equals: 'gpt-9-flux' },
    prices: { input_mtok: price, output_mtok: 10 * price },
  };
  if (change === 'more') openai.models.push(flux);
  else openai.models = openai.models.filter(({ id }) => !id.startsWith('gpt-4o'));
  const file = join(dir, name);
  writeFileSync(file, JSON.stringify(providers));
  return file;
}

async function asked(gateway: Gateway, key: string, model: string) {
  const response = await gateway.chat(key, { model, messages: [{ role: 'user', content: 'Say hello.' }] });
  return { status: response.status, body: await response.text(), id: response.headers.get('x-request-id')! };
}

const inForce = async (gateway: Gateway) => (await gateway.admin<{ catalogue: string }>('GET', '/pricing')).catalogue;

test('a newer catalogue is taken by all gateways within a second, kept over restarts, and signed in the audit log', async () => {
  const [one, two] = [await start(), await start()];
  const { key } = await one.key();
  const shipped = await inForce(one);
  assert.notEqual((await asked(two, key, 'unknown')).status, 200, 'it has no price');
  const file = await fileWith('new.json', 'more');
  const updated = await run(one, 'update', file, '--date', '2026-11-20');
  assert.deepEqual([updated.code, updated.err], [0, '']);
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  assert.match(updated.out, new RegExp(`catalogue/2026-11-20-${sha256.slice(0, 8)}.*SHA-256 ${sha256}`));
  const at = performance.now();
  while ((await inForce(two)) === shipped) {
    assert.ok(performance.now() - at < 1000, 'not within a second');
    await sleep(20);
  }
  const served = await asked(two, key, 'unknown');
  assert.equal(served.status, 200, served.body);
  const [entry] = await two.entries(served.id);
  assert.equal(entry!.cost_nusd['total'], entry!.tokens['input']! * 7000 + entry!.tokens['output']! * 70_000);
  const { data } = await one.admin<{ data: { action: string; detail: Record<string, unknown> }[] }>('GET', '/audit');
  const line = data.find(({ action }) => action === 'prices.update')!;
  assert.deepEqual(
    [line.detail['sha256'], line.detail['date'], line.detail['before']],
    [sha256, '2026-11-20', shipped],
  );

  const three = await start();
  assert.equal(await inForce(three), await inForce(one));
  assert.match((await run(three, 'show')).out, /catalogue\/2026-11-20/);
  // The same file once more is no change; an older or a damaged one is refused, and changes nothing.
  assert.equal((await run(three, 'update', file, '--date', '2026-11-20')).code, 0);
  const again = await fileWith('older.json', 'more', 1);
  const older = await run(three, 'update', again, '--date', '2026-11-19');
  assert.deepEqual([older.code, /not newer than the one in force/.test(older.err)], [1, true], older.err);
  const less = await fileWith('less.json', 'none');
  const lost = await run(three, 'update', `file://${less}`, '--date', '2026-11-21');
  assert.deepEqual([lost.code, /known \(up\/gpt-4o-mini\).* would have no price/.test(lost.err)], [1, true], lost.err);
  const early = await run(three, 'update', again, '--date', '2999-01-01');
  assert.match(early.err, /not yet/);
  assert.equal((await asked(three, key, 'known')).status, 200);
  // By force, and back.
  assert.equal((await run(three, 'update', again, '--date', '2026-11-19', '--force')).code, 0);
  assert.match((await run(one, 'reset')).out, /genai-prices\/.*It came with this version/);
  const back = performance.now();
  while ((await inForce(three)) !== shipped) {
    assert.ok(performance.now() - back < 1000, 'not within a second');
    await sleep(20);
  }
  assert.notEqual((await asked(three, key, 'unknown')).status, 200);
});

test('what is no catalogue, or not a file of this machine, is told in a line with exit code 1', async () => {
  const [one] = gateways;
  writeFileSync(join(dir, 'bad.json'), '{"date":"2026-11-30","providers":[{"id":"x"}]}');
  writeFileSync(join(dir, 'latin.json'), Buffer.from([0x22, 0xe9, 0x22]));
  for (const [args, words] of [
    [['update', 'bad.json'], /providers\.0\.\w+: .*Nothing was changed/],
    [['update', 'latin.json'], /not text in UTF-8/],
    [['update', 'nowhere.json'], /cannot be read \(ENOENT\)/],
    [['update', 'https://example.com/data.json'], /Nothing is fetched here/],
  ] as const) {
    const { code, err } = await run(one!, ...args);
    assert.equal(code, 1, err);
    assert.match(err, words);
  }
});
