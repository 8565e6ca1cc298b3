import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryKeyStore } from '../../src/identity/keys-memory.js';
import { pgKeyStore } from '../../src/identity/keys-pg.js';
import { openEmbedded } from '../../src/store/embedded.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore } from '../../src/store/pg.js';
import { keysContract } from '../contract/keys.js';
import { freshDatabase } from '../support/postgres.js';

keysContract('memory', async () => ({ store: memoryKeyStore(), close: async () => {} }));

keysContract('Postgres', async () => {
  const database = await freshDatabase();
  const store = openStore({ url: database.url, max: 4 });
  await migrate(store.pool);
  return {
    store: pgKeyStore(store.db),
    close: async () => {
      await store.close();
      await database.drop();
    },
  };
});

keysContract('the embedded database', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tollgate-keys-'));
  const embedded = await openEmbedded({ dataDir });
  const store = openStore(embedded.connection);
  await migrate(store.pool);
  return {
    store: pgKeyStore(store.db),
    close: async () => {
      await store.close();
      await embedded.close();
      rmSync(dataDir, { recursive: true });
    },
  };
});
