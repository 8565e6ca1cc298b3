/**
 * The cache as a whole: its tiers joined, its clockwork, and what the admin API asks of it. In the background purges are read
 * again (replicas share them) and what expired or was purged is deleted; a store that is away is tried again at the next
 * turn.
 */
import type { Clock } from '../lib/clock.js';
import { Answers } from './answers.js';
import type { AnswerStore, CacheState, PurgeKind } from './cache.js';
import { type PurgeStore, Purges } from './purges.js';
import { createRecall, type Recall, type SemanticTier } from './recall.js';
import { createScope } from './scope.js';
import { createSeal, sealedAnswers } from './seal.js';

export interface CacheParts {
  readonly store: AnswerStore;
  readonly purgeStore: PurgeStore;
  readonly secret: Buffer;
  readonly clock: Clock;
  readonly memoryBytes: number;
  /** Replicas may share the stores. */
  readonly shared: boolean;
  /** Whether anything is cached at all; asked again and again, since the configuration may change. */
  readonly wanted: () => boolean;
  readonly semantic?: SemanticTier;
  readonly onResult: (state: CacheState) => void;
  readonly onError: (what: string, error: unknown) => void;
}

export interface CacheStats {
  readonly memory: { readonly entries: number; readonly bytes: number };
  readonly queued: number;
  readonly waiting: number;
  readonly results: Readonly<Record<CacheState, number>>;
  readonly purges: number;
}

export interface CacheService {
  readonly recall: Recall;
  stats(): CacheStats;
  /** Everything of what is named is invalid when this resolves; answers the purge's number. */
  purge(kind: PurgeKind, name: string): Promise<number>;
  /** True where there was such an entry. */
  removeEntry(id: string): Promise<boolean>;
  /** Writes what waits, and stops. */
  close(): Promise<void>;
}

const REFRESH_MS = 500;
const SWEEP_MS = 60_000;
const SWEEP_AT_ONCE = 1_000;

export async function openCache(parts: CacheParts): Promise<CacheService> {
  const { clock, onError } = parts;
  const seal = createSeal(parts.secret);
  const purges = new Purges(parts.purgeStore, clock, parts.shared);
  const store = sealedAnswers(parts.store, seal);
  const answers = new Answers({ store, purges, clock, memoryBytes: parts.memoryBytes, onError });
  const results: Record<CacheState, number> = { hit: 0, semantic: 0, miss: 0, off: 0 };
  const recall = createRecall({
    clock,
    answers,
    purges,
    scope: createScope(parts.secret),
    semantic: parts.semantic,
    onResult: (state) => {
      results[state] += 1;
      parts.onResult(state);
    },
    onFault: (error) => onError('recall', error),
  });

  const refresh = () => purges.refresh().catch((error: unknown) => onError('purges', error));
  const sweep = async (): Promise<void> => {
    answers.dropInvalid();
    try {
      while ((await store.sweep(clock.now(), purges.list(), SWEEP_AT_ONCE)) === SWEEP_AT_ONCE);
    } catch (error) {
      onError('sweep', error);
    }
  };
  await refresh();
  // One at a time: a store that is slow gets no pile of questions.
  const background = [
    every(REFRESH_MS, async () => {
      if (parts.wanted() && (parts.shared || !purges.current)) await refresh();
    }),
    every(SWEEP_MS, sweep),
  ];

  return {
    recall,
    stats: () => ({
      memory: { entries: answers.entries, bytes: answers.bytes },
      queued: answers.queued,
      waiting: recall.waiting(),
      results: { ...results },
      purges: purges.newest,
    }),
    async purge(kind, name) {
      const { seq } = await purges.add(kind, name);
      void sweep();
      return seq;
    },
    removeEntry: (id) => answers.remove(id),
    async close() {
      for (const stop of background) stop();
      await answers.close();
    },
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
