/** Indexes that a migration leaves out on large partitions are built while the gateway runs, once, and anew where they were half built. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildIndexes } from '../../src/ledger/indexes-pg.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore } from '../../src/store/pg.js';
import { freshDatabase } from '../support/postgres.js';

test('indexes that are missing are built on every partition, by one process at a time', async (t) => {
  const database = await freshDatabase();
  const store = openStore({ url: database.url });
  t.after(async () => {
    await store.close();
    await database.drop();
  });
  await migrate(store.pool);
  assert.deepEqual(await buildIndexes(store.pool), []);
  await store.pool.query('drop index entries_error');
  await store.pool.query('create index entries_error on only entries (error, at, id) where error is not null');
  await store.pool.query('create index entries_default_error on entries_default (at)');
  const both = await Promise.all([buildIndexes(store.pool), buildIndexes(store.pool)]);
  const built = both.flat();
  assert.equal(new Set(built).size, built.length);
  assert.ok(built.includes('entries_default_error') && built.length >= 5, built.join());
  assert.deepEqual(await buildIndexes(store.pool), []);
  const { rows } = await store.pool.query<{ valid: boolean; definition: string }>(
    `select indisvalid as valid, pg_get_indexdef('entries_default_error'::regclass) as definition
     from pg_index where indexrelid = 'entries_error'::regclass`,
  );
  assert.equal(rows[0]?.valid, true);
  assert.match(rows[0]!.definition, /\(error, at, id\)/);
});
