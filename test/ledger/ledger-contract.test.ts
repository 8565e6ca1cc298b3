import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryLedgerStore } from '../../src/ledger/ledger-memory.js';
import { pgLedgerStore } from '../../src/ledger/ledger-pg.js';
import { openEmbedded } from '../../src/store/embedded.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore } from '../../src/store/pg.js';
import { ledgerContract } from '../contract/ledger.js';
import { freshDatabase } from '../support/postgres.js';

ledgerContract('memory', async () => ({ store: memoryLedgerStore(), close: async () => {} }));

ledgerContract('Postgres', async () => {
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
});

ledgerContract('the embedded database', async () => {
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
});
