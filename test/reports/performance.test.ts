/** How fast targets answered, from histograms: near what the entries say, the same by hour and by day, and taken back with an estimate. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Entry } from '../../src/ledger/entry.js';
import { pgLedgerStore } from '../../src/ledger/ledger-pg.js';
import { percentile } from '../../src/lib/performance-sums.js';
import { type PerformanceRequest, readPerformance } from '../../src/reports/performance-pg.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { entry } from '../contract/ledger.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

const DAY_MS = 86_400_000;
const FROM = Date.parse('2026-10-30T00:00:00Z');

let database: FreshDatabase;
let store: Store;
before(async () => {
  database = await freshDatabase();
  store = openStore({ url: database.url });
  await migrate(store.pool);
});
after(async () => {
  await store?.close();
  await database?.drop();
});

const read = (request: Partial<PerformanceRequest> = {}) =>
  readPerformance(store.pool, { fromMs: FROM, toMs: FROM + 3 * DAY_MS, timezone: 'UTC', groupBy: [], ...request });

const exact = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.ceil(share * values.length) - 1]!;

const near = (found: number | null, wanted: number): void =>
  assert.ok(found !== null && Math.abs(found / wanted - 1) < 0.1, `${found} instead of ${wanted}`);

/** Two targets, of which the second is ten times as slow; one in ten fails, one in five comes from the cache. */
const entries: readonly Entry[] = Array.from({ length: 2_000 }, (_, i) => {
  const slow = i % 2 === 1;
  const ms = (slow ? 1_000 : 100) * (1 + ((i * 7919) % 1000) / 250);
  const cached = i % 5 === 0;
  const failed = i % 10 === 3;
  return entry({
    at: FROM + ((i * 7_919_333) % (3 * DAY_MS)),
    request_id: `req-${i}`,
    team: i % 4 < 2 ? 'search' : 'ads',
    target: slow ? 'slow/m' : 'fast/m',
    provider: slow ? 'slow' : 'fast',
    status: failed ? 502 : 200,
    error: failed ? 'upstream_error' : null,
    cache: cached ? 'hit' : 'off',
    duration_ms: cached ? 1 : ms,
    first_byte_ms: cached ? null : ms / 2,
    ...(cached && { saved_nusd: 1_000 }),
  });
});

