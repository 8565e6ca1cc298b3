/** The ledger by month: partitions are there before they are needed, nothing is refused for want of one, retention drops them. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { pgLedgerStore } from '../../src/ledger/ledger-pg.js';
import { keepPartitions } from '../../src/ledger/partitions-pg.js';
import { verifyLedger } from '../../src/ledger/verify-pg.js';
import { packageRoot } from '../../src/lib/root.js';
import { openEmbedded } from '../../src/store/embedded.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { entry } from '../contract/ledger.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

const DAY_MS = 86_400_000;
const at = (written: string): number => Date.parse(written);

let database: FreshDatabase;
let store: Store;
before(async () => {
  database = await freshDatabase();
  store = openStore({ url: database.url });
});
after(async () => {
  await store?.close();
  await database?.drop();
});
beforeEach(async () => {
  await store.pool.query('drop schema public cascade; create schema public');
});

const partitions = async (on: Store = store): Promise<string[]> => {
  const { rows } = await on.pool.query<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'entries'::regclass order by 1`,
  );
  return rows.map(({ name }) => name).filter((name) => name !== 'entries_default');
};
const count = async (table: string): Promise<number> =>
  (await store.pool.query<{ n: number }>(`select count(*)::int as n from ${table}`)).rows[0]!.n;

const insert = (...times: string[]) => pgLedgerStore(store).insert(times.map((time) => entry({ at: at(time) })));

describe('partitions of the ledger', () => {
  test('the month and three more are made ahead, over the end of a year, and a second run makes nothing', async () => {
    await migrate(store.pool);
    await keepPartitions(store.pool, at('2031-11-24T00:00:00Z'), null);
    const made = (await partitions()).filter((name) => name > 'entries_2031');
    assert.deepEqual(made, ['entries_203111', 'entries_203112', 'entries_203201', 'entries_203202']);
    assert.deepEqual(await keepPartitions(store.pool, at('2031-11-24T00:00:00Z'), null), { made: [], dropped: [] });
  });

  test('an entry of any time is taken, and moves to its month when that has a partition', async () => {
    await migrate(store.pool);
    await insert('2020-02-29T23:59:59.999Z', '2020-03-01T00:00:00Z', '2033-01-01T00:00:00Z');
    assert.equal(await count('entries_default'), 3);
    await keepPartitions(store.pool, at('2026-11-24T00:00:00Z'), null);
    assert.equal(await count('entries_default'), 0);
    assert.equal(await count('entries_202002'), 1);
    assert.equal(await count('entries_202003'), 1);
    assert.equal(await count('entries'), 3);
    await insert('2020-02-10T00:00:00Z');
    assert.equal(await count('entries_202002'), 2);
  });

  test('replicas that look after them at once make each once', async () => {
    await migrate(store.pool);
    const all = await Promise.all(
      Array.from({ length: 6 }, () => keepPartitions(store.pool, at('2031-05-01T00:00:00Z'), null)),
    );
    const made = all.flatMap((kept) => kept.made);
    assert.equal(new Set(made).size, made.length);
  });

  test('retention drops whole months, keeps the sums, and says from when on the ledger is whole', async () => {
    await migrate(store.pool);
    await insert('2026-08-31T23:59:59Z', '2026-09-01T00:00:00Z', '2026-11-20T00:00:00Z', '2019-01-01T00:00:00Z');
    const now = at('2026-11-24T00:00:00Z');
    await keepPartitions(store.pool, now - 70 * DAY_MS, null);
    await insert('2020-01-01T00:00:00Z');
    const { dropped } = await keepPartitions(store.pool, now, 70 * DAY_MS);
    assert.deepEqual(dropped, ['entries_201901', 'entries_202608']);
    assert.equal(await count('entries'), 2);
    assert.equal(await count('entries_default'), 0);
    const { rows } = await store.pool.query<{ since: Date }>('select since from ledger_kept');
    assert.equal(rows[0]?.since.toISOString(), '2026-09-01T00:00:00.000Z');
    const sums = await store.pool.query<{ n: number }>('select sum(attempts)::int as n from spend_day_main');
    assert.equal(sums.rows[0]?.n, 5);
    assert.deepEqual((await verifyLedger(store.pool)).differences, []);
  });

  test('a ledger that is busy is left for the next time, without holding up others', async () => {
    await migrate(store.pool);
    const reader = await store.pool.connect();
    await reader.query('begin; select count(*) from entries');
    const kept = await keepPartitions(store.pool, at('2035-05-01T00:00:00Z'), null);
    assert.deepEqual(kept, { made: [], dropped: [] });
    await reader.query('rollback');
    reader.release();
    assert.equal((await keepPartitions(store.pool, at('2035-05-01T00:00:00Z'), null)).made.length, 4);
  });

  test('a partition is append-only by itself too', async () => {
    await migrate(store.pool);
    await insert('2026-11-20T00:00:00Z');
    await keepPartitions(store.pool, at('2026-11-24T00:00:00Z'), null);
    for (const sql of [
      'update entries_202611 set total_nusd = 0',
      'delete from entries_202611',
      'truncate entries_202611',
    ])
      await assert.rejects(store.pool.query(sql), /append-only/, sql);
    await assert.rejects(store.pool.query('delete from entries_default'), /append-only/);
  });

  test('what was in the ledger before it had partitions is moved, with retries told from requests', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tollgate-migrations-'));
    try {
      const all = readdirSync(join(packageRoot, 'migrations')).sort();
      const before = all.filter(
        (name) => !all.slice(all.findIndex((one) => one.includes('partitions'))).includes(name),
      );
      for (const name of before) copyFileSync(join(packageRoot, 'migrations', name), join(folder, name));
      await migrate(store.pool, folder);
      await store.pool.query(
        `insert into entries select 'ent_' || n, timestamptz '2026-01-15Z' + n * interval '20 days', 'req_' || n / 2, 1 + n % 2, 'key', null,
           null, '{}', '{}', 'chat', 'm', null, 'p', 'p/m', 200, null, false, 'off', 1, 0, 0, 0, 1, 0, 0, 0, 'provider', 5, 0, 0, 5,
           10, 'v', null, 1, 1 from generate_series(0, 9) as n`,
      );
      await migrate(store.pool);
      assert.equal(await count('entries'), 10);
      assert.equal(await count('entries_default'), 0);
      assert.equal(await count('entries where requests = 1'), 5);
      const verified = await verifyLedger(store.pool);
      assert.deepEqual(verified.differences, []);
      assert.equal(verified.cost_nusd, '100');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('the embedded database has them too', async (t) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'tollgate-embedded-'));
    t.after(() => rmSync(dataDir, { recursive: true, force: true }));
    const embedded = await openEmbedded({ dataDir });
    const own = openStore(embedded.connection);
    try {
      await migrate(own.pool);
      await keepPartitions(own.pool, at('2031-11-24T00:00:00Z'), null);
      assert.ok((await partitions(own)).includes('entries_203202'));
      await pgLedgerStore(own).insert([entry({ at: at('2031-12-05T00:00:00Z') })]);
      assert.deepEqual((await verifyLedger(own.pool)).differences, []);
    } finally {
      await own.close();
      await embedded.close();
    }
  });
});
