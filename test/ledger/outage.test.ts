/** The ledger with a real Postgres that goes away, crashes, or is given what it cannot hold. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { noUsage } from '../../src/formats/usage.js';
import type { Entry } from '../../src/ledger/entry.js';
import { createLedger } from '../../src/ledger/ledger.js';
import { pgLedgerStore } from '../../src/ledger/ledger-pg.js';
import { systemClock } from '../../src/lib/clock.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { entry } from '../contract/ledger.js';
import { cutProxy } from '../store/cut-proxy.js';
import { type FreshDatabase, findPostgresBin, freshDatabase, startPostgres } from '../support/postgres.js';

let database: FreshDatabase;
let direct: Store;
before(async () => {
  database = await freshDatabase();
  direct = openStore({ url: database.url });
  await migrate(direct.pool);
});
after(async () => {
  await direct.close();
  await database.drop();
});

/** A ledger whose pauses are a twentieth of real ones, and a promise for each time that its store is found away. */
function ledgerOn(store: Store) {
  const errors: { fields: object; message: string }[] = [];
  let tellAway = () => {};
  const ledger = createLedger({
    store: pgLedgerStore(store),
    clock: systemClock,
    batchMax: 20,
    after: (ms, run) => {
      const timer = setTimeout(run, ms / 20);
      return () => clearTimeout(timer);
    },
    log: {
      info: () => {},
      error: (fields, message) => {
        errors.push({ fields, message });
        if (message.startsWith('the ledger cannot be written')) tellAway();
      },
    },
  });
  const nextAway = () =>
    new Promise<void>((resolve) => {
      tellAway = resolve;
    });
  return { ledger, errors, nextAway };
}

/** What was written for the key, in the order of the transactions that wrote it; ids grow in the order of appending. */
async function written(store: Store, key: string): Promise<string[]> {
  const { rows } = await store.pool.query<{ id: string }>(
    'select id from entries where key_id = $1 order by xmin::text::bigint, id',
    [key],
  );
  return rows.map(({ id }) => id);
}

test('a line to the database that is cut again and again loses nothing, and keeps the order', async () => {
  const proxy = await cutProxy(database.url);
  const store = openStore({ url: proxy.url, onIdleError: () => {} });
  const { ledger, nextAway } = ledgerOn(store);
  const appended: string[] = [];
  const append = (count: number) => {
    for (let i = 0; i < count; i++) {
      const one = entry({ key: 'cut' });
      appended.push(one.id);
      ledger.append(one);
    }
  };
  for (let round = 0; round < 5; round++) {
    append(47);
    const away = nextAway();
    proxy.cut();
    append(47);
    await away;
    append(7);
    proxy.mend();
    await ledger.flush();
  }
  assert.deepEqual(await written(direct, 'cut'), appended);
  assert.equal(ledger.lost, 0);
  await ledger.close();
  await store.close();
  await proxy.close();
});

const skip = findPostgresBin() ? false : 'no PostgreSQL binaries to start a private server from';
test('a database that crashes and comes back has every entry once', { skip }, async () => {
  const server = await startPostgres();
  const store = openStore({ url: server.url, onIdleError: () => {} });
  await migrate(store.pool);
  const { ledger, nextAway } = ledgerOn(store);
  const appended: string[] = [];
  const append = (count: number) => {
    for (let i = 0; i < count; i++) {
      const one = entry({ key: 'crash' });
      appended.push(one.id);
      ledger.append(one);
    }
  };
  append(90);
  await ledger.flush();
  for (let round = 0; round < 2; round++) {
    const away = nextAway();
    append(90);
    await server.crash();
    append(90);
    await away;
    await server.resume();
    append(9);
    await ledger.flush();
  }
  assert.deepEqual(await written(store, 'crash'), appended);
  assert.equal(ledger.lost, 0);
  await ledger.close();
  await store.close();
  await server.stop();
});

test('closing while the database is away ends in time', async () => {
  const proxy = await cutProxy(database.url);
  const store = openStore({ url: proxy.url, onIdleError: () => {} });
  const { ledger } = ledgerOn(store);
  proxy.cut();
  ledger.append(entry());
  await ledger.close();
  assert.equal(ledger.lost, 1);
  await store.close();
  await proxy.close();
});

test('whatever a caller sends as user, tag or metadata is written, and spoils nothing beside it', async () => {
  const { ledger, errors } = ledgerOn(direct);
  const hostile = [
    '\0',
    'a\0b',
    '\ud800',
    'x\udc00y',
    '\u{10ffff}',
    "'; drop table entries; --",
    '{"a":1}',
    '\\',
    '\\u0000',
    '"',
    '{}',
    '$1',
    'NULL',
    '',
    '\x01\x1f\x7f',
    '\ufeff',
    '🐈'.repeat(300),
    '日'.repeat(5_000),
  ];
  const texts = (text: string): Partial<Entry> => ({
    user: text,
    tags: [text, text],
    request_id: text,
    model: text,
    served_model: text,
    error: text,
  });
  const entries = hostile.flatMap((text) => [
    entry({ key: 'hostile' }),
    entry({ key: 'hostile', ...texts(text), metadata: { [text]: text, deep: [[text]] } }),
  ]);
  for (const one of entries) ledger.append(one);
  await ledger.flush();
  assert.deepEqual(errors, []);
  assert.deepEqual(
    await written(direct, 'hostile'),
    entries.map(({ id }) => id),
  );
  for (const text of hostile) {
    const found = await ledger.query({ key: 'hostile', user: text, tag: text, request_id: text }, { limit: 100 });
    assert.ok(found.ok && found.value.entries.length > 0, JSON.stringify(text).slice(0, 50));
  }
  await ledger.close();
});

test('an entry that Postgres can never take is left out and named, and those around it are written in order', async () => {
  const { ledger, errors } = ledgerOn(direct);
  const bad: Partial<Entry>[] = [
    { tokens: { ...noUsage(), input: Number.NaN } },
    { tokens: { ...noUsage(), output: 0.5 } },
    { cost_nusd: { input: 0, cache_read: 0, cache_write: 0, output: 0, total: 1e30 } },
    { status: 2 ** 40 },
    { at: Number.NaN },
    { at: 1e17 },
  ];
  const entries = Array.from({ length: 100 }, (_, i) => entry({ key: 'poison', at: Date.now() + i }));
  for (const [i, given] of bad.entries())
    entries.splice(i * 15 + 3, 0, entry({ key: 'poison', id: `bad_${i}`, ...given }));
  for (const one of entries) ledger.append(one);
  await ledger.flush();
  assert.deepEqual(
    await written(direct, 'poison'),
    entries.map(({ id }) => id).filter((id) => !id.startsWith('bad')),
  );
  assert.equal(ledger.lost, bad.length);
  assert.deepEqual(
    errors.map(({ fields }) => (fields as { entry: Entry }).entry.id),
    bad.map((_, i) => `bad_${i}`),
  );
  await ledger.close();
});
