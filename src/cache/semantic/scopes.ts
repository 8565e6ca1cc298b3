/**
 * Which scopes are in the table of vectors, and how they got there. A scope is read from the store when it is first asked
 * for, in pages, between which other work goes on; the question that brought it waits a moment and else is a miss. What
 * other replicas add is read at most once a second, after a question. A worker that was started anew has an empty table and
 * says so.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../lib/clock.js';
import { after } from '../../lib/within.js';
import type { PromptStore } from './prompt-store.js';
import type { EmbeddedNear, VectorIndex } from './vector-index.js';
import type { VectorWorker } from './vector-worker.js';
import type { Neighbour } from './vectors.js';

const PAGE = 200;
const REFRESH_MS = 1_000;
const LOAD_TURN_MS = 5_000;
const SIZE_MS = 1_000;
const MOST_SCOPES = 50_000;
/** In more vectors than that a search takes milliseconds. */
const LARGE_SCOPE = 10_000;

interface LoadedScope {
  lastSeq: number;
  /** Vectors that were read. */
  many: number;
  readAt: number;
  reading: Promise<void> | undefined;
}

export class Scopes implements VectorIndex {
  readonly #deps: { readonly store: PromptStore; readonly worker: VectorWorker; readonly clock: Clock };
  readonly #onError: (what: string, error: unknown) => void;
  readonly #loaded = new LRUCache<string, LoadedScope>({ max: MOST_SCOPES });

  constructor(
    deps: { readonly store: PromptStore; readonly worker: VectorWorker; readonly clock: Clock },
    onError: (what: string, error: unknown) => void,
  ) {
    this.#deps = deps;
    this.#onError = onError;
  }

  async nearest(
    scope: string,
    vector: Float32Array,
    most: number,
    withinMs: number,
  ): Promise<readonly Neighbour[] | undefined> {
    const { worker } = this.#deps;
    const first = await worker.ask({ op: 'search', scope, vector, most }, withinMs);
    if (!first.unknown) {
      this.#refreshSoon(scope);
      return first.neighbours;
    }
    this.#loaded.delete(scope);
    const loaded = await Promise.race([this.refresh(scope).then(() => true), after(withinMs)]);
    if (!loaded) return undefined;
    return (await worker.ask({ op: 'search', scope, vector, most }, withinMs)).neighbours;
  }

  nearestOf(scope: string, text: string, most: number, withinMs: number): Promise<EmbeddedNear> | undefined {
    if (this.#of(scope).many > LARGE_SCOPE) return undefined;
    return this.#deps.worker
      .ask({ op: 'search', scope, text, most }, withinMs)
      .then(({ vector, unknown, neighbours }) => {
        if (!unknown) this.#refreshSoon(scope);
        return { vector, neighbours: unknown ? undefined : neighbours };
      });
  }

  refresh(scope: string): Promise<void> {
    const loaded = this.#of(scope);
    loaded.reading ??= this.#read(scope, loaded)
      .catch((error: unknown) => this.#onError('vectors', error))
      .finally(() => {
        loaded.reading = undefined;
      });
    return loaded.reading;
  }

  forget(scope: string, ids: readonly string[]): void {
    this.#deps.worker.ask({ op: 'remove', scope, ids }, LOAD_TURN_MS).catch(() => {});
  }

  async size(): Promise<{ vectors: number; bytes: number }> {
    const { worker } = this.#deps;
    const { vectors = 0, bytes = 0 } = worker.running ? await worker.ask({ op: 'size' }, SIZE_MS) : {};
    return { vectors, bytes };
  }

  /** The thread is not its own. */
  async close(): Promise<void> {}

  #refreshSoon(scope: string): void {
    if (this.#deps.clock.monotonic() - this.#of(scope).readAt > REFRESH_MS) void this.refresh(scope);
  }

  async #read(scope: string, loaded: LoadedScope): Promise<void> {
    const { store, worker, clock } = this.#deps;
    loaded.readAt = clock.monotonic();
    for (;;) {
      const rows = await store.page(scope, loaded.lastSeq, PAGE);
      const opens = loaded.lastSeq === 0;
      if (rows.length > 0 || opens) {
        const vectors = rows.map(({ key, vector }) => ({ id: key, vector }));
        await worker.ask({ op: 'add', scope, rows: vectors, opens }, LOAD_TURN_MS);
        loaded.many += rows.length;
      }
      if (rows.length > 0) loaded.lastSeq = rows.at(-1)!.seq;
      else if (opens) loaded.lastSeq = -1; // loaded to be empty: the next reading begins at the start, but opens nothing
      if (rows.length < PAGE) return;
    }
  }

  #of(scope: string): LoadedScope {
    let loaded = this.#loaded.get(scope);
    if (!loaded) {
      loaded = { lastSeq: 0, many: 0, readAt: Number.NEGATIVE_INFINITY, reading: undefined };
      this.#loaded.set(scope, loaded);
    }
    return loaded;
  }
}
