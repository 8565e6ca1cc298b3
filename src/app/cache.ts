/**
 * The part of the composition that keeps answers: the cache with its stores, and the embedding model, which model routing
 * uses too. The model is loaded before the first request where something will ask it, since a request does not wait for it;
 * where it cannot be loaded, prompts are compared by nothing and the log says so.
 */

import { pgAnswerStore, pgCacheSecret, pgPurgeStore } from '../cache/answers-pg.js';
import type { AnswerStore } from '../cache/cache.js';
import { type CacheDeps, type CacheService, openCache } from '../cache/cache-service.js';
import type { PurgeStore } from '../cache/purges.js';
import { createComparer } from '../cache/semantic/counterparts.js';
import {
  counterpartsBy,
  type Embedder,
  folderModel,
  LOCAL_MODEL,
  localEmbedder,
  localVectors,
  similarityEmbedder,
} from '../cache/semantic/embedder.js';
import { localEmbeddings } from '../cache/semantic/local-embeddings.js';
import {
  type AskProvider,
  folderPrompts,
  localPrompts,
  type PromptEmbedder,
  providerPrompts,
} from '../cache/semantic/prompt-embedder.js';
import type { PromptStore } from '../cache/semantic/prompt-store.js';
import { pgPromptStore } from '../cache/semantic/prompts-pg.js';
import { Scopes } from '../cache/semantic/scopes.js';
import { loadSynonyms } from '../cache/semantic/synonyms.js';
import type { VectorIndex } from '../cache/semantic/vector-index.js';
import type { VectorWorker } from '../cache/semantic/vector-worker.js';
import { openPgVectors } from '../cache/semantic/vectors-pg.js';
import type { InForce } from '../catalog/snapshot.js';
import type { Config, FolderModel } from '../config/config.js';
import { networkIn } from '../config/model-folder.js';
import type { Changes } from '../identity/changes.js';
import type { Clock } from '../lib/clock.js';
import type { Embedder as TextsEmbedder } from '../lib/embedder.js';
import { messageOf } from '../lib/thrown.js';
import type { LocalUpstream } from '../provider/provider-type.js';
import type { Connection, Store } from '../store/pg.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';

/** What the embedding process of another process is asked by. */
export type AskVectors = Pick<VectorWorker, 'ask' | 'askIdly'>;

export interface Embedding {
  readonly worker: AskVectors;
  /** What prompts are compared by, where the configuration in force says so: a model from a folder. */
  folderPrompts(model: FolderModel): PromptEmbedder;
  readonly embedder: Embedder;
  /** For conditions of model routing. */
  readonly similarity: TextsEmbedder;
  /** For targets; the model is loaded for the first request, which waits. */
  readonly upstream: LocalUpstream;
}

export interface OwnEmbedding extends Embedding {
  readonly worker: VectorWorker;
  /** Loads what the configuration compares prompts by. Throws where a model in a folder cannot be loaded. */
  warm(config: Config): Promise<void>;
  close(): Promise<void>;
}

export function startEmbedding(log: Log): OwnEmbedding {
  const worker = localVectors((error) => log.warn({ error: messageOf(error) }, 'the embedding process ended'));
  const embedder = localEmbedder(worker, LOCAL_MODEL);
  const folders = folderModels(log);
  return {
    worker,
    embedder,
    similarity: similarityEmbedder(embedder),
    upstream: localEmbeddings(worker),
    folderPrompts: (model) => folders.of(model).prompts,
    async warm({ models, cache: { embedding } }) {
      const wanted = Object.values(models).some(
        ({ cache, route }) => cache?.semantic || route?.some(({ when }) => when?.like),
      );
      const compares = Object.values(models).some(({ cache }) => cache?.semantic);
      if (embedding.type === 'local' && embedding.folder && compares) await folders.load(embedding.folder);
      else await folders.close();
      if (worker.running || !wanted) return;
      await embedder
        .embedIdly('Are you there?')
        .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'the embedding model cannot be loaded'));
    },
    async close() {
      await folders.close();
      await worker.close();
    },
  };
}

/** The one model from a folder that is in use, in a process of its own. */
function folderModels(log: Log) {
  let current: { readonly id: string; readonly worker: VectorWorker; readonly prompts: PromptEmbedder } | undefined;

  function of({ path, pooling, prefix }: FolderModel) {
    const id = JSON.stringify([path, pooling, prefix]);
    if (current?.id === id) return current;
    void current?.worker.close();
    const model = { folder: path, network: networkIn(path) ?? path, pooling, prefix };
    const worker = folderModel(model, (error) =>
      log.warn({ error: messageOf(error), folder: path }, 'the embedding process ended'),
    );
    current = { id, worker, prompts: folderPrompts(worker, model) };
    return current;
  }

  return {
    of,
    async load(model: FolderModel): Promise<void> {
      const { vector } = await of(model).worker.ask({ op: 'embed', text: 'Are you there?' }, FIRST_LOAD_MS);
      log.info({ folder: model.path, dimensions: vector?.length }, 'the embedding model is loaded');
    },
    async close(): Promise<void> {
      await current?.worker.close();
      current = undefined;
    },
  };
}

