/** `tollgate doctor` beside real gateways, databases, Redis and providers: what is well, and what is wrong with what to do. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { stringify } from 'yaml';
import { clockFinding } from '../../src/app/doctor/finding.js';
import { freePort } from '../support/free-port.js';
import { type Gateway, startGateway, tollgate } from '../support/gateway.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';
import { startRedis, type TestRedis } from '../support/redis.js';

const KEY = 'sk-a-key-that-nobody-may-see';
let database: FreshDatabase;
let redis: TestRedis;
let vendor: Server;
let dir: string;
let lastAsked: string[] = [];
before(async () => {
  database = await freshDatabase();
  redis = await startRedis({ own: true });
  dir = mkdtempSync(join(tmpdir(), 'tollgate-doctor-'));
  vendor = createServer((request, response) => {
    lastAsked.push(`${request.method} ${request.url}`);
    const goodKey = request.headers.authorization === `Bearer ${KEY}` || request.headers['x-api-key'] === KEY;
    if (request.url?.startsWith('/plain')) return response.writeHead(404).end('not found');
    if (!goodKey) return response.writeHead(401).end('{"error":{"message":"no"}}');
    return response.writeHead(200).end('{"data":[{"id":"gpt-4o-mini"},{"id":"claude-haiku-4-5"}]}');
  });
  await new Promise<void>((resolve) => vendor.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  vendor?.close();
  await redis?.close();
  await database?.drop();
  rmSync(dir, { recursive: true, force: true });
});

interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'note' | 'problem';
  readonly detail: string;
  readonly todo?: string;
}

interface Examined {
  readonly code: number;
  readonly out: string;
  readonly findings: readonly Finding[];
  /** The finding of a check; there must be one. */
  of(check: string): Finding;
}

async function examined(file: string): Promise<Examined> {
  const run = (...more: string[]) =>
    new Promise<{ code: number; out: string }>((resolve) => {
      const args = [tollgate, 'doctor', '--config', file, ...more];
      execFile(process.execPath, args, { cwd: dir, env: { PATH: process.env['PATH'] } }, (error, out, err) =>
        resolve({ code: error ? Number(error.code) : 0, out: out + err }),
      );
    });
  const json = await run('--json');
  const told = JSON.parse(json.out) as { ok: boolean; problems: number; findings: Finding[] };
  const { out, code } = await run();
  assert.equal(code, json.code);
  assert.equal(told.ok, code === 0);
  assert.equal(told.problems, told.findings.filter(({ status }) => status === 'problem').length);
  for (const { check, status, todo } of told.findings)
    if (status === 'problem') assert.ok(todo, `${check} says what to do`);
  assert.ok(!out.includes(KEY) && !json.out.includes(KEY), 'no secret is told');
  return {
    code,
    out,
    findings: told.findings,
    of: (check) => told.findings.find((one) => one.check === check) ?? assert.fail(`no line of ${check}:\n${out}`),
  };
}

const vendorUrl = (path = '') => `http://127.0.0.1:${(vendor.address() as AddressInfo).port}${path}`;

const sections = () => ({
  providers: {
    openai: { type: 'openai', base_url: vendorUrl('/v1'), api_key: KEY },
    claude: { type: 'anthropic', base_url: vendorUrl(), api_key: KEY },
    spare: { type: 'anthropic', api_key: '' },
    sandbox: { type: 'sandbox' },
  },
  models: {
    mini: { targets: [{ provider: 'openai', model: 'gpt-4o-mini' }] },
    haiku: { targets: [{ provider: 'claude', model: 'claude-haiku-4-5' }] },
    sandbox: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input: 1, output: 1 } },
  },
});

function written(name: string, config: object): string {
  const file = join(dir, name);
  writeFileSync(file, stringify(config));
  return file;
}

test('a gateway with all that it needs: each line says ok, the exit code is 0, and nothing that costs was asked', async () => {
  const gateway = await startGateway({
    database: database.url,
    config: { ...sections(), redis: { url: redis.url, on_failure: 'closed' } },
  });
  try {
    lastAsked = [];
    const told = await examined(join(gateway.dir, 'config.yaml'));
    assert.equal(told.code, 0, told.out);
    assert.match(told.of('database').detail, /^PostgreSQL 1\d.* first answer after \d+ ms$/);
    assert.match(told.of('migrations').detail, /^all \d+ are applied$/);
    assert.match(told.of('gateways').detail, /^1 on this database$/);
    assert.match(told.of('redis').detail, /^Redis \d/);
    for (const check of ['clock (database)', 'clock (redis)', 'disk', 'versions', 'port', 'gateway', 'prices'])
      assert.equal(told.of(check).status, 'ok', told.out);
    assert.match(told.of('provider openai').detail, /lets the key in and lists 2 models/);
    assert.match(told.of('provider claude').detail, /lets the key in/);
    assert.deepEqual([told.of('provider spare').status, told.of('provider sandbox').status], ['note', 'ok']);
    assert.match(told.out, /Nothing is wrong\./);
    assert.deepEqual([...new Set(lastAsked)].sort(), ['GET /v1/models', 'GET /v1/models?limit=1000']);
  } finally {
    await gateway.close();
  }
});

