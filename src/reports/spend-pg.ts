/**
 * Reads a report: rows and total from one snapshot, so that they agree also while entries arrive. The dearest rows, which are few,
 * are read at once, by several processes of the database where it has them. All rows are made once,
 * held by the database in a cursor that outlives its transaction, and fetched a thousand at a time as the reader takes them:
 * memory does not grow with the report, no lock and no snapshot is kept open for a slow reader, and the embedded database's
 * one connection is free for others between two fetches. Throws where the database is away, or an older part of the ledger
 * is asked for than is kept.
 */
import type { Pool, PoolClient } from 'pg';
import type { Clock } from '../lib/clock.js';
import { type Sum, sumNames } from '../lib/spend-sums.js';
import { inTransaction } from '../store/query.js';
import { BEGIN_READING } from './begin-reading.js';
import type { UsageRow } from './focus.js';
import type { ReportStore, Rows } from './reports.js';
import type { ReportRequest } from './request.js';
import { type Period, sourcesOf } from './sources.js';
import type { GroupValue, SpendRow } from './spend-row.js';
import { dearestQuery, narrowedBy, type Query, spendQuery, usageColumns, usageQuery } from './sql.js';

/** The ledger no longer has what the report needs, and the sums do not have it. */
export class NotKept extends Error {
  override readonly name = 'NotKept';
  readonly sinceMs: number;
  constructor(sinceMs: number) {
    super(`the ledger is kept since ${new Date(sinceMs).toISOString()}`);
    this.sinceMs = sinceMs;
  }
}

const FETCH = 1000;
let cursors = 0;

export const pgReportStore = (pool: Pool, clock: Pick<Clock, 'now'>): ReportStore => ({
  async spend(asked) {
    const request = { ...asked, nowMs: clock.now(), keptMs: await keptSinceMs(pool) };
    const summed = { ...request, groupBy: [] };
    // Rows and total may come from different sources.
    const needed = [...sourcesOf(request), ...sourcesOf(summed)].filter(({ sums }) => sums === null);
    const ledgerFromMs = Math.min(...needed.map(({ fromMs }) => fromMs));
    let total: SpendRow | undefined;
    const first = async (client: PoolClient) => {
      await assertKept(client, ledgerFromMs);
      const [row] = await read(client, spendQuery(summed));
      total = spendRow(row!, 0);
    };
    const open =
      request.top === undefined || request.groupBy.length === 0
        ? await openRows(pool, spendQuery(request), first)
        : await dearestRows(pool, request, first);
    return {
      total: total!,
      next: async () => (await open.next()).map((row) => spendRow(row, request.groupBy.length)),
      close: open.close,
    };
  },
  async usage(request) {
    const open = await openRows(pool, usageQuery(request), (client) => assertKept(client, request.fromMs));
    return { next: async () => (await open.next()).map(usageRow), close: open.close };
  },
});

type Raw = readonly (GroupValue | readonly string[])[];

async function read(client: PoolClient, { text, values }: Query): Promise<readonly Raw[]> {
  const { rows } = await client.query({ text, values: [...values], rowMode: 'array' });
  return rows as Raw[];
}

/** Not more than are asked for, and so all at once. `first` runs in the same snapshot. */
async function dearestRows(
  pool: Pool,
  request: ReportRequest & Period,
  first: (client: PoolClient) => Promise<void>,
): Promise<Rows<Raw>> {
  let rows = await inTransaction(
    pool,
    async (client) => {
      await first(client);
      // Sums of very many keys are put together by one process in half the time that several spend on it.
      if (request.groupBy.includes('key')) await client.query('set local max_parallel_workers_per_gather = 0');
      const which = dearestQuery(request);
      return read(client, spendQuery(request, which ? narrowedBy(request, await read(client, which)) : {}));
    },
    BEGIN_READING,
  );
  return {
    async next() {
      const batch = rows.slice(0, FETCH);
      rows = rows.slice(FETCH);
      return batch;
    },
    close: async () => {},
  };
}

