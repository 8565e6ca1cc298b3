/** How much of the ledger is read for a page where few entries are let through, though the database knows nothing of them yet. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Entry } from '../../src/ledger/entry.js';
import type { LedgerFilter, Position } from '../../src/ledger/ledger-store.js';
import { pageOf } from '../../src/ledger/page-pg.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

const ENTRIES = 12_000;
const START_MS = Date.parse('2026-11-10T00:00:00Z');

/** One a second; the first twenty are dear, the next 980 less so, every third costs nothing, each of 3,000 keys has four. */
const filling = `
  insert into entries (id, at, request_id, attempt, key_id, tags, metadata, endpoint, model, provider, target, status, stream, cache,
    input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens, audio_input_tokens,
    audio_output_tokens, usage_source, input_nusd, cache_read_nusd, cache_write_nusd, output_nusd, total_nusd, price_version, duration_ms, overhead_ms)
  select 'ent_' || lpad(i::text, 26, '0'), to_timestamp(${START_MS / 1000} + i), 'req-' || i, 1, 'key_' || i % 3000, '{}', '{}', 'chat', 'm', 'p', 'p/m',
    200, false, 'miss', 1, 0, 0, 0, 1, 0, 0, 0, 'provider', 0, 0, 0, 0,
    case when i < 20 then 9000000 + i when i < 1000 then 90000 when i % 3 = 0 then 0 else 5000 + i % 100 end, 'v', 1, 0.1
  from generate_series(0, ${ENTRIES - 1}) as i`;

describe('a page of the ledger', () => {
  let database: FreshDatabase;
  let store: Store;
  before(async () => {
    database = await freshDatabase();
    store = openStore({ url: database.url, max: 1 });
    await migrate(store.pool);
    await store.pool.query(filling);
  });
  after(async () => {
    await store?.close();
    await database?.drop();
  });

  /** Rows of the ledger that were read so far, by this one connection. */
  async function rowsRead(): Promise<number> {
    await store.pool.query('select pg_stat_force_next_flush()');
    const { rows } = await store.pool.query<{ read: string }>(
      `select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)) as read from pg_stat_user_tables where relname like 'entries%'`,
    );
    return Number(rows[0]!.read);
  }

  /** The newest 500 are looked through first. */
  async function read(filter: LedgerFilter, limit = 50): Promise<{ found: number; rows: number }> {
    const before = await rowsRead();
    const { length: found } = await pageOf(store.db, filter, limit, null, 500);
    return { found, rows: (await rowsRead()) - before };
  }

  it('of the few dear ones reads these, though they are the oldest of all', async () => {
    for (const filter of [{ least_nusd: 9_000_000 }, { least_nusd: 9_000_000, most_nusd: 10_000_000, model: 'm' }]) {
      const { found, rows } = await read(filter);
      assert.equal(found, 20);
      assert.ok(rows <= 1_300, `${rows} rows`);
    }
    const none = await read({ least_nusd: 1e12 });
    assert.equal(none.found, 0);
    assert.ok(none.rows <= 1_200, `${none.rows} rows`);
    const old = await read({ least_nusd: 90_000 });
    assert.equal(old.found, 50);
    assert.ok(old.rows <= 4_000, `${old.rows} rows`);
  });

  it('of many reads the newest alone', async () => {
    for (const filter of [{ least_nusd: 1 }, { most_nusd: 6_000 }, { most_nusd: 0 }]) {
      const { found, rows } = await read(filter);
      assert.equal(found, 50);
      assert.ok(rows <= 700, `${rows} rows for ${JSON.stringify(filter)}`);
    }
  });

  it('of several keys reads theirs, and of each no more than the page has', async () => {
    const keys = Array.from({ length: 100 }, (_, at) => `key_${at}`);
    const { found, rows } = await read({ keys }, 50);
    assert.equal(found, 50);
    assert.ok(rows <= 100 * 4 + 200, `${rows} rows`);
    const one = await read({ keys: ['key_7', 'no such key'] }, 2);
    assert.equal(one.found, 2);
    assert.ok(one.rows <= 20, `${one.rows} rows`);
  });

  it('goes on from page to page without a gap or a repeat, by whichever way each is found', async () => {
    for (const [filter, many] of [
      [{ least_nusd: 90_000 }, 1_000],
      [{ least_nusd: 5_050, most_nusd: 9_000_005 }, 4_653],
      [{ keys: ['key_1', 'key_2', 'key_3'] }, 12],
    ] as const) {
      const seen: string[] = [];
      let after: Position | null = null;
      for (;;) {
        const page: readonly Entry[] = await pageOf(store.db, filter, Math.ceil(many / 4) + 1, after, 500);
        seen.push(...page.map(({ id }) => id));
        const last = page.at(-1);
        if (!last) break;
        after = { at: last.at, id: last.id };
      }
      assert.equal(seen.length, many);
      assert.deepEqual(seen, [...new Set(seen)].sort().reverse());
    }
  });
});