test('everything wrong at once: each thing is named with what to do, and the exit code is 1', async () => {
  const nobody = await freePort();
  const { providers, models } = sections();
  const file = written('wrong.yaml', {
    server: { port: (vendor.address() as AddressInfo).port },
    data_dir: join(dir, 'wrong.yaml', 'data'),
    database: { url: `postgres://u:${KEY}@127.0.0.1:${nobody}/none` },
    redis: { url: `redis://:${KEY}@127.0.0.1:${nobody}`, on_failure: 'closed' },
    providers: {
      ...providers,
      openai: { ...providers.openai, api_key: 'sk-old' },
      gone: { type: 'openai-compatible', base_url: `http://127.0.0.1:${nobody}/v1`, api_key: 'none' },
      plain: { type: 'openai-compatible', base_url: vendorUrl('/plain'), api_key: 'none' },
    },
    models: {
      ...models,
      haiku: { targets: [{ provider: 'claude', model: 'claude-haiku-9' }], price: { input: 1, output: 1 } },
      llama: { targets: [{ provider: 'gone', model: 'llama-3' }] },
    },
  });
  const told = await examined(file);
  assert.equal(told.code, 1);
  const wrong: readonly (readonly [string, RegExp, RegExp])[] = [
    ['disk', /data_dir .* cannot be written/, /data_dir/],
    ['port', /in use by something that is no gateway/, /server\.port/],
    ['database', new RegExp(`127\\.0\\.0\\.1:${nobody}/none: connect ECONNREFUSED`), /database\.url/],
    ['redis', /no connection within/, /redis\.url.*requests with limits are refused/],
    ['prices', /refused: llama \(gone\/llama-3\)/, /defaults\.price/],
    ['provider openai', /refuses the credential \(401\)/, /providers\.openai\.api_key/],
    ['provider gone', /cannot be reached: .*\(ECONNREFUSED\)/, /providers\.gone\.base_url/],
  ];
  for (const [check, detail, todo] of wrong) {
    const finding = told.of(check);
    assert.equal(finding.status, 'problem', `${check}\n${told.out}`);
    assert.match(finding.detail, detail);
    assert.match(finding.todo ?? '', todo);
  }
  assert.deepEqual([told.of('provider plain').status, told.of('provider claude').status], ['note', 'note']);
  assert.match(told.of('provider claude').detail, /not among them: claude-haiku-9/);
  assert.match(told.out, /7 things are wrong\./);
});

test('gateways that do not share limits, a database without tables, and a configuration that is wrong', async () => {
  const gateways: Gateway[] = [];
  const two = await freshDatabase();
  const bare = await freshDatabase();
  try {
    for (const _ of [1, 2]) gateways.push(await startGateway({ database: two.url, config: sections() }));
    const apart = await examined(join(gateways[0]!.dir, 'config.yaml'));
    assert.equal(apart.code, 1);
    assert.match(apart.of('gateways').detail, /2 run on this database, and 2 of them count limits in their own memory/);
    const fresh = await examined(
      written('bare.yaml', {
        ...sections(),
        server: { port: await freePort() },
        database: { url: bare.url },
        data_dir: join(dir, 'new'),
      }),
    );
    assert.equal(fresh.code, 0, fresh.out);
    assert.match(fresh.of('migrations').detail, /none are applied/);
    assert.match(fresh.of('port').detail, /is free/);
  } finally {
    for (const gateway of gateways) await gateway.close();
    await two.drop();
    await bare.drop();
  }
  const bad = await examined(written('bad.yaml', { ...sections(), sever: {} }));
  assert.equal(bad.code, 1);
  assert.match(bad.of('config').detail, /bad\.yaml:\d+:\d+: .*sever/);
});

test('a clock that is seconds off is told with its direction; the time that an answer took is nobody’s fault', () => {
  assert.equal(clockFinding('database', 10_000, 10_000, 10_002).status, 'ok');
  assert.match(clockFinding('database', 15_000, 10_000, 10_000).detail, /5\.0 s behind it/);
  assert.match(clockFinding('redis', 7_000, 10_000, 10_000).detail, /3\.0 s ahead of it/);
  assert.equal(clockFinding('database', 12_400, 10_000, 14_000).status, 'ok');
});
