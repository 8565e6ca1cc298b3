import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { packageRoot } from '../../src/lib/root.js';
import { MigrationRefused, migrate, readMigrations } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

let database: FreshDatabase;
let store: Store;
let folder: string;
before(async () => {
  database = await freshDatabase();
  store = openStore({ url: database.url });
});
after(async () => {
  await store.close();
  await database.drop();
});
beforeEach(async (context) => {
  await store.pool.query('drop schema public cascade; create schema public');
  folder = mkdtempSync(join(tmpdir(), 'tollgate-migrations-'));
  if ('after' in context) context.after(() => rmSync(folder, { recursive: true }));
});

const write = (name: string, sql: string) => writeFileSync(join(folder, name), sql);
const run = () => migrate(store.pool, folder);
const tables = async () => {
  const { rows } = await store.pool.query<{ name: string }>(
    `select tablename as name from pg_tables where schemaname = 'public' order by 1`,
  );
  return rows.map(({ name }) => name);
};

test('our own migrations make the tables of an empty database, and a second run does nothing', async () => {
  const names = readMigrations(join(packageRoot, 'migrations')).map(({ name }) => name);
  assert.ok(names.includes('0001_keys_ledger_audit'));
  assert.deepEqual(await migrate(store.pool), names);
  assert.deepEqual(await migrate(store.pool), []);
  for (const table of ['audit_log', 'entries', 'idempotency', 'keys', 'schema_migrations', 'teams', 'users'])
    assert.ok((await tables()).includes(table), table);
});

test('files are applied in order, each once, also when more come later', async () => {
  write('0002_b.sql', 'insert into a values (2)');
  write('0001_a.sql', 'create table a (n int); insert into a values (1)');
  assert.deepEqual(await run(), ['0001_a', '0002_b']);
  write('0003_c.sql', 'insert into a select count(*) + 1 from a');
  assert.deepEqual(await run(), ['0003_c']);
  assert.deepEqual((await store.pool.query('select n from a')).rows, [{ n: 1 }, { n: 2 }, { n: 3 }]);
});

test('processes that start at the same time all succeed, and each migration is applied by one of them', async () => {
  write('0001_a.sql', 'create table a (n int); select pg_sleep(0.05)');
  write('0002_b.sql', 'insert into a values (2); select pg_sleep(0.05)');
  write('0003_c.sql', 'insert into a values (3)');
  const others = Array.from({ length: 6 }, () => openStore({ url: database.url, max: 1, statementTimeoutMs: 20 }));
  const applied = await Promise.all(others.map(({ pool }) => migrate(pool, folder)));
  await Promise.all(others.map((other) => other.close()));
  assert.deepEqual(applied.flat().sort(), ['0001_a', '0002_b', '0003_c']);
  assert.deepEqual((await store.pool.query('select n from a')).rows, [{ n: 2 }, { n: 3 }]);
});

test('a file that was changed after it was applied is refused, and nothing else is applied', async () => {
  write('0001_a.sql', 'create table a (n int)');
  await run();
  write('0001_a.sql', 'create table a (n bigint)');
  write('0002_b.sql', 'create table b (n int)');
  await assert.rejects(
    run(),
    (error: Error) => error instanceof MigrationRefused && /0001_a was changed/.test(error.message),
  );
  assert.deepEqual(await tables(), ['a', 'schema_migrations']);
});

test('a file whose line ends were turned by a checkout is the same file', async () => {
  write('0001_a.sql', 'create table a (\n  n int\n);\n');
  await run();
  write('0001_a.sql', 'create table a (\r\n  n int\r\n);\r\n');
  assert.deepEqual(await run(), []);
});

test('a database that a newer version made is refused', async () => {
  write('0001_a.sql', 'create table a (n int)');
  write('0002_b.sql', 'create table b (n int)');
  await run();
  rmSync(join(folder, '0002_b.sql'));
  await assert.rejects(
    run(),
    (error: Error) => error instanceof MigrationRefused && /0002_b.*newer/.test(error.message),
  );
});

test('a file that comes in below what is applied is refused', async () => {
  write('0002_b.sql', 'create table b (n int)');
  await run();
  write('0001_a.sql', 'create table a (n int)');
  await assert.rejects(
    run(),
    (error: Error) => error instanceof MigrationRefused && /0001_a is older than 0002_b/.test(error.message),
  );
  assert.deepEqual(await tables(), ['b', 'schema_migrations']);
});

test('a migration that fails leaves nothing of itself, keeps those before it, and can be mended', async () => {
  write('0001_a.sql', 'create table a (n int)');
  write('0002_b.sql', 'create table b (n int); insert into nowhere values (1)');
  await assert.rejects(run(), /nowhere/);
  assert.deepEqual(await tables(), ['a', 'schema_migrations']);
  write('0002_b.sql', 'create table b (n int)');
  assert.deepEqual(await run(), ['0002_b']);
});

test('after a failure no connection is left inside a transaction, and none is kept', async () => {
  write('0001_a.sql', 'select 1 / 0');
  await assert.rejects(run(), /division by zero/);
  const { rows } = await store.pool.query(
    `select count(*)::int as n from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
  );
  assert.deepEqual(rows, [{ n: 0 }]);
  assert.equal(store.pool.totalCount, store.pool.idleCount);
});

test('a database whose encoding cannot hold every text is refused', async () => {
  const latin = new URL(database.url);
  latin.pathname = `${latin.pathname}_latin`;
  await store.pool.query(
    `create database ${latin.pathname.slice(1)} template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'`,
  );
  const other = openStore({ url: latin.href });
  write('0001_a.sql', 'create table a (n int)');
  await assert.rejects(
    migrate(other.pool, folder),
    (error: Error) => error instanceof MigrationRefused && /UTF8.*LATIN1/.test(error.message),
  );
  await other.close();
  await store.pool.query(`drop database ${latin.pathname.slice(1)} with (force)`);
});

describe('the files', () => {
  test('a name that has no number, or one that is taken, is a fault that names the file', () => {
    write('0001_a.sql', '');
    write('0001_b.sql', '');
    assert.throws(() => readMigrations(folder), /0001_b\.sql/);
    rmSync(join(folder, '0001_b.sql'));
    write('b.sql', '');
    assert.throws(() => readMigrations(folder), /b\.sql/);
  });

  test('what is no SQL is not read', () => {
    write('README.md', 'x');
    assert.deepEqual(readMigrations(folder), []);
  });
});
