/** What is written beside the entries, in their transaction: all of it or none, and once for each entry. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Entry } from '../../src/ledger/entry.js';
import { type InTransaction, pgLedgerStore } from '../../src/ledger/ledger-pg.js';
import { EntryRefused } from '../../src/ledger/ledger-store.js';
import { openEmbedded } from '../../src/store/embedded.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { entry } from '../contract/ledger.js';
import { freshDatabase } from '../support/postgres.js';

interface Opened {
  readonly store: Store;
  close(): Promise<void>;
}

const note: InTransaction = async (client, entries) => {
  await client.query('insert into noted (id) select unnest($1::text[])', [entries.map(({ id }) => id)]);
};

function suite(name: string, open: () => Promise<Opened>): void {
  describe(`steps in the transaction of the ledger: ${name}`, () => {
    let opened: Opened;
    before(async () => {
      opened = await open();
      await migrate(opened.store.pool);
      await opened.store.pool.query('create table noted (id text not null)');
    });
    after(() => opened.close());

    const ids = async (table: 'entries' | 'noted', of: readonly Entry[]): Promise<string[]> => {
      const { rows } = await opened.store.pool.query<{ id: string }>(
        `select id from ${table} where id = any($1) order by id`,
        [of.map(({ id }) => id)],
      );
      return rows.map(({ id }) => id);
    };
    const sorted = (of: readonly Entry[]): string[] => of.map(({ id }) => id).sort();

    test('a step gets the entries that were new, in their order, and no others', async () => {
      const told: string[][] = [];
      const store = pgLedgerStore(opened.store, {
        inTransaction: [async (_, entries) => void told.push(entries.map(({ id }) => id)), note],
      });
      const [a, b, c, d] = [entry(), entry(), entry(), entry()];
      await store.insert([b, a]);
      await store.insert([d, a, c, b]);
      await store.insert([a, b, c, d]);
      assert.deepEqual(told, [
        [b.id, a.id],
        [d.id, c.id],
      ]);
      assert.deepEqual(await ids('noted', [a, b, c, d]), sorted([a, b, c, d]));
    });

    test('an id that stands twice in a batch is told once', async () => {
      const store = pgLedgerStore(opened.store, { inTransaction: [note] });
      const one = entry();
      await store.insert([one, one]);
      assert.deepEqual(await ids('noted', [one]), [one.id]);
    });

    test('where a step fails nothing is written, and the same batch can be written later', async () => {
      let fails = true;
      const store = pgLedgerStore(opened.store, {
        inTransaction: [
          note,
          async (client) => {
            if (fails) await client.query('select 1 / 0');
          },
        ],
      });
      const batch = [entry(), entry()];
      // A fault of a step is no fault of the entries, which must not be given up for it.
      await assert.rejects(store.insert(batch), (error) => !(error instanceof EntryRefused));
      assert.deepEqual([await ids('entries', batch), await ids('noted', batch)], [[], []]);
      fails = false;
      await store.insert(batch);
      assert.deepEqual(await ids('entries', batch), sorted(batch));
      assert.deepEqual(await ids('noted', batch), sorted(batch));
    });

    test('an entry that does not fit is refused as without steps', async () => {
      const store = pgLedgerStore(opened.store, { inTransaction: [note] });
      const batch = [entry(), entry({ attempt: 0.5 })];
      await assert.rejects(store.insert(batch), EntryRefused);
      assert.deepEqual([await ids('entries', batch), await ids('noted', batch)], [[], []]);
    });

    test('the same batch from two gateways at once: each entry is told once', async () => {
      const batch = Array.from({ length: 200 }, () => entry());
      const stores = [1, 2, 3, 4].map(() => pgLedgerStore(opened.store, { inTransaction: [note] }));
      await Promise.all(stores.map((store) => store.insert(batch)));
      assert.deepEqual(await ids('noted', batch), sorted(batch));
    });
  });
}

suite('Postgres', async () => {
  const database = await freshDatabase();
  const store = openStore({ url: database.url, max: 4 });
  return {
    store,
    close: async () => {
      await store.close();
      await database.drop();
    },
  };
});

suite('the embedded database', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tollgate-steps-'));
  const embedded = await openEmbedded({ dataDir });
  const store = openStore(embedded.connection);
  return {
    store,
    close: async () => {
      await store.close();
      await embedded.close();
      rmSync(dataDir, { recursive: true });
    },
  };
});

test('a connection that breaks between two steps fails the batch, not the process', async () => {
  const database = await freshDatabase();
  const store = openStore({ url: database.url, max: 2 });
  await migrate(store.pool);
  let broken = 0;
  const ledger = pgLedgerStore(store, {
    inTransaction: [
      async (client) => {
        if (broken++ > 0) return;
        const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
        const ended = new Promise((resolve) => client.once('end', resolve));
        await store.pool.query('select pg_terminate_backend($1)', [rows[0]!.pid]);
        await ended;
      },
      async (client) => void (await client.query('select 1')),
    ],
  });
  const one = entry();
  await assert.rejects(ledger.insert([one]));
  assert.deepEqual(await ledger.page({}, 10, null), []);
  await ledger.insert([one]);
  assert.equal((await ledger.page({}, 10, null)).length, 1);
  await store.close();
  await database.drop();
});
