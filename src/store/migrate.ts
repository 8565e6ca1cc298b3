/**
 * Brings the database to the schema of this code: the files of `migrations/` in order, forward only, each in a transaction
 * with its line in `schema_migrations`. Every step holds an advisory lock until its transaction ends, so that processes which
 * start together take turns and all succeed. A file that changed after it was applied, a database that is ahead of this code
 * and a Postgres that is too old or not UTF-8 are refused, and nothing is touched.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pool, PoolClient } from 'pg';
import { packageRoot } from '../lib/root.js';

export class MigrationRefused extends Error {
  override readonly name = 'MigrationRefused';
}

interface Migration {
  readonly version: number;
  /** The file's name without its ending: `0001_keys_ledger_audit`. */
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

interface Applied {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

/** Any number will do that other software on the same database does not use: "tollgate" in ASCII, read as an integer. */
const LOCK = '8390043843661231205';
const OLDEST_POSTGRES = 150_000;

/** Answers the names of the migrations that were applied now. Throws `MigrationRefused`, or what the database says. */
export async function migrate(pool: Pool, folder: string = join(packageRoot, 'migrations')): Promise<string[]> {
  const files = readMigrations(folder);
  const done: string[] = [];
  for (;;) {
    const name = await underLock(pool, (client) => step(client, files));
    if (name === null) return done;
    done.push(name);
  }
}

/** The names of the migrations that are missing. Changes nothing; throws like `migrate`. */
export async function missingMigrations(
  pool: Pool,
  folder: string = join(packageRoot, 'migrations'),
): Promise<string[]> {
  const files = readMigrations(folder);
  const client = await pool.connect();
  try {
    await checkServer(client);
    const { rows } = await client.query<{ there: boolean }>(
      `select to_regclass('schema_migrations') is not null as there`,
    );
    const applied: Applied[] = rows[0]?.there
      ? (await client.query<Applied>('select version, name, checksum from schema_migrations order by version')).rows
      : [];
    nextMigration(files, applied);
    return files.slice(applied.length).map(({ name }) => name);
  } finally {
    client.release();
  }
}

/** Runs `work` in a transaction that holds the lock of the migrations: only one process of all is in it at a time. */
export async function underLock<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    // Another process may be at a long migration: waiting for it is no fault. The client's own timeout would not know that.
    await client.query('set local statement_timeout = 0');
    await client.query(unhurried(`select pg_advisory_xact_lock(${LOCK})`));
    const result = await work(client);
    await client.query('commit');
    client.release();
    return result;
  } catch (error) {
    // Whatever state the connection is in, it ends here, and an open transaction with it.
    client.release(true);
    throw error;
  }
}

/** Applies the first migration that is missing; null where none is. */
async function step(client: PoolClient, files: readonly Migration[]): Promise<string | null> {
  await checkServer(client);
  await client.query(`create table if not exists schema_migrations (
    version integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())`);
  const applied = await client.query<Applied>('select version, name, checksum from schema_migrations order by version');
  const next = nextMigration(files, applied.rows);
  if (!next) return null;
  await client.query(unhurried(next.sql));
  await client.query('insert into schema_migrations (version, name, checksum) values ($1, $2, $3)', [
    next.version,
    next.name,
    next.checksum,
  ]);
  return next.name;
}

async function checkServer(client: PoolClient): Promise<void> {
  const { rows } = await client.query<{ version: number; encoding: string }>(
    `select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding`,
  );
  const { version = 0, encoding = 'unknown' } = rows[0] ?? {};
  if (version < OLDEST_POSTGRES) {
    throw new MigrationRefused(
      `Tollgate needs PostgreSQL 15 or later; this is version ${Math.floor(version / 10_000)}.`,
    );
  }
  if (encoding !== 'UTF8') {
    throw new MigrationRefused(
      `Tollgate needs a database whose encoding is UTF8; this one has ${encoding}. Create another one.`,
    );
  }
}

/** A query that the driver waits for as long as it takes (24 days; 0 would mean its own default). Its types do not know this. */
const unhurried = (text: string): { text: string } => ({ text, query_timeout: 2 ** 31 - 1 }) as { text: string };

/** The first file that was not applied. What was applied must be the beginning of what there is, unchanged. */
function nextMigration(files: readonly Migration[], applied: readonly Applied[]): Migration | null {
  for (const [i, was] of applied.entries()) {
    const file = files.find(({ version }) => version === was.version);
    if (!file) {
      throw new MigrationRefused(
        `The database has migration ${was.name}, which this version of Tollgate does not know: it was used by a newer one. Run that one, or a later one.`,
      );
    }
    if (file.checksum !== was.checksum) {
      throw new MigrationRefused(
        `Migration ${file.name} was changed after it was applied. Restore the file as it was, and write a new one.`,
      );
    }
    if (files[i] !== file) {
      throw new MigrationRefused(
        `Migration ${files[i]?.name} is older than ${was.name}, which is applied already. Give it a later number.`,
      );
    }
  }
  return files[applied.length] ?? null;
}

/** The migrations of a folder, in order. A name that is not `0001_words.sql`, or a number given twice, is a fault. */
export function readMigrations(folder: string): Migration[] {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  const seen = new Set<number>();
  return names.map((fileName) => {
    const match = /^(\d{4})_\w+\.sql$/.exec(fileName);
    const version = Number(match?.[1]);
    if (!match || seen.has(version))
      throw new Error(`${join(folder, fileName)}: expected a name such as 0001_words.sql, each number once`);
    seen.add(version);
    // A checkout on Windows may have turned the line ends.
    const sql = readFileSync(join(folder, fileName), 'utf8').replaceAll('\r\n', '\n');
    return { version, name: fileName.slice(0, -4), sql, checksum: createHash('sha256').update(sql).digest('hex') };
  });
}
