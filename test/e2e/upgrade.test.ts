/**
 * From the oldest schema, with data in it, to this version; a backup that is taken while a gateway serves, and what it is restored
 * to; a database that a newer version has used; the embedded database as a copied folder.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { newSecret } from '../../src/identity/secret.js';
import { newId } from '../../src/lib/ids.js';
import { packageRoot } from '../../src/lib/root.js';
import { migrate } from '../../src/store/migrate.js';
import { type Gateway, startGateway, tollgate } from '../support/gateway.js';
import { type FreshDatabase, findPostgresBin, freshDatabase } from '../support/postgres.js';

const config = {
  providers: { sandbox: { type: 'sandbox' } },
  models: { m: { targets: [{ provider: 'sandbox', model: 'sandbox' }], price: { input: 1, output: 1 } } },
};
const folder = mkdtempSync(join(tmpdir(), 'tollgate-upgrade-'));
const secret = newSecret();
const OLD_COSTS = [1_000, 20_000, 300_000];
/** Two years back, last month, now. */
const OLD_TIMES = [
  Date.UTC(new Date().getUTCFullYear() - 2, 4, 5),
  Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth() - 1, 1),
  Date.now(),
];
const oldCost = OLD_COSTS.reduce((sum, cost) => sum + cost, 0);

let database: FreshDatabase;
let gateway: Gateway;
/** What the ledger came to before the backup. */
let spent: number;

