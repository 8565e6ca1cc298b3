/**
 * Reports of a company's ledger read few rows: sums that are made for what they ask, and not the ledger itself. Rows are counted by the
 * database, so that a report that walks the ledger again is seen at a small size, and on a slow machine too.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createReports } from '../../src/reports/reports.js';
import { type FilterName, filterNames, readRequest } from '../../src/reports/request.js';
import { pgReportStore } from '../../src/reports/spend-pg.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { companyReads, fillCompany } from '../support/company.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

const SIZE = { keys: 600, entries: 6_000, teams: 20 };

let database: FreshDatabase;
let store: Store;
before(async () => {
  database = await freshDatabase();
  store = openStore({ url: database.url, max: 1 });
  await migrate(store.pool);
  await fillCompany(store.pool, SIZE);
  // Small tables are read whole where that is cheaper; here it counts what has to be read of large ones.
  await store.pool.query('set enable_seqscan = off');
});
after(async () => {
  await store.close();
  await database.drop();
});

interface RowsRead {
  /** Of the ledger. */
  readonly entries: number;
  /** Of all tables. */
  readonly all: number;
}

async function readSoFar(): Promise<RowsRead> {
  await store.pool.query('select pg_stat_force_next_flush()');
  const { rows } = await store.pool.query<RowsRead>(
    `select coalesce(sum(n) filter (where relname like 'entries%'), 0)::int as entries, coalesce(sum(n), 0)::int as all
     from (select relname, seq_tup_read + coalesce(idx_tup_fetch, 0) as n from pg_stat_user_tables) as tables`,
  );
  return rows[0]!;
}

/** What a report reads, in shares of the ledger; `path` as the admin API is asked for it. */
async function shareReadBy(path: string): Promise<RowsRead> {
  const asked = new URL(path, 'http://gateway').searchParams;
  const { top, ...written } = Object.fromEntries(asked);
  const filters: Partial<Record<FilterName, readonly string[]>> = {};
  for (const name of filterNames) if (asked.has(name)) filters[name] = asked.getAll(name);
  const request = readRequest({ ...written, filters, top: top === undefined ? top : Number(top) }, Date.now());
  assert.ok(request.ok);
  const from = await readSoFar();
  const report = await createReports(pgReportStore(store.pool, { now: () => Date.now() })).run(request.value);
  assert.ok(report.ok);
  for await (const piece of report.value.bytes) assert.ok(piece);
  const to = await readSoFar();
  return { entries: (to.entries - from.entries) / SIZE.entries, all: (to.all - from.all) / SIZE.entries };
}

const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
const spend = companyReads().filter((path) => path.startsWith('/reports/spend'));

describe('a report of a large ledger', () => {
  test('reads no more of the ledger itself than today and what an index finds of a team', async () => {
    assert.ok(spend.length > 20);
    for (const path of spend) {
      const { entries } = await shareReadBy(path);
      assert.ok(entries < 0.1, `${path} reads ${entries} of the ledger`);
    }
  });

  const periods = [
    `from=${daysAgo(29)}`,
    `from=${daysAgo(22)}&to=${daysAgo(7)}`,
    `from=${daysAgo(45)}&to=${daysAgo(15)}`,
  ];
  for (const [name, most] of [
    ['key', 0.6],
    ['user', 1],
    ['model', 0.3],
    ['error', 0.3],
    ['endpoint,cache', 0.3],
  ] as const) {
    test(`finds the dearest by ${name} in few rows of any tables`, async () => {
      for (const period of periods) {
        const { all } = await shareReadBy(`/reports/spend?${period}&group_by=${name}&top=20`);
        assert.ok(all < most, `${name}, ${period}: ${all} of the ledger's rows`);
      }
    });
  }
});
