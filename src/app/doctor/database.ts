/** The database as a gateway would find it: reached, of a version that will do, with its migrations, its clock, and its gateways. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/config.js';
import { localChanges } from '../../identity/changes.js';
import { systemClock } from '../../lib/clock.js';
import { packageRoot } from '../../lib/root.js';
import { messageOf } from '../../lib/thrown.js';
import { Catalogue } from '../../operations/catalogue.js';
import { pgCatalogueStore } from '../../pricing/kept-catalogue-pg.js';
import { readMigrations } from '../../store/migrate.js';
import { openStore, type Store } from '../../store/pg.js';
import { clockFinding, type Finding, fine, note, problem } from './finding.js';

const CONNECT_MS = 5_000;

export async function lookAtDatabase({ database, data_dir, redis }: Config): Promise<Finding[]> {
  if (database.url === null) return [embedded(data_dir)];
  const store = openStore({ url: database.url, max: 1, connectTimeoutMs: CONNECT_MS, statementTimeoutMs: CONNECT_MS });
  try {
    const { finding, ours } = await reached(store, shown(database.url));
    if (!ours) return [finding];
    await takeKeptCatalogue(store);
    return [finding, await migrations(store), await clock(store), await gateways(store, redis.url !== null)];
  } catch (error) {
    return [
      problem(
        'database',
        `${shown(database.url)}: ${messageOf(error)}`,
        'Check database.url (host, port, user, password, sslmode) and that Postgres runs and takes connections from here.',
      ),
    ];
  } finally {
    await store.close().catch(() => {});
  }
}

/** Prices are looked at as gateways on this database have them. */
async function takeKeptCatalogue(store: Store): Promise<void> {
  const silent = { info: () => {}, error: () => {} };
  const catalogue = new Catalogue({
    store: pgCatalogueStore(store),
    changes: localChanges(),
    clock: systemClock,
    log: silent,
  });
  await catalogue.start().catch(() => {}); // a database without its migrations keeps none
}

/** Without user and password. */
function shown(url: string): string {
  try {
    const { host, pathname } = new URL(url);
    return `${host}${pathname}`;
  } catch {
    return 'database.url';
  }
}

function embedded(dataDir: string): Finding {
  const check = 'database';
  if (!existsSync(join(dataDir, 'pg'))) return fine(check, `embedded, made in ${dataDir} at the first start`);
  const held = holderOf(join(dataDir, 'pg.lock'));
  return fine(check, held ? `embedded in ${dataDir}, open in process ${held}` : `embedded in ${dataDir}, closed now`);
}

function holderOf(file: string): number | undefined {
  try {
    const { pid } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number };
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}

async function reached(store: Store, where: string): Promise<{ finding: Finding; ours: boolean }> {
  const before = performance.now();
  const { rows } = await store.pool.query<{ version: number; shown: string; encoding: string; standby: boolean }>(
    `select current_setting('server_version_num')::int as version, current_setting('server_version') as shown,
       current_setting('server_encoding') as encoding, pg_is_in_recovery() as standby`,
  );
  const tookMs = Math.round(performance.now() - before);
  const { version = 0, shown: words = '?', encoding = '?', standby = false } = rows[0] ?? {};
  const wrong = (detail: string, todo: string) => ({ finding: problem('database', detail, todo), ours: false });
  if (version < 150_000) return wrong(`${where} is PostgreSQL ${words}`, 'Use PostgreSQL 15 or later.');
  if (encoding !== 'UTF8') return wrong(`${where} has the encoding ${encoding}`, 'Create a database with UTF8.');
  if (standby) return wrong(`${where} is a standby, which takes no writes`, 'Name the primary in database.url.');
  return { finding: fine('database', `PostgreSQL ${words} at ${where}, first answer after ${tookMs} ms`), ours: true };
}

async function migrations({ pool }: Store): Promise<Finding> {
  const check = 'migrations';
  const known = readMigrations(join(packageRoot, 'migrations'));
  const { rows: there } = await pool.query<{ there: boolean }>(
    `select to_regclass('schema_migrations') is not null as there`,
  );
  if (!there[0]?.there) return note(check, 'none are applied', 'The first start of a gateway applies them.');
  const { rows } = await pool.query<{ name: string; checksum: string }>('select name, checksum from schema_migrations');
  const alien = rows.find(({ name }) => known.every((one) => one.name !== name));
  if (alien)
    return problem(
      check,
      `${alien.name} is applied and not known to this version`,
      'Run the version that applied it, or a later one.',
    );
  const changed = known.find(({ name, checksum }) =>
    rows.some((row) => row.name === name && row.checksum !== checksum),
  );
  if (changed) return problem(check, `${changed.name} was changed after it was applied`, 'Restore the file as it was.');
  const missing = known.length - rows.length;
  if (missing === 0) return fine(check, `all ${known.length} are applied`);
  return note(
    check,
    `${missing} of ${known.length} are not applied`,
    'The next start of a gateway of this version applies them.',
  );
}

async function clock({ pool }: Store): Promise<Finding> {
  const beforeMs = Date.now();
  const { rows } = await pool.query<{ ms: string }>(
    'select (extract(epoch from clock_timestamp()) * 1000)::bigint as ms',
  );
  return clockFinding('database', Number(rows[0]!.ms), beforeMs, Date.now());
}

/** Gateways on this database, and whether they share limits. */
async function gateways({ pool }: Store, usesRedis: boolean): Promise<Finding> {
  const check = 'gateways';
  const { rows: there } = await pool.query<{ there: boolean }>(`select to_regclass('gateways') is not null as there`);
  const { rows } = there[0]?.there
    ? await pool.query<{ counts: string; n: number }>(
        `select counts, count(*)::int as n from gateways where seen_at > now() - interval '15 seconds' group by counts`,
      )
    : { rows: [] };
  const of = (counts: string) => rows.find((row) => row.counts === counts)?.n ?? 0;
  const [inMemory, inRedis] = [of('memory'), of('redis')];
  const all = inMemory + inRedis;
  if (all > 1 && inMemory > 0)
    return problem(
      check,
      `${all} run on this database, and ${inMemory} of them count limits in their own memory: each admits the whole of every limit`,
      'Set redis.url, the same at each, to share them.',
    );
  if (inMemory === 1 && usesRedis)
    return problem(
      check,
      'one runs on this database without Redis, and this configuration has it',
      'Restart it with redis.url.',
    );
  return fine(
    check,
    all === 0 ? 'none runs on this database' : `${all} on this database${all > 1 ? ', sharing limits' : ''}`,
  );
}
