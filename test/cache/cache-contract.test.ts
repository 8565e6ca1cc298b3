import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryAnswerStore, memoryPurgeStore } from '../../src/cache/answers-memory.js';
import { pgAnswerStore, pgPurgeStore } from '../../src/cache/answers-pg.js';
import { memoryPromptStore } from '../../src/cache/semantic/prompt-store.js';
import { pgPromptStore } from '../../src/cache/semantic/prompts-pg.js';
import { openEmbedded } from '../../src/store/embedded.js';
import { migrate } from '../../src/store/migrate.js';
import { openStore, type Store } from '../../src/store/pg.js';
import { cacheContract } from '../contract/cache.js';
import { freshDatabase } from '../support/postgres.js';

const storesOf = ({ pool }: Store) => ({
  answers: pgAnswerStore(pool),
  purges: pgPurgeStore(pool),
  prompts: pgPromptStore(pool),
});

cacheContract('memory', async () => {
  const answers = memoryAnswerStore();
  return { answers, purges: memoryPurgeStore(), prompts: memoryPromptStore(answers), close: async () => {} };
});

cacheContract('Postgres', async () => {
  const database = await freshDatabase();
  const store = openStore({ url: database.url, max: 4 });
  await migrate(store.pool);
  return {
    ...storesOf(store),
    close: async () => {
      await store.close();
      await database.drop();
    },
  };
});

cacheContract('the embedded database', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tollgate-cache-'));
  const embedded = await openEmbedded({ dataDir });
  const store = openStore(embedded.connection);
  await migrate(store.pool);
  return {
    ...storesOf(store),
    close: async () => {
      await store.close();
      await embedded.close();
      rmSync(dataDir, { recursive: true });
    },
  };
});
