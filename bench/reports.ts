/**
 * What a million entries do to the ledger: how fast they are written at its beginning and at its end (each batch with its
 * sums of spend), and how long pages of `GET /admin/v1/usage` and reports take then, as the median and the slowest of their
 * runs. The entries are of three months, 200 keys in 20 teams, 5 models and 5,000 users who each have a key. Exports are read
 * to the end, with the most memory that the process held.
 */
import { performance } from 'node:perf_hooks';
import { noUsage } from '../src/formats/usage.js';
import type { Entry } from '../src/ledger/entry.js';
import { pgLedgerStore } from '../src/ledger/ledger-pg.js';
import type { LedgerFilter } from '../src/ledger/ledger-store.js';
import { keepPartitions } from '../src/ledger/partitions-pg.js';
import { verifyLedger } from '../src/ledger/verify-pg.js';
import { systemClock } from '../src/lib/clock.js';
import { newId } from '../src/lib/ids.js';
import { createReports } from '../src/reports/reports.js';
import { readRequest, type WrittenRequest } from '../src/reports/request.js';
import { pgReportStore } from '../src/reports/spend-pg.js';
import { migrate } from '../src/store/migrate.js';
import { openStore, type Store } from '../src/store/pg.js';
import { freshDatabase } from '../test/support/postgres.js';

const ENTRIES = Number(process.env['BENCH_ENTRIES'] ?? 1_000_000);
const BATCH = 500;
const DAY_MS = 86_400_000;
const FIRST = Date.parse('2026-09-01T00:00:00Z');
const LAST = Date.parse('2026-11-24T12:00:00Z');
const USERS = 5_000;

export async function run(): Promise<void> {
  const database = await freshDatabase();
  const store = openStore({ url: database.url, statementTimeoutMs: 600_000 });
  try {
    await migrate(store.pool);
    for (let ms = FIRST; ms <= LAST; ms += 28 * DAY_MS) await keepPartitions(store.pool, ms, null);
    await load(store);
    await store.pool.query('vacuum analyze');
    await pages(store);
    await reports(store);
    const started = performance.now();
    const { differences } = await verifyLedger(store.pool);
    console.log(`ledger verify: ${seconds(started)} s, ${differences.length} differences`);
  } finally {
    await store.close();
    await database.drop();
  }
}

const seconds = (sinceMs: number): string => ((performance.now() - sinceMs) / 1000).toFixed(1);

async function load(store: Store): Promise<void> {
  const ledger = pgLedgerStore(store);
  const tenth = Math.floor(ENTRIES / 10 / BATCH);
  const rates: number[] = [];
  for (let part = 0; part < 10; part++) {
    const batches = Array.from({ length: tenth }, (_, i) => batch((part * tenth + i) * BATCH));
    const started = performance.now();
    for (const one of batches) await ledger.insert(one);
    rates.push((tenth * BATCH) / ((performance.now() - started) / 1000));
  }
  const shown = rates.map((rate) => Math.round(rate)).join(', ');
  console.log(`inserts with their sums, entries/s for each tenth of ${tenth * 10 * BATCH}: ${shown}`);
}

const batch = (first: number): Entry[] => Array.from({ length: BATCH }, (_, i) => entry(first + i));

/** Entries come in the order of their time, as they do. */
function entry(i: number): Entry {
  const at = Math.round(FIRST + ((LAST - FIRST) * i) / ENTRIES);
  const mixed = Math.imul(i + 1, 2_654_435_761) >>> 0;
  const user = mixed % USERS;
  const key = user % 200;
  const model = ['gpt-4o-mini', 'gpt-4o', 'claude-haiku', 'claude-sonnet', 'llama'][(user % 7) % 5]!;
  const input = 100 + (mixed % 5_000);
  const output = 10 + (mixed % 900);
  return {
    id: newId('ent', at),
    at,
    request_id: `req_${i}`,
    attempt: 1,
    key: `key_${key}`,
    team: `team-${key % 20}`,
    user: `user-${user}`,
    tags: mixed % 10 === 0 ? ['prod', `feature-${user % 50}`] : ['prod'],
    metadata: {},
    endpoint: 'chat',
    model,
    served_model: `${model}-2026-07-18`,
    provider: model.startsWith('c') ? 'anthropic' : 'openai',
    target: `provider/${model}`,
    status: mixed % 100 === 0 ? 502 : 200,
    error: mixed % 100 === 0 ? 'upstream_error' : null,
    stream: mixed % 2 === 0,
    cache: 'miss',
    tokens: { ...noUsage(), input, output },
    usage_source: 'provider',
    cost_nusd: {
      input: input * 150,
      cache_read: 0,
      cache_write: 0,
      output: output * 600,
      total: input * 150 + output * 600,
    },
    price_version: 'genai-prices/0.1.8',
    first_byte_ms: 12.1,
    duration_ms: 30.2,
    overhead_ms: 0.4,
  };
}

