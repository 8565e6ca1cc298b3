import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DataDirectoryInUse } from '../../src/store/data-lock.js';
import { type Embedded, openEmbedded } from '../../src/store/embedded.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { teams } from '../../src/store/schema.js';
import { startChild } from './child.js';

const root = mkdtempSync(join(tmpdir(), 'tollgate-embedded-'));
after(() => rmSync(root, { recursive: true }));
/** One database for all that only need one: to make one takes seconds. */
const dataDir = join(root, 'data');

describe('an embedded database', () => {
  let embedded: Embedded;
  let store: Store;
  before(async () => {
    embedded = await openEmbedded({ dataDir });
    store = openStore({ ...embedded.connection, max: 10 });
    await migrate(store.pool);
  });
  after(async () => {
    await store.close();
    await embedded.close();
  });

  test('takes the migrations of any Postgres, and triggers that notify harm nothing', async () => {
    assert.deepEqual(await migrate(store.pool), []);
    await store.db.insert(teams).values({ id: 'search', blocked_at: 1_795_514_400_123 });
    assert.equal((await store.db.select().from(teams))[0]?.blocked_at, 1_795_514_400_123);
  });

  test('many queries at once each get their own answer, small and large, prepared and not, good and bad', async () => {
    const large = 'x'.repeat(300_000);
    const one = async (i: number) => {
      if (i % 4 === 0) return assert.rejects(store.pool.query('select $1::int / 0', [i]), /division by zero/);
      if (i % 4 === 1) return assert.deepEqual((await store.pool.query('select $1::int as n', [i])).rows, [{ n: i }]);
      if (i % 4 === 2) {
        const { rows } = await store.pool.query('select $1::text as n, length($2) as size', [i, large]);
        return assert.deepEqual(rows, [{ n: String(i), size: 300_000 }]);
      }
      return assert.deepEqual(
        (await store.pool.query({ name: 'named', text: 'select $1::int as m', values: [i] })).rows,
        [{ m: i }],
      );
    };
    await Promise.all(Array.from({ length: 200 }, (_, i) => one(i)));
  });

  test('a transaction is alone: what others ask meanwhile waits, and is not part of it', async () => {
    await store.pool.query('create table seats (n int)');
    const order: string[] = [];
    const transaction = store.db
      .transaction(async (tx) => {
        await tx.execute('insert into seats values (1)');
        order.push('inserted');
        await tx.execute('insert into seats values (2)');
        tx.rollback();
      })
      .catch(() => order.push('rolled back'));
    const other = store.pool.query('insert into seats values (3)').then(() => order.push('other'));
    await Promise.all([transaction, other]);
    assert.deepEqual(order, ['inserted', 'rolled back', 'other']);
    assert.deepEqual((await store.pool.query('select n from seats')).rows, [{ n: 3 }]);
  });

  test('a connection that was lost inside a transaction is replaced, and leaves nothing behind', async () => {
    const client = await store.pool.connect();
    await client.query('begin; insert into seats values (4)');
    await client.query({ name: 'left', text: 'select 1' });
    client.release(true);
    await store.pool.query({ name: 'left', text: 'select 2' });
    const { rows } = await store.pool.query('select count(*)::int as n from seats where n = 4');
    assert.deepEqual(rows, [{ n: 0 }]);
  });

  test('the main thread goes on while the database works', async () => {
    let turns = 0;
    const ticker = setInterval(() => turns++, 5);
    const { rows } = await store.pool.query('select count(*)::int as n from generate_series(1, 2000000)');
    clearInterval(ticker);
    assert.deepEqual(rows, [{ n: 2_000_000 }]);
    assert.ok(turns >= 5, `${turns} turns`);
  });

  test('nobody else can reach its files or its socket', {
    skip: process.platform === 'win32' ? 'no modes on Windows' : false,
  }, () => {
    for (const path of [dataDir, join(dataDir, 'run'), join(dataDir, 'pg')])
      assert.equal(statSync(path).mode & 0o077, 0, path);
  });

  test('the same directory is refused to who comes second, here and in another process, by the number of the first', async () => {
    const inUse = new RegExp(`in use by process ${process.pid}`);
    await assert.rejects(
      openEmbedded({ dataDir }),
      (error: Error) => error instanceof DataDirectoryInUse && inUse.test(error.message),
    );
    const child = startChild('hold', dataDir);
    assert.match(await child.line(), inUse);
    await child.end('stdin');
    await store.ping();
  });
});

test('what was written is there after closing and opening again, and closing twice is harmless', async () => {
  const first = await openEmbedded({ dataDir });
  const writer = openStore(first.connection);
  await writer.pool.query('create table kept as select 42 as n');
  await writer.close();
  await first.close();
  await first.close();
  assert.equal(existsSync(join(dataDir, 'pg.lock')), false);
  assert.equal(existsSync(join(dataDir, 'run')), false);
  const second = await openEmbedded({ dataDir });
  const reader = openStore(second.connection);
  assert.deepEqual((await reader.pool.query('select n from kept')).rows, [{ n: 42 }]);
  await reader.close();
  await second.close();
});

test('after kill -9 it starts again with every row that was committed', async () => {
  let last = -1;
  for (let round = 0; round < 2; round++) {
    const child = startChild('write', dataDir);
    assert.equal(await child.line(), 'open');
    for (let i = 0; i < 50; i++) last = Number(await child.line());
    last = Number((await child.end('SIGKILL')).at(-1) ?? last);
    const embedded = await openEmbedded({ dataDir });
    const store = openStore(embedded.connection);
    const { rows } = await store.pool.query<{ n: number }>('select n from rows order by n');
    await store.pool.query('truncate rows');
    await store.close();
    await embedded.close();
    const expected = Array.from({ length: rows.length }, (_, i) => i);
    assert.deepEqual(
      rows.map(({ n }) => n),
      expected,
    );
    assert.ok(rows.length > last, `${rows.length} rows, ${last} was the last that was told`);
  }
});

test('a first start that was killed half way leaves nothing in the way of the next, also in a folder with a long name', async () => {
  const long = join(root, 'long'.repeat(40), 'data');
  mkdirSync(join(long, 'pg.new.killed', 'base'), { recursive: true });
  writeFileSync(join(long, 'pg.new.killed', 'PG_VERSION'), '1');
  const embedded = await openEmbedded({ dataDir: long });
  const store = openStore(embedded.connection);
  await store.ping();
  await store.close();
  await embedded.close();
  assert.deepEqual(readdirSync(long), ['pg']);
});

test('a database that cannot be started says why, and gives the directory back', async () => {
  const broken = join(root, 'broken');
  mkdirSync(join(broken, 'pg'), { recursive: true });
  writeFileSync(join(broken, 'pg', 'PG_VERSION'), '9');
  await assert.rejects(openEmbedded({ dataDir: broken }), /did not start/);
  assert.equal(existsSync(join(broken, 'pg.lock')), false);
});
