/**
 * What the ledger costs: entries per second from `append` to a committed row, and microseconds of this process per entry,
 * for Postgres in a process of its own and for the embedded database. Two loads: as fast as it goes, and 5,000 entries per
 * second, which is what a busy gateway does. For the embedded database the whole process is not the measure (the database
 * is a thread of it), so the time in which the main thread was busy stands beside it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { noUsage } from '../src/formats/usage.js';
import type { Entry } from '../src/ledger/entry.js';
import { createLedger } from '../src/ledger/ledger.js';
import { pgLedgerStore } from '../src/ledger/ledger-pg.js';
import { systemClock } from '../src/lib/clock.js';
import { newId } from '../src/lib/ids.js';
import { openEmbedded } from '../src/store/embedded.js';
import { migrate } from '../src/store/migrate.js';
import { openStore, type Store } from '../src/store/pg.js';
import { freshDatabase } from '../test/support/postgres.js';

const FLAT_OUT = 20_000;
const PER_TICK = 50;
const TICKS = 200;
const TICK_MS = 10;

export async function run(): Promise<void> {
  const database = await freshDatabase();
  await report('Postgres', openStore({ url: database.url }));
  await database.drop();

  const dataDir = mkdtempSync(join(tmpdir(), 'tollgate-bench-'));
  const embedded = await openEmbedded({ dataDir });
  await report('embedded', openStore(embedded.connection));
  await embedded.close();
  rmSync(dataDir, { recursive: true });
}

async function report(name: string, store: Store): Promise<void> {
  await migrate(store.pool);
  await flatOut(store, entries(FLAT_OUT)); // warm
  const burst = entries(FLAT_OUT);
  const fast = await measure(() => flatOut(store, burst));
  const idle = await measure(() => paced(null));
  const busy = await measure(() => paced(store));
  const count = PER_TICK * TICKS;
  const cost = (cpuUs: number, busyUs: number) =>
    `${cpuUs.toFixed(1)} us CPU of the process, ${busyUs.toFixed(1)} us of the main thread`;
  const rate = Math.round(FLAT_OUT / (fast.wallMs / 1000));
  const flat = cost(fast.cpuUs / FLAT_OUT, fast.busyUs / FLAT_OUT);
  const paces = cost((busy.cpuUs - idle.cpuUs) / count, (busy.busyUs - idle.busyUs) / count);
  console.log(`ledger, ${name}, flat out: ${rate} entries/s; per entry ${flat}`);
  console.log(`ledger, ${name}, at ${(PER_TICK * 1000) / TICK_MS} entries/s: per entry ${paces}`);
  await store.close();
}

const ledgerOn = (store: Store) =>
  createLedger({
    store: pgLedgerStore(store),
    clock: systemClock,
    log: { info: () => {}, error: (fields, message) => console.error(message, fields) },
    closeMs: 60_000,
  });

const entries = (count: number): Entry[] => Array.from({ length: count }, (_, i) => entry(i));

async function flatOut(store: Store, burst: readonly Entry[]): Promise<void> {
  const ledger = ledgerOn(store);
  for (const one of burst) ledger.append(one);
  await ledger.close();
}

/** Without a store: what the bench itself costs, to be taken off. */
async function paced(store: Store | null): Promise<void> {
  const ledger = store && ledgerOn(store);
  for (let tick = 0; tick < TICKS; tick++) {
    for (const one of entries(PER_TICK)) ledger?.append(one);
    await sleep(TICK_MS);
  }
  await ledger?.close();
}

interface Taken {
  readonly wallMs: number;
  readonly cpuUs: number;
  readonly busyUs: number;
}

async function measure(work: () => Promise<void>): Promise<Taken> {
  const start = performance.now();
  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  const busyUs = performance.eventLoopUtilization(loop).active * 1000;
  return { wallMs: performance.now() - start, cpuUs: user + system, busyUs };
}

function entry(i: number): Entry {
  const at = Date.now();
  return {
    id: newId('ent', at),
    at,
    request_id: `req_${i}`,
    attempt: 1,
    key: `key_01h0000000000000000000000${i % 50}`,
    team: 'search',
    user: i % 2 ? null : `user-${i % 1_000}`,
    tags: ['prod'],
    metadata: i % 4 ? {} : { trace: `trace-${i}` },
    endpoint: 'chat',
    model: 'gpt-4o-mini',
    served_model: 'gpt-4o-mini-2024-07-18',
    provider: 'openai',
    target: 'openai/gpt-4o-mini',
    status: 200,
    error: null,
    stream: false,
    cache: 'miss',
    tokens: { ...noUsage(), input: 80, output: 9 },
    usage_source: 'provider',
    cost_nusd: { input: 12_000, cache_read: 0, cache_write: 0, output: 5_400, total: 17_400 },
    price_version: '2026-11-20',
    first_byte_ms: 12.1,
    duration_ms: 30.2,
    overhead_ms: 0.4,
  };
}