async function timed(name: string, runs: number, work: () => Promise<unknown>): Promise<void> {
  await work();
  const taken: number[] = [];
  for (let i = 0; i < runs; i++) {
    const started = performance.now();
    await work();
    taken.push(performance.now() - started);
  }
  taken.sort((a, b) => a - b);
  console.log(`${name}: median ${taken[runs >> 1]!.toFixed(1)} ms, slowest ${taken.at(-1)!.toFixed(1)} ms`);
}

async function pages(store: Store): Promise<void> {
  const ledger = pgLedgerStore(store);
  const middle = entry(ENTRIES >> 1);
  const filters: Readonly<Record<string, LedgerFilter>> = {
    'no filter': {},
    key: { key: 'key_77' },
    team: { team: 'team-7' },
    user: { user: 'user-777' },
    model: { model: 'llama' },
    provider: { provider: 'anthropic' },
    status: { status: 502 },
    'tag, in every entry': { tag: 'prod' },
    'tag, in 1 of 50': { tag: 'feature-10' },
    'tag, in none': { tag: 'feature-7' },
    'request id': { request_id: 'req_777' },
    'a month, key': { key: 'key_77', from: FIRST, to: FIRST + 30 * DAY_MS },
    'nothing matches': { user: 'nobody' },
  };
  for (const [name, filter] of Object.entries(filters)) {
    await timed(`page of 50, ${name}`, 15, () => ledger.page(filter, 51, null));
  }
  await timed('page of 50, from the middle', 15, () => ledger.page({}, 51, middle));
}

async function reports(store: Store): Promise<void> {
  const reports = createReports(pgReportStore(store.pool, systemClock));
  const read = async (written: WrittenRequest): Promise<number> => {
    const request = readRequest(written, LAST);
    if (!request.ok) throw new Error(request.refusal.message);
    const report = await reports.run(request.value);
    if (!report.ok) throw new Error(report.refusal.message);
    let bytes = 0;
    for await (const piece of report.value.bytes) bytes += piece.length;
    return bytes;
  };
  const month = { from: '2026-10-01', to: '2026-11-01' };
  const all = { from: '2026-09-01', to: '2026-11-24T12:00:00Z' };
  const asked: Readonly<Record<string, WrittenRequest>> = {
    'this month until now, by team and model': { group_by: 'team,model', filters: {} },
    'a month, by day': { ...month, group_by: 'day', filters: {} },
    'a month, by day and team': { ...month, group_by: 'day,team', filters: {} },
    'a month in Berlin, by day': { ...month, timezone: 'Europe/Berlin', group_by: 'day', filters: {} },
    'a month, by key, of one team': { ...month, group_by: 'key', filters: { team: ['team-7'] } },
    'a month, one user by day and model': { ...month, group_by: 'day,model', filters: { user: ['user-777'] } },
    'a month, by tag': { ...month, group_by: 'tag', filters: {} },
    'a month, by user (5,000 rows)': { ...month, group_by: 'user', filters: {} },
    'all, by month and provider': { ...all, group_by: 'month,provider', filters: {} },
    'a day, by status (from the ledger)': { from: '2026-10-05', to: '2026-10-06', group_by: 'status', filters: {} },
    'a month, by status (from the ledger)': { ...month, group_by: 'status', filters: {} },
  };
  for (const [name, written] of Object.entries(asked)) await timed(`report, ${name}`, 7, () => read(written));
  for (const written of [
    { ...all, format: 'focus' as const, filters: {} },
    { ...all, format: 'csv' as const, group_by: 'hour,user,model,key', filters: {} },
    { ...all, format: 'parquet' as const, group_by: 'hour,user,model,key', filters: {} },
  ]) {
    const before = process.memoryUsage().rss;
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 20);
    const started = performance.now();
    const bytes = await read(written);
    clearInterval(watch);
    const megabytes = (n: number) => Math.round(n / 2 ** 20);
    console.log(
      `export, all, ${written.format}: ${megabytes(bytes)} MB in ${seconds(started)} s; memory from ${megabytes(before)} MB to at most ${megabytes(most)} MB`,
    );
  }
}