before(async () => {
  database = await freshDatabase();
  await makeOld(database.url);
  gateway = await startGateway({ config, database: database.url });
});
after(async () => {
  await gateway?.close();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** A database as the first version left it. */
async function makeOld(url: string): Promise<void> {
  const first = join(folder, 'migrations');
  cpSync(join(packageRoot, 'migrations/0001_keys_ledger_audit.sql'), join(first, '0001_keys_ledger_audit.sql'));
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  await migrate(pool, first);
  const budget = { unit: 'usd', max: 1_000_000, per: 'total', model: null, warn_at: [], timezone: 'UTC' };
  const limits = JSON.stringify([{ ...budget, on_exhausted: 'clamp' }]);
  await pool.query(`insert into teams (id, limits) values ('search', $1)`, [limits]);
  await pool.query(`insert into keys (id, hash, name, prefix, team) values ('key_old', $1, 'old', $2, 'search')`, [
    Buffer.from(secret.hash, 'hex'),
    secret.prefix,
  ]);
  for (const [n, at] of OLD_TIMES.entries()) {
    await pool.query(
      `insert into entries values ($1, $2, $3, 1, 'key_old', 'search', null, '{}', '{}', 'chat', 'm', 'm', 'p', 'p/m', 200, null,
        false, 'miss', 10, 0, 0, 0, 5, 0, 0, 0, 'provider', $4, 0, 0, 0, $4, 'then', 1, 2, 0.1)`,
      [newId('ent', at), new Date(at), `old-${n}`, OLD_COSTS[n]],
    );
  }
  await pool.query(`insert into audit_log (actor, action, subject) values ('admin', 'key.create', 'key_old')`);
  await pool.end();
}

const chat = async (on: Gateway, key: string): Promise<number> => {
  const response = await on.chat(key, { model: 'm', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 9 });
  await response.arrayBuffer();
  return response.status;
};

/** What a report of everything comes to, in nano-dollars, and how many requests. */
async function reported(on: Gateway): Promise<{ nano: number; requests: number }> {
  const { total } = await on.admin<{ total: { cost_nusd: number; requests: number } }>(
    'GET',
    `/reports/spend?from=${new Date().getUTCFullYear() - 5}-01-01&group_by=team`,
  );
  return { nano: total.cost_nusd, requests: total.requests };
}

describe('an upgrade from the first schema', () => {
  test('keeps what was spent, entry by entry and in reports, and sums are right', async () => {
    assert.deepEqual(await reported(gateway), { nano: oldCost, requests: OLD_TIMES.length });
    const [entry] = await gateway.entries('old-2');
    assert.equal(entry!.cost_nusd['total'], OLD_COSTS[2]);
    const { rows } = await query(database.url, 'select name from schema_migrations');
    assert.equal(rows.length, readdirSync(join(packageRoot, 'migrations')).length);
    const { differences } = await gateway.admin<{ differences: unknown[] }>('POST', '/ledger/verify', {});
    assert.deepEqual(differences, []);
  });

  test('keeps keys, teams, the audit log, and counts what was spent before against the budget', async () => {
    assert.equal(await chat(gateway, secret.secret), 200);
    const { data } = await gateway.admin<{ data: { unit: string; spent: string }[] }>('GET', '/limits?team=search');
    const usd = data.find(({ unit }) => unit === 'usd')!;
    assert.ok(Number(usd.spent) * 1e9 > oldCost, usd.spent);
    const { data: lines } = await gateway.admin<{ data: { action: string; subject: string }[] }>('GET', '/audit');
    assert.ok(lines.some(({ action, subject }) => action === 'key.create' && subject === 'key_old'));
    spent = (await reported(gateway)).nano;
  });
});

const query = async (url: string, sql: string): Promise<pg.QueryResult> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return await client.query(sql).finally(() => client.end());
};

const bin = findPostgresBin();
describe('a backup', { skip: bin ? false : 'pg_dump is not installed here' }, () => {
  let restored: FreshDatabase;
  after(() => restored?.drop());

  test('that pg_dump takes while a gateway serves is restored to the same keys, spend and limits', async () => {
    const file = join(folder, 'tollgate.dump');
    execFileSync(join(bin!, 'pg_dump'), ['--format=custom', `--file=${file}`, database.url], { stdio: 'pipe' });
    restored = await freshDatabase();
    execFileSync(join(bin!, 'pg_restore'), ['--no-owner', `--dbname=${restored.url}`, file], { stdio: 'pipe' });
    const other = await startGateway({ config, database: restored.url });
    try {
      assert.equal((await reported(other)).nano, spent);
      assert.equal(await chat(other, secret.secret), 200);
      assert.ok((await reported(other)).nano > spent);
      assert.equal((await reported(gateway)).nano, spent, 'the first one has its own');
    } finally {
      await other.close();
    }
  });

  test('of a newer version is not used: the start says so, and changes nothing', async () => {
    await query(
      restored.url,
      `insert into schema_migrations (version, name, checksum) values (9999, '9999_later', 'x')`,
    );
    const before = await query(restored.url, 'select count(*) from entries');
    writeFileSync(join(folder, 'config.yaml'), `database: { url: "\${DATABASE_URL}" }\nproviders: {}\nmodels: {}\n`);
    let said = '';
    try {
      execFileSync(process.execPath, [tollgate, 'serve'], {
        cwd: folder,
        env: { PATH: process.env['PATH'], DATABASE_URL: restored.url, PORT: '0' },
        stdio: 'pipe',
        encoding: 'utf8',
        timeout: 60_000,
      });
    } catch (error) {
      said = String((error as { stderr: string }).stderr);
    }
    assert.match(said, /database\.url: .*9999_later.*this version of Tollgate does not know.*newer/);
    assert.deepEqual((await query(restored.url, 'select count(*) from entries')).rows, before.rows);
  });
});

test('the embedded database is backed up by copying the folder of a gateway that has ended', async () => {
  const first = await startGateway({ config, database: 'embedded' });
  const copy = join(folder, 'copied');
  let made: { key: string };
  let before: { nano: number };
  try {
    made = await first.key();
    assert.equal(await chat(first, made.key), 200);
    before = await reported(first);
    assert.equal(await first.stop(), 0);
    cpSync(join(first.dir, 'data'), copy, { recursive: true });
  } finally {
    await first.close();
  }
  const second = await startGateway({ config: { ...config, data_dir: copy }, database: 'embedded' });
  try {
    assert.deepEqual(await reported(second), before);
    assert.equal(await chat(second, made.key), 200);
  } finally {
    await second.close();
  }
});
