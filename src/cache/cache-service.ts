/**
 * The cache as a whole: its tiers joined, its clockwork, and what the admin API asks of it. In the background purges are read
 * again (replicas share them) and what expired or was purged is deleted; a store that is away is tried again at the next
 * turn.
 */
import type { Clock } from '../lib/clock.js';
import { Answers } from './answers.js';
import type { AnswerStore, CacheState, PurgeKind } from './cache.js';
import { type PurgeStore, Purges } from './purges.js';
import { createRecall, type Recall } from './recall.js';
import { createScope } from './scope.js';
import { createSeal, sealedAnswers } from './seal.js';
import type { Skip } from './semantic/asked-prompt.js';
import { type Verdict, wilson } from './semantic/calibration.js';
import type { Comparer } from './semantic/counterparts.js';
import type { Rejection } from './semantic/decide.js';
import type { Embedder } from './semantic/embedder.js';
import type { PromptEmbedder } from './semantic/prompt-embedder.js';
import type { PromptStore } from './semantic/prompt-store.js';
import { createSemanticTier } from './semantic/semantic-tier.js';
import type { VectorIndex } from './semantic/vector-index.js';

export interface CacheDeps {
  readonly store: AnswerStore;
  readonly purgeStore: PurgeStore;
  readonly secret: Buffer;
  readonly clock: Clock;
  readonly memoryBytes: number;
  /** Replicas may share the stores. */
  readonly shared: boolean;
  /** Whether anything is cached at all; asked again and again, since the configuration may change. */
  readonly wanted: () => boolean;
  readonly prompts: PromptStore;
  /** Where vectors are compared; closed with the cache. */
  readonly index: VectorIndex;
  /** Says what speaks against a candidate. */
  readonly comparer: Comparer;
  /** What prompts are compared by now; the configuration may change it. */
  readonly promptEmbedder: () => PromptEmbedder;
  /** What answers are compared by. */
  readonly embedder: Embedder;
  readonly random: () => number;
  readonly onRejection: (why: Rejection) => void;
  readonly onSkip: (why: Skip) => void;
  readonly onVerdict: (scope: string, verdict: Verdict) => void;
  readonly onResult: (state: CacheState) => void;
  readonly onError: (what: string, error: unknown) => void;
}

export interface CacheStats {
  readonly memory: { readonly entries: number; readonly bytes: number };
  readonly queued: number;
  readonly waiting: number;
  readonly results: Readonly<Record<CacheState, number>>;
  readonly semantic: {
    readonly rejections: Readonly<Record<string, number>>;
    readonly skipped: Readonly<Record<string, number>>;
    readonly learning: number;
    readonly vectors: number;
    readonly vector_bytes: number;
    /** Verified mode, over the scopes that were asked for lately. */
    readonly verified: {
      readonly scopes: number;
      readonly certified: number;
      readonly learning: number;
      readonly off: number;
      readonly labels: number;
      readonly precision: number | null;
      readonly interval: readonly [low: number, high: number];
    };
  };
  readonly purges: number;
}

export interface CacheService {
  readonly recall: Recall;
  stats(): Promise<CacheStats>;
  /** How many kept answers a purge would make invalid. */
  covered(kind: PurgeKind, name: string): Promise<number>;
  /** Everything of what is named is invalid when this resolves. */
  purge(kind: PurgeKind, name: string): Promise<void>;
  /** Purges may have been made by others than this service: they are read before this resolves, if the store answers. */
  refresh(): Promise<void>;
  /** True where there was such an entry. */
  removeEntry(id: string): Promise<boolean>;
  /** Writes what waits, and stops. */
  close(): Promise<void>;
}

const REFRESH_MS = 500;
const SWEEP_MS = 60_000;
/** What was seen a quarter of a year ago says nothing about today. */
const OBSERVATIONS_MS = 90 * 86_400_000;
const SWEEP_AT_ONCE = 1_000;