/** Rows of a query as arrays of their columns. `first` runs in the same snapshot. */
async function openRows(pool: Pool, query: Query, first: (client: PoolClient) => Promise<void>): Promise<Rows<Raw>> {
  cursors += 1;
  const name = `tollgate_report_${cursors}`;
  // With one connection for all, others work between two fetches; the cursor belongs to the session, which is the same.
  const shared = pool.options.max === 1;
  const client = await pool.connect();
  try {
    await client.query(BEGIN_READING);
    await first(client);
    await client.query(`declare ${name} no scroll cursor with hold for ${query.text}`, [...query.values]);
    await client.query('commit');
  } catch (error) {
    // The cursor ends with the transaction, or with the connection.
    let broken: Error | undefined;
    await client.query('rollback').catch((lost: Error) => {
      broken = lost;
    });
    client.release(broken);
    throw error;
  }
  if (shared) client.release();
  const on: Pool | PoolClient = shared ? pool : client;
  let closed = false;
  return {
    async next() {
      const { rows } = await on.query({ text: `fetch ${FETCH} from ${name}`, rowMode: 'array' });
      return rows as Raw[];
    },
    async close() {
      if (closed) return;
      closed = true;
      let broken: Error | undefined;
      await on.query(`close ${name}`).catch((lost: Error) => {
        broken = lost;
      });
      if (!shared) client.release(broken);
    },
  };
}

/** Throws `NotKept` where the ledger is no longer whole from then on. */
async function assertKept(client: PoolClient, fromMs: number): Promise<void> {
  if (!Number.isFinite(fromMs)) return;
  const since = await keptSinceMs(client);
  if (fromMs < since) throw new NotKept(since);
}

/** 0: all entries are there. */
async function keptSinceMs(on: Pick<Pool | PoolClient, 'query'>): Promise<number> {
  const { rows } = await (on as Pool).query<{ since: Date }>('select since from ledger_kept');
  return rows[0]?.since.getTime() ?? 0;
}

function spendRow(row: Raw, groups: number): SpendRow {
  const keyName = row[groups + sumNames.length] as string | null | undefined;
  return { groups: row.slice(0, groups) as GroupValue[], sums: sumsFrom(row, groups), keyName };
}

function sumsFrom(row: Raw, first: number): Record<Sum, bigint> {
  const sums = {} as Record<Sum, bigint>;
  for (const [i, name] of sumNames.entries()) sums[name] = BigInt(row[first + i] as string);
  return sums;
}

function usageRow(row: Raw): UsageRow {
  const sums = sumsFrom(row, usageColumns.length);
  const [
    hour,
    key,
    keyName,
    team,
    user,
    tags,
    endpoint,
    model,
    servedModel,
    provider,
    target,
    version,
    tier,
    correction,
    fees,
  ] = row;
  return {
    hourMs: (hour as Date).getTime(),
    key: key as string,
    keyName: keyName as string | null,
    team: team as string | null,
    user: user as string | null,
    tags: tags as readonly string[],
    endpoint: endpoint as string,
    model: model as string,
    servedModel: servedModel as string | null,
    provider: provider as string,
    target: target as string,
    priceVersion: version as string,
    serviceTier: tier as string | null,
    correction: correction as boolean,
    entries: sums.attempts,
    kinds: [
      { kind: 'input', quantity: sums.input_tokens, nano: sums.input_nusd },
      { kind: 'cache_read', quantity: sums.cache_read_tokens, nano: sums.cache_read_nusd },
      {
        kind: 'cache_write',
        quantity: sums.cache_write_5m_tokens + sums.cache_write_1h_tokens,
        nano: sums.cache_write_nusd,
      },
      { kind: 'output', quantity: sums.output_tokens, nano: sums.output_nusd },
      { kind: 'request', quantity: BigInt(fees as string), nano: sums.request_nusd },
    ],
    totalNano: sums.total_nusd,
    billedNano: sums.billed_nusd,
  };
}
