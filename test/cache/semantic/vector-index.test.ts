/** The index of vectors in this process; that of the database is in `vectors-pg.test.ts`. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { memoryAnswerStore } from '../../../src/cache/answers-memory.js';
import { pgAnswerStore } from '../../../src/cache/answers-pg.js';
import { localVectors } from '../../../src/cache/semantic/embedder.js';
import { memoryPromptStore } from '../../../src/cache/semantic/prompt-store.js';
import { pgPromptStore } from '../../../src/cache/semantic/prompts-pg.js';
import { Scopes } from '../../../src/cache/semantic/scopes.js';
import { migrate } from '../../../src/store/migrate.js';
import { openStore } from '../../../src/store/pg.js';
import { vectorIndexContract } from '../../contract/vector-index.js';
import { ManualClock } from '../../support/clock.js';
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

test('a text is embedded and its nearest are found in one question, where the scope is there and not large', async () => {
  const prompts = memoryPromptStore(memoryAnswerStore());
  const { vector } = await worker.ask({ op: 'embed', text: 'How do I reset my password?' }, 30_000);
  const rows = Array.from({ length: 10_001 }, (_, i) => ({ seq: i + 1, key: `key ${i}`, vector: vector! }));
  const page = async (scope: string, after: number, most: number) =>
    (scope === 'large' ? rows : rows.slice(0, 3)).slice(after, after + most);
  const index = new Scopes({ store: { ...prompts, page }, worker, clock: new ManualClock() }, () => {});
  const ask = (scope: string) => index.nearestOf(scope, 'How do I reset my password?', 2, 30_000);
  const first = (await ask('small'))!;
  assert.deepEqual([first.vector, first.neighbours], [vector, undefined], 'it is not loaded');
  await index.refresh('small');
  const { neighbours } = (await ask('small'))!;
  assert.equal(neighbours!.length, 2);
  assert.ok(neighbours!.every(({ similarity }) => similarity > 0.999));
  assert.equal((await index.nearestOf('small', 'word '.repeat(300), 2, 30_000))!.vector, undefined, 'too long');
  await index.refresh('large');
  assert.equal(ask('large'), undefined);
});