export async function openCache(deps: CacheDeps): Promise<CacheService> {
  const { clock, onError } = deps;
  const seal = createSeal(deps.secret);
  const purges = new Purges(deps.purgeStore, clock, deps.shared);
  const store = sealedAnswers(deps.store, seal);
  const answers = new Answers({ store, purges, clock, memoryBytes: deps.memoryBytes, onError });
  const results: Record<CacheState, number> = { hit: 0, semantic: 0, miss: 0, off: 0 };
  const rejections: Record<string, number> = {};
  const skipped: Record<string, number> = {};
  const scope = createScope(deps.secret);
  const semantic = createSemanticTier({
    ...deps,
    store: deps.prompts,
    scope,
    seal,
    purges,
    answer: async (key, directives) => answers.local(key, directives) ?? answers.remote(key, directives),
    stored: () => answers.flush(),
    onRejection: (why) => {
      rejections[why] = (rejections[why] ?? 0) + 1;
      deps.onRejection(why);
    },
    onSkip: (why) => {
      skipped[why] = (skipped[why] ?? 0) + 1;
      deps.onSkip(why);
    },
  });
  const recall = createRecall({
    clock,
    answers,
    purges,
    scope,
    semantic,
    onResult: (state) => {
      results[state] += 1;
      deps.onResult(state);
    },
    onFault: (error) => onError('recall', error),
  });

  const refresh = () => purges.refresh().catch((error: unknown) => onError('purges', error));
  const sweep = async (): Promise<void> => {
    answers.dropInvalid();
    semantic.sweep();
    try {
      while ((await store.sweep(clock.now(), purges.list(), SWEEP_AT_ONCE)) === SWEEP_AT_ONCE);
    } catch (error) {
      onError('sweep', error);
    }
    await deps.prompts.sweep(clock.now() - OBSERVATIONS_MS).catch((error: unknown) => onError('sweep', error));
  };
  await refresh();
  // One at a time: a store that is slow gets no pile of questions.
  const background = [
    every(REFRESH_MS, async () => {
      if (deps.wanted() && (deps.shared || !purges.current)) await refresh();
    }),
    every(SWEEP_MS, sweep),
  ];

  return {
    recall,
    stats: async () => ({
      memory: { entries: answers.entries, bytes: answers.bytes },
      queued: answers.queued,
      waiting: recall.waiting(),
      results: { ...results },
      semantic: {
        rejections: { ...rejections },
        skipped: { ...skipped },
        learning: semantic.learning,
        ...(await sizeOf(deps.index)),
        verified: summaryOf(semantic.verdicts()),
      },
      purges: purges.newest,
    }),
    async covered(kind, name) {
      await answers.flush();
      return store.count(kind, name, clock.now(), purges.list());
    },
    async purge(kind, name) {
      await purges.add(kind, name);
      void sweep();
    },
    async refresh() {
      await refresh();
      answers.dropInvalid();
      semantic.sweep();
    },
    async removeEntry(id) {
      const found = await answers.remove(id);
      // Other replicas may have it in memory.
      if (found) await purges.add('entry', id);
      return found;
    },
    async close() {
      for (const stop of background) stop();
      await semantic.settled();
      await answers.close();
      await deps.index.close();
    },
  };
}

async function sizeOf(index: VectorIndex): Promise<{ vectors: number; vector_bytes: number }> {
  const { vectors, bytes } = await index.size().catch(() => ({ vectors: 0, bytes: 0 }));
  return { vectors, vector_bytes: bytes };
}

function summaryOf(verdicts: readonly Verdict[]): CacheStats['semantic']['verified'] {
  const standing = (of: Verdict['standing']): number => verdicts.filter((one) => one.standing === of).length;
  const labels = verdicts.reduce((sum, one) => sum + one.labels, 0);
  const right = verdicts.reduce((sum, one) => sum + one.labels * (one.precision ?? 0), 0);
  const precision = labels > 0 ? right / labels : null;
  return {
    scopes: verdicts.length,
    certified: standing('certified'),
    learning: standing('learning'),
    off: standing('off'),
    labels: Math.round(labels),
    precision,
    interval: wilson(precision ?? 0, labels, 1.96),
  };
}

/** Runs `work` again and again with a pause between; answers how to stop. */
function every(pauseMs: number, work: () => Promise<void>): () => void {
  let timer: NodeJS.Timeout;
  let stopped = false;
  const next = (): void => {
    timer = setTimeout(async () => {
      await work();
      if (!stopped) next();
    }, pauseMs).unref();
  };
  next();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
