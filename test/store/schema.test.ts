/** What the tables themselves promise: the same as drizzle thinks, append-only where they say so, changes announced. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { eq, is } from 'drizzle-orm';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { pgLedgerStore } from '../../src/ledger/ledger-pg.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import * as schema from '../../src/store/schema.js';
import { entry } from '../contract/ledger.js';
import { type FreshDatabase, freshDatabase } from '../support/postgres.js';

let database: FreshDatabase;
let store: Store;
before(async () => {
  database = await freshDatabase();
  store = openStore({ url: database.url });
  await migrate(store.pool);
});
after(async () => {
  await store.close();
  await database.drop();
});

const hashOf = (secret: string) => createHash('sha256').update(secret).digest();

test('drizzle and the migrations agree on every column, its type and whether it may be null', async () => {
  for (const table of Object.values(schema)) {
    if (!is(table, PgTable)) continue;
    const { name, columns } = getTableConfig(table);
    const { rows } = await store.pool.query<{ name: string; type: string; required: boolean }>(
      `select attname as name, format_type(atttypid, null) as type, attnotnull as required
       from pg_attribute where attrelid = $1::regclass and attnum > 0 order by attname`,
      [name],
    );
    const ours = columns.map((column) => ({
      name: column.name,
      type: column.getSQLType(),
      required: column.notNull || column.primary,
    }));
    const keyed = getTableConfig(table).primaryKeys.flatMap((key) => key.columns.map((column) => column.name));
    const expected = ours.map((column) => ({ ...column, required: column.required || keyed.includes(column.name) }));
    assert.deepEqual(
      rows,
      expected.sort((a, b) => (a.name < b.name ? -1 : 1)),
      name,
    );
  }
});

test('the ledger is append-only: entries are neither changed nor deleted, by anyone', async () => {
  await pgLedgerStore(store).insert([entry({ key: 'kept' })]);
  for (const sql of [
    'update entries set total_nusd = 0',
    'delete from entries',
    'truncate entries',
    'delete from entries where false',
  ]) {
    await assert.rejects(store.pool.query(sql), /append-only/, sql);
  }
  const { rows } = await store.pool.query(`select count(*)::int as n from entries where key_id = 'kept'`);
  assert.deepEqual(rows, [{ n: 1 }]);
});

test('the queries of the usage API use an index', async () => {
  const client = await store.pool.connect();
  await client.query('begin; set local enable_seqscan = off; set local enable_sort = off');
  for (const column of ['key_id', 'team', 'end_user', 'model', 'provider', 'target']) {
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `explain select * from entries where ${column} = 'x' and (at, id) < (now(), 'x') order by at desc, id desc limit 10`,
    );
    assert.match(
      rows.map((row) => row['QUERY PLAN']).join('\n'),
      new RegExp(`Index Scan Backward using entries_\\d+_${column}_at_id_idx`),
    );
  }
  for (const [name, value] of Object.entries({ error: 'x', cache: 'semantic' })) {
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `explain select * from entries where ${name} = '${value}' and (at, id) < (now(), 'x') order by at desc, id desc limit 10`,
    );
    assert.match(
      rows.map((row) => row['QUERY PLAN']).join('\n'),
      new RegExp(`Scan Backward using entries_\\d+_${name} `),
    );
  }
  await client.query('rollback');
  client.release();
});

test('a key is found by a hash of 32 bytes only, and a hash is never two keys', async () => {
  const insert = (id: string, hash: Buffer) =>
    store.db.insert(schema.keys).values({ id, hash, name: 'n', prefix: 'p' });
  await insert('key_a', hashOf('a'));
  await assert.rejects(insert('key_b', hashOf('a')));
  await assert.rejects(insert('key_c', Buffer.from('the secret itself')));
});

test('times are milliseconds on our side, whatever the session calls its time zone', async () => {
  const times = [0, 1, 1_795_514_400_123, 4_102_444_799_999, Date.parse('1969-12-31T23:59:59.999Z')];
  for (const zone of ['UTC', 'Asia/Kolkata', 'America/St_Johns', 'Pacific/Chatham']) {
    const zoned = openStore({ url: `${database.url}?options=-c%20timezone%3D${zone}` });
    for (const ms of times) {
      await zoned.db.insert(schema.teams).values({ id: `${zone} ${ms}`, blocked_at: ms });
      const [team] = await zoned.db
        .select()
        .from(schema.teams)
        .where(eq(schema.teams.id, `${zone} ${ms}`));
      assert.equal(team?.blocked_at, ms, `${zone} ${ms}`);
    }
    await zoned.close();
  }
});

describe('a change of keys or teams is announced once it is committed', () => {
  let listener: pg.Client;
  let heard: string[] = [];
  before(async () => {
    listener = new pg.Client({ connectionString: database.url });
    await listener.connect();
    listener.on('notification', ({ channel, payload }) => heard.push(`${channel} ${payload}`));
    await listener.query('listen tollgate_keys');
  });
  after(() => listener.end());

  /** What was heard of `change`; the query afterwards makes the server send what it has. */
  async function announced(change: () => Promise<unknown>): Promise<string[]> {
    heard = [];
    await change();
    await listener.query('select 1');
    return heard;
  }

  const key = (hash: Buffer) => `tollgate_keys key:${hash.toString('hex')}`;

  test('a key that is made, changed, given another hash and deleted', async () => {
    const [first, second] = [randomBytes(32), randomBytes(32)];
    const mine = eq(schema.keys.id, 'key_x');
    assert.deepEqual(
      await announced(() => store.db.insert(schema.keys).values({ id: 'key_x', hash: first, name: 'n', prefix: 'p' })),
      [key(first)],
    );
    assert.deepEqual(await announced(() => store.db.update(schema.keys).set({ revoked_at: Date.now() }).where(mine)), [
      key(first),
    ]);
    assert.deepEqual(await announced(() => store.db.update(schema.keys).set({ hash: second }).where(mine)), [
      key(first),
      key(second),
    ]);
    assert.deepEqual(await announced(() => store.db.delete(schema.keys).where(mine)), [key(second)]);
  });

  test('a team that is made, blocked and deleted, whatever its name', async () => {
    for (const id of ['search', 'équipe "7": a,b', 'x'.repeat(1_000)]) {
      const mine = eq(schema.teams.id, id);
      const expected = [`tollgate_keys team:${id}`];
      assert.deepEqual(await announced(() => store.db.insert(schema.teams).values({ id })), expected);
      assert.deepEqual(
        await announced(() => store.db.update(schema.teams).set({ blocked_at: Date.now() }).where(mine)),
        expected,
      );
      assert.deepEqual(await announced(() => store.db.delete(schema.teams).where(mine)), expected);
    }
  });

  test('a change that is undone is not', async () => {
    const undone = () =>
      store.db
        .transaction(async (tx) => {
          await tx.insert(schema.teams).values({ id: 'undone' });
          tx.rollback();
        })
        .catch(() => {});
    assert.deepEqual(await announced(undone), []);
  });
});
