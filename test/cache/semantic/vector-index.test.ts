/** The index of vectors in this process; that of the database is in `vectors-pg.test.ts`. */
import { after } from 'node:test';
import { memoryAnswerStore } from '../../../src/cache/answers-memory.js';
import { pgAnswerStore } from '../../../src/cache/answers-pg.js';
import { localVectors } from '../../../src/cache/semantic/embedder.js';
import { memoryPromptStore } from '../../../src/cache/semantic/prompt-store.js';
import { pgPromptStore } from '../../../src/cache/semantic/prompts-pg.js';
import { Scopes } from '../../../src/cache/semantic/scopes.js';
import { migrate } from '../../../src/store/migrate.js';
import { openStore } from '../../../src/store/pg.js';
import { vectorIndexContract } from '../../contract/vector-index.js';
import { freshDatabase } from '../../support/postgres.js';

const worker = localVectors(undefined);
after(() => worker.close());

vectorIndexContract('in memory', async () => {
  const answers = memoryAnswerStore();
  return {
    answers,
    prompts: memoryPromptStore(answers),
    index: async (store, clock, onError) => new Scopes({ store, worker, clock }, onError),
    close: async () => {},
  };
});

vectorIndexContract('in memory, of prompts in Postgres', async () => {
  const database = await freshDatabase();
  const store = openStore({ url: database.url });
  await migrate(store.pool);
  return {
    answers: pgAnswerStore(store.pool),
    prompts: pgPromptStore(store.pool),
    index: async (prompts, clock, onError) => new Scopes({ store: prompts, worker, clock }, onError),
    close: async () => {
      await store.close();
      await database.drop();
    },
  };
});
