/**
 * Keeps the ledger's partitions: one for every month from this one to three months ahead, made before they are needed, so
 * that entries never wait for one (and where one is missing all the same, they go to `entries_default`). Retention drops
 * whole months; what is as old in the default partition is deleted. Runs at the start and every hour on every replica; an
 * advisory lock lets one work at a time. Making and dropping a partition needs a short lock on the whole ledger: who does not
 * get it within two seconds gives up until the next time, so that nothing queues up behind. Throws where the database is away.
 */
import type { Pool, PoolClient } from 'pg';
import { inTransaction } from '../store/query.js';

const MONTHS_AHEAD = 3;
const LOCK = '8390043843661231207';

interface Kept {
  /** Partitions that were made and dropped, by name. */
  readonly made: readonly string[];
  readonly dropped: readonly string[];
}

export async function keepPartitions(pool: Pool, nowMs: number, retentionMs: number | null): Promise<Kept> {
  const made: string[] = [];
  const dropped: string[] = [];
  const strays = await pool.query<{ month: string }>(
    `select distinct to_char(at at time zone 'UTC', 'YYYYMM') as month from entries_default limit 100`,
  );
  const there = new Set((await partitions(pool)).map(({ month }) => month));
  const keepFrom = retentionMs === null ? '' : monthOf(nowMs - retentionMs, 0);
  for (const month of new Set([...monthsAhead(nowMs), ...strays.rows.map((row) => row.month)])) {
    if (there.has(month) || month < keepFrom) continue;
    const done = await alone(pool, async (client) => {
      const { rows } = await client.query<{ new: boolean }>('select tollgate_make_partition($1::date) as new', [
        `${month.slice(0, 4)}-${month.slice(4)}-01`,
      ]);
      return rows[0]?.new ?? false;
    });
    if (done) made.push(`entries_${month}`);
  }
  if (retentionMs !== null) {
    for (const { name, month } of await partitions(pool)) {
      if (month >= keepFrom) continue;
      const done = await alone(pool, async (client) => {
        await keptSince(client, keepFrom);
        await client.query(`drop table if exists ${name}`);
        return true;
      });
      if (done) dropped.push(name);
    }
    if (strays.rows.some(({ month }) => month < keepFrom)) {
      await alone(pool, async (client) => {
        await keptSince(client, keepFrom);
        await client.query(`set local tollgate.maintenance = 'on'`);
        await client.query('delete from entries_default where at < $1', [beginning(keepFrom)]);
        return true;
      });
    }
  }
  return { made, dropped };
}

/** Months `YYYYMM` that have a partition, oldest first. */
async function partitions(pool: Pool): Promise<{ name: string; month: string }[]> {
  const { rows } = await pool.query<{ name: string }>(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'entries'::regclass and c.relname ~ '^entries_\\d{6}$' order by 1`,
  );
  return rows.map(({ name }) => ({ name, month: name.slice(-6) }));
}

const keptSince = (client: PoolClient, month: string): Promise<unknown> =>
  client.query(
    `insert into ledger_kept (since) values ($1)
     on conflict (single) do update set since = greatest(ledger_kept.since, excluded.since)`,
    [beginning(month)],
  );

/** In a transaction of its own, under the lock; false where the ledger is busy or another replica is at it. */
async function alone(pool: Pool, work: (client: PoolClient) => Promise<boolean>): Promise<boolean> {
  try {
    return await inTransaction(pool, async (client) => {
      await client.query(`set local lock_timeout = '2s'`);
      const lock = await client.query<{ got: boolean }>(`select pg_try_advisory_xact_lock(${LOCK}) as got`);
      return lock.rows[0]?.got === true && (await work(client));
    });
  } catch (error) {
    if (isBusy(error)) return false;
    throw error;
  }
}

const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === '55P03' || error.code === '40P01');

const monthsAhead = (nowMs: number): string[] =>
  Array.from({ length: MONTHS_AHEAD + 1 }, (_, ahead) => monthOf(nowMs, ahead));

function monthOf(ms: number, ahead: number): string {
  const date = new Date(ms);
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + ahead, 1))
    .toISOString()
    .slice(0, 7)
    .replace('-', '');
}

const beginning = (month: string): string => `${month.slice(0, 4)}-${month.slice(4)}-01T00:00:00Z`;