/** A large model takes its time. */
const FIRST_LOAD_MS = 60_000;

interface StartDeps {
  readonly inForce: () => InForce;
  /** Calls the model that embeds prompts, where that is behind a provider. */
  readonly askProvider: AskProvider;
  /** Of keys and teams. */
  readonly changes: Changes;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly embedding: Embedding;
  readonly ports: CachePorts;
  readonly memoryBytes: number;
  /** Other gateways, or other processes of this one, may use the same database. */
  readonly shared: boolean;
}

/** Where the cache keeps what outlives a process. */
export interface CachePorts {
  readonly store: AnswerStore;
  readonly purgeStore: PurgeStore;
  readonly prompts: PromptStore;
  readonly index: VectorIndex;
  readonly secret: Buffer;
}

interface PortsDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  /** Where the store is. */
  readonly connection: Connection;
  readonly embedding: OwnEmbedding;
}

const errorsTo = (log: Log) => (what: string, error: unknown) => log.warn({ what, error: messageOf(error) }, 'cache');

export async function cachePorts(deps: PortsDeps): Promise<CachePorts> {
  const { config, log, store } = deps;
  const { pool } = store;
  const prompts = pgPromptStore(pool);
  return {
    store: pgAnswerStore(pool),
    purgeStore: pgPurgeStore(pool),
    prompts,
    index: await indexOf(deps, prompts, errorsTo(log)),
    secret: config.cache.secret === null ? await pgCacheSecret(pool) : Buffer.from(config.cache.secret),
  };
}

export async function startCache(deps: StartDeps): Promise<CacheService> {
  const { inForce, clock, log, metrics, embedding, shared, ports, memoryBytes } = deps;
  const cache = await openCache({
    ...ports,
    comparer: createComparer(loadSynonyms(), counterpartsBy(embedding.worker)),
    embedder: embedding.embedder,
    promptEmbedder: promptEmbedderOf(deps),
    clock,
    random: Math.random,
    memoryBytes,
    shared,
    wanted: () =>
      inForce()
        .models.list()
        .some(({ cache }) => cache !== null),
    onResult: (state) => metrics.cacheResult(state),
    onRejection: (why) => metrics.cacheRejection(why),
    onSkip: (why) => metrics.cacheSkip(why),
    onVerdict: (scope, { standing, threshold, labels, precision }) =>
      log.info({ scope: scope.slice(0, 12), standing, threshold, labels, precision }, 'semantic cache'),
    onError: errorsTo(log),
  });
  // A team that is deleted takes its answers with it, in the database: a purge is written there.
  const stop = deps.changes.subscribe(({ kind }) => {
    if (kind !== 'key') void cache.refresh();
  });
  return {
    ...cache,
    close: () => {
      stop();
      return cache.close();
    },
  };
}

async function indexOf(
  { config, clock, store, connection, embedding: { worker } }: PortsDeps,
  prompts: PromptStore,
  onError: CacheDeps['onError'],
): Promise<VectorIndex> {
  if (config.cache.index === 'memory') return new Scopes({ store: prompts, worker, clock }, onError);
  return openPgVectors({ pool: store.pool, connection, clock, onError });
}

/** What the configuration in force says; asked for each prompt. */
function promptEmbedderOf({ inForce, embedding, askProvider }: StartDeps): () => PromptEmbedder {
  const local = localPrompts(embedding.embedder);
  const provider = providerPrompts(askProvider);
  return () => {
    const { embedding: by } = inForce().config.cache;
    if (by.type === 'provider') return provider({ timeoutMs: by.timeout, dimensions: by.dimensions });
    return by.folder ? embedding.folderPrompts(by.folder) : local;
  };
}

/** What a process asks of the embedding process of another one. */
export interface RemoteEmbedding {
  readonly vectors: AskVectors;
  readonly folder: FolderPort;
}

/** Prompts by a model from a folder. */
export interface FolderPort {
  embed(model: FolderModel, text: string): ReturnType<PromptEmbedder['embed']>;
  embedIdly(model: FolderModel, text: string): ReturnType<PromptEmbedder['embedIdly']>;
}

export function embeddingElsewhere({ vectors, folder }: RemoteEmbedding): Embedding {
  const embedder = localEmbedder(vectors, LOCAL_MODEL);
  return {
    worker: vectors,
    embedder,
    similarity: similarityEmbedder(embedder),
    upstream: localEmbeddings(vectors),
    folderPrompts: (model) => ({
      isFree: true,
      embed: (text) => folder.embed(model, text),
      embedIdly: (text) => folder.embedIdly(model, text),
    }),
  };
}
