/**
 * Compares the sums of spend with the entries that they are sums of, month by month, each in one snapshot: entries and sums
 * are committed together, so that they must agree at any moment, also while the gateway runs. With `repair`, a month that
 * disagrees is summed up anew while writers of sums wait; what they write meanwhile is added after it. Months that retention
 * dropped have nothing to be compared with, and their sums stay as they are.
 */
import type { Pool, PoolClient } from 'pg';
import { cubes, ROLLUP_LOCK, rollupOf, rollupTable, summedIn, sumTables } from '../lib/spend-sums.js';
import { inTransaction } from '../store/query.js';

export interface Verified {
  /** The first and the last month that was looked at, as `YYYY-MM`; null where there are no entries. */
  readonly from: string | null;
  readonly to: string | null;
  readonly entries: number;
  /** The ledger's cost in nano-dollars, as an integer in digits. */
  readonly cost_nusd: string;
  readonly differences: readonly Difference[];
  readonly repaired: boolean;
}

export interface Difference {
  readonly month: string;
  readonly table: string;
  /** Rows that differ, are missing or are too many. */
  readonly rows: number;
  /** What the sums have more than the ledger, in nano-dollars, as an integer in digits. */
  readonly cost_nusd: string;
}

export async function verifyLedger(pool: Pool, { repair = false }: { repair?: boolean } = {}): Promise<Verified> {
  const months = await inSnapshot(pool, monthsOf);
  const differences: Difference[] = [];
  let entries = 0;
  let nusd = 0n;
  for (const month of months) {
    const found = await inSnapshot(pool, async (client) => {
      const { rows } = await client.query<{ n: string; nusd: string }>(
        `select count(*)::text as n, coalesce(sum(total_nusd), 0)::text as nusd from entries where ${within('at')}`,
        bounds(month),
      );
      entries += Number(rows[0]!.n);
      nusd += BigInt(rows[0]!.nusd);
      return await compare(client, month);
    });
    differences.push(...found);
    if (repair && found.length > 0) await rebuild(pool, month);
  }
  return {
    from: months[0] ?? null,
    to: months.at(-1) ?? null,
    entries,
    cost_nusd: String(nusd),
    differences,
    repaired: repair && differences.length > 0,
  };
}

/** Months that have entries or sums and that the ledger still has whole. */
async function monthsOf(client: PoolClient): Promise<string[]> {
  const { rows } = await client.query<{ month: string }>(
    `with kept as (select coalesce((select since from ledger_kept), '-infinity') as since),
       days as (select distinct start from spend_day_main
                union select distinct date_trunc('day', start, 'UTC') from spend_hour_main
                union select date_trunc('month', at, 'UTC') from entries group by 1)
     select distinct to_char(start at time zone 'UTC', 'YYYY-MM') as month from days, kept where start >= since order by 1`,
  );
  return rows.map(({ month }) => month);
}

const within = (column: string): string =>
  `${column} >= $1::timestamptz and ${column} < $1::timestamptz + interval '1 month'`;
const bounds = (month: string): [string] => [`${month}-01T00:00:00Z`];

const ofMonth = `(select * from entries where ${within('at')})`;

async function compare(client: PoolClient, month: string): Promise<Difference[]> {
  const found: Difference[] = [];
  for (const [grain, cube] of sumTables) {
    const columns = ['start', 'dims', ...cubes[cube], ...summedIn(cube)];
    const differs = columns.map((name) => `summed.${name} is distinct from kept.${name}`).join(' or ');
    const { rows } = await client.query<{ n: string; nusd: string }>(
      `select count(*)::text as n, coalesce(sum(coalesce(kept.total_nusd, 0) - coalesce(summed.total_nusd, 0)), 0)::text as nusd
       from (${rollupOf(grain, cube, ofMonth)}) as summed
       full join (select * from ${rollupTable(grain, cube)} where ${within('start')}) as kept
         on kept.start = summed.start and kept.dims = summed.dims
       where ${differs}`,
      bounds(month),
    );
    const [{ n, nusd }] = rows as [{ n: string; nusd: string }];
    if (n !== '0') found.push({ month, table: rollupTable(grain, cube), rows: Number(n), cost_nusd: nusd });
  }
  return found;
}

async function rebuild(pool: Pool, month: string): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query('set local statement_timeout = 0');
    await client.query(`select pg_advisory_xact_lock(${ROLLUP_LOCK})`);
    for (const [grain, cube] of sumTables) {
      const columns = ['start', 'dims', ...cubes[cube], ...summedIn(cube)].join(', ');
      await client.query(`delete from ${rollupTable(grain, cube)} where ${within('start')}`, bounds(month));
      await client.query(
        `insert into ${rollupTable(grain, cube)} (${columns}) select ${columns} from (${rollupOf(grain, cube, ofMonth)}) as summed`,
        bounds(month),
      );
    }
  });
}

const inSnapshot = <T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> =>
  inTransaction(
    pool,
    async (client) => {
      await client.query('set local statement_timeout = 0');
      return work(client);
    },
    'begin isolation level repeatable read read only',
  );
