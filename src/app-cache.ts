/** The part of the composition that keeps answers: the stores of the cache, the thread that compares prompts. */
import { pgAnswerStore, pgCacheSecret, pgPurgeStore } from './cache/answers-pg.js';
import { openCache } from './cache/cache-service.js';
import { LOCAL_MODEL, likenessOf, localEmbedder, localVectors } from './cache/semantic/embedder.js';
import { pgPromptStore } from './cache/semantic/prompts-pg.js';
import type { Config } from './config/config.js';
import type { Models } from './gateway/model.js';
import type { Clock } from './lib/clock.js';
import { wordsOf } from './protocol/openai-chat-replay.js';
import type { Store } from './store/pg.js';
import type { Log } from './telemetry/log.js';
import type { Metrics } from './telemetry/metrics.js';

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The local embedding model. Its thread begins with the first text. */
export function startLikeness(log: Log) {
  const worker = localVectors((error) => log.warn({ error: error?.message }, 'the embedding thread ended'));
  const local = localEmbedder(worker, LOCAL_MODEL);
  return { worker, local, embedder: likenessOf(local) };
}

interface Parts {
  readonly config: Config;
  readonly models: () => Models;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly embedded: boolean;
  readonly likeness: ReturnType<typeof startLikeness>;
}

export async function startCache({ config, models, clock, log, metrics, store, embedded, likeness }: Parts) {
  const { worker, local: embedder } = likeness;
  const service = await openCache({
    store: pgAnswerStore(store.pool),
    prompts: pgPromptStore(store.pool),
    ...{ worker, embedder, clock },
    random: Math.random,
    textOf: wordsOf,
    purgeStore: pgPurgeStore(store.pool),
    secret: config.cache.secret === null ? await pgCacheSecret(store.pool) : Buffer.from(config.cache.secret),
    memoryBytes: config.cache.memory,
    shared: !embedded,
    wanted: () =>
      models()
        .list()
        .some(({ cache }) => cache !== null),
    onResult: (state) => metrics.cacheResult(state),
    onRejection: (why) => metrics.cacheRejection(why),
    onSkip: (why) => metrics.cacheSkip(why),
    onVerdict: (scope, { standing, threshold, labels, precision }) =>
      log.info({ scope: scope.slice(0, 12), standing, threshold, labels, precision }, 'semantic cache'),
    onError: (what, error) => log.warn({ what, error: said(error) }, 'cache'),
  });
  return {
    service,
    /** Loads the model where prompts are compared: the first request would not wait for it. */
    async warm(): Promise<void> {
      const compares = models()
        .list()
        .some(({ cache }) => cache?.semantic);
      if (compares)
        await embedder
          .embedIdly('Are you there?')
          .catch((error) => log.warn({ error: said(error) }, 'the embedding model'));
    },
    async close(): Promise<void> {
      await service.close();
      await worker.close();
    },
  };
}