describe('performance', () => {
  before(() => pgLedgerStore(store).insert(entries));

  test('has percentiles near the true ones, errors, hits and what they saved, by target', async () => {
    const { rows, total, sampled } = await read({ groupBy: ['target'] });
    assert.equal(sampled, false);
    assert.deepEqual(rows.map(({ of }) => of['target']).sort(), ['fast/m', 'slow/m']);
    for (const row of rows) {
      const mine = entries.filter(({ target }) => target === row.of['target']);
      const timed = mine.filter(({ status, cache }) => status < 400 && cache === 'off');
      near(
        row.durationMs.p50,
        exact(
          timed.map((one) => one.duration_ms),
          0.5,
        ),
      );
      near(
        row.durationMs.p99,
        exact(
          timed.map((one) => one.duration_ms),
          0.99,
        ),
      );
      near(
        row.firstByteMs.p95,
        exact(
          timed.map((one) => one.first_byte_ms!),
          0.95,
        ),
      );
      assert.equal(row.attempts, mine.length);
      assert.equal(row.errors, mine.filter(({ status }) => status >= 400).length);
      const hits = mine.filter(({ cache }) => cache === 'hit').length;
      assert.deepEqual([row.cacheHits, row.savedNano], [hits, hits * 1_000]);
    }
    assert.equal(total.attempts, entries.length);
  });

  test('is the same from sums by hour as from sums by day and the hours around them', async () => {
    const byHour = await read({ groupBy: ['hour'] });
    assert.equal(byHour.rows.length, 72);
    assert.deepEqual(byHour.total, (await read()).total);
    const inside = { fromMs: FROM + 5 * 3_600_000, toMs: FROM + 2 * DAY_MS + 3_600_000 };
    assert.deepEqual((await read({ ...inside, groupBy: ['hour'] })).total, (await read(inside)).total);
    const days = await read({ groupBy: ['day'], timezone: 'Europe/Berlin' });
    assert.deepEqual(days.total, byHour.total);
    assert.deepEqual(
      days.rows.map(({ of }) => of['day']),
      ['2026-10-30', '2026-10-31', '2026-11-01', '2026-11-02'],
    );
  });

  test('tells errors by their class and status, and is filtered by model, provider and target', async () => {
    const { rows } = await read({ groupBy: ['status', 'error'] });
    assert.deepEqual(
      rows.map(({ of }) => [of['status'], of['error']]),
      [
        [200, null],
        [502, 'upstream_error'],
      ],
    );
    assert.equal((await read({ target: 'slow/m' })).total.attempts, 1_000);
    assert.equal((await read({ provider: 'none' })).total.attempts, 0);
    assert.equal((await read({ provider: 'none' })).total.durationMs.p50, null);
  });

  test('of teams is read from their entries, and says the same', async () => {
    const both = await read({ teams: ['search', 'ads'], groupBy: ['target'] });
    assert.deepEqual(both.rows, (await read({ groupBy: ['target'] })).rows);
    const search = await read({ teams: ['search'] });
    assert.equal(search.total.attempts, entries.filter(({ team }) => team === 'search').length);
    assert.equal((await read({ teams: [] })).total.attempts, 0);
  });

  test('of teams says that there were more entries than it reads, of those that fit the filters alone', async () => {
    const of = async (most: number, request: Partial<PerformanceRequest>) => {
      const whole = { fromMs: FROM, toMs: FROM + 3 * DAY_MS, timezone: 'UTC', groupBy: [], teams: ['search', 'ads'] };
      const { total, sampled } = await readPerformance(store.pool, { ...whole, ...request }, most);
      return { attempts: total.attempts, sampled };
    };
    const slow = entries.filter(({ target }) => target === 'slow/m').length;
    assert.deepEqual(await of(slow, { target: 'slow/m' }), { attempts: slow, sampled: false });
    assert.equal((await of(slow - 1, { target: 'slow/m' })).sampled, true);
    assert.deepEqual(await of(entries.length, {}), { attempts: entries.length, sampled: false });
  });

  test('is by whole hours of UTC, whatever zone the database is set to', async () => {
    const other = openStore({ url: `${database.url}?options=${encodeURIComponent('-c timezone=Asia/Kolkata')}` });
    try {
      const { rows } = await readPerformance(other.pool, {
        ...{ fromMs: FROM, toMs: FROM + DAY_MS, timezone: 'UTC', groupBy: ['hour'], teams: ['search'] },
      });
      assert.equal(rows.length, 24);
      assert.deepEqual(rows[0]!.of['hour'], (await read({ groupBy: ['hour'] })).rows[0]!.of['hour']);
    } finally {
      await other.close();
    }
  });

  test('of an estimate is taken back when the fact is known', async () => {
    const at = FROM + 40 * DAY_MS;
    const period = { fromMs: at - (at % DAY_MS), toMs: at + DAY_MS };
    const fields = { id: 'ent_01hz0000000000000000000001', at, request_id: 'late', model: 'late' };
    await pgLedgerStore(store).insert([entry({ ...fields, estimate: 'intent', status: 502, duration_ms: 5_000 })]);
    await pgLedgerStore(store).insert([entry({ ...fields, status: 200, duration_ms: 50 })]);
    const { total } = await read({ ...period, model: 'late' });
    assert.deepEqual([total.attempts, total.errors], [1, 0]);
    near(total.durationMs.p99, 50);
  });
});

test('a percentile is of what is there, and nothing is of nothing', () => {
  assert.equal(percentile([], 0.5), null);
  assert.equal(
    percentile(
      [
        { bucket: 8, count: 0 },
        { bucket: 9, count: -3 },
      ],
      0.5,
    ),
    null,
  );
  near(percentile([{ bucket: 80, count: 100 }], 0.5), 1_000);
});
