import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { cleanEntry } from '../../src/ledger/clean.js';
import { memoryLedgerStore } from '../../src/ledger/ledger-memory.js';
import { pgLedgerStore } from '../../src/ledger/ledger-pg.js';
import { newId } from '../../src/lib/ids.js';
import { openEmbedded } from '../../src/store/embedded.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore } from '../../src/store/pg.js';
import { ledgerContract } from '../contract/ledger.js';
import { estimatesContract } from '../contract/ledger-estimates.js';
import { oddEntries } from '../support/odd-entries.js';
import { freshDatabase } from '../support/postgres.js';

const openMemory = async () => ({ store: memoryLedgerStore(), close: async () => {} });

ledgerContract('memory', openMemory);
estimatesContract('memory', openMemory);

const openPostgres = async () => {
  const database = await freshDatabase();
  const store = openStore({ url: database.url, max: 4 });
  await migrate(store.pool);
  return {
    store: pgLedgerStore(store),
    close: async () => {
      await store.close();
      await database.drop();
    },
  };
};

ledgerContract('Postgres', openPostgres);
estimatesContract('Postgres', openPostgres);

const openEmbeddedStore = async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tollgate-ledger-'));
  const embedded = await openEmbedded({ dataDir });
  const store = openStore(embedded.connection);
  await migrate(store.pool);
  return {
    store: pgLedgerStore(store),
    close: async () => {
      await store.close();
      await embedded.close();
      rmSync(dataDir, { recursive: true });
    },
  };
};

ledgerContract('the embedded database', openEmbeddedStore);
estimatesContract('the embedded database', openEmbeddedStore);

test('whatever texts entries have, they come back from Postgres as they were', async () => {
  const { store, close } = await openPostgres();
  const written = fc.sample(oddEntries, 500).map(({ corrects, hold, ...one }) => {
    const ids = { id: newId('ent'), ...(corrects !== undefined && { corrects: newId('ent') }), hold: newId('hold') };
    return cleanEntry({ ...one, ...ids, key: 'key_odd' });
  });
  await store.insert(written);
  const found = new Map((await store.page({ key: 'key_odd' }, 1_000, null)).map((one) => [one.id, one]));
  for (const { hold, held_at, limit_model, saved_nusd, ...shown } of written) {
    assert.deepEqual(found.get(shown.id), { ...shown, ...(saved_nusd && { saved_nusd }) });
  }
  await close();
});
