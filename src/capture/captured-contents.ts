/**
 * What was captured: read, exported, deleted, and removed when its time is over. The time that it is kept is that of the
 * configuration in force, also for what was captured before.
 */
import type { Clock } from '../lib/clock.js';
import type { Seal } from '../lib/seal.js';
import { closed, opened } from '../lib/sealed-json.js';
import type {
  Captured,
  CapturedFacts,
  CapturedRow,
  Content,
  ContentFilter,
  ContentPlace,
  ContentStore,
  Deletion,
} from './captured.js';

export interface CapturedContentsDeps {
  readonly store: ContentStore;
  readonly seal: Seal;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly retentionMs: () => number;
}

const MOST_ERASED = 500;
/** Each may be megabytes. */
const PAGE_ROWS = 16;
/** Who writes at the moment of a deletion is done by then. */
const SETTLED_MS = 60_000;
const FORGOTTEN_MS = 86_400_000;

export class CapturedContents {
  readonly #deps: CapturedContentsDeps;

  constructor(deps: CapturedContentsDeps) {
    this.#deps = deps;
  }

  /** `teams`: of these alone; null: of all. */
  async find(entry: string, teams: readonly string[] | null): Promise<Captured | undefined> {
    const row = await this.#deps.store.get(entry, teams, this.#sinceMs);
    return row && this.#opened(row);
  }

  /** The oldest first, a few in memory at a time. */
  async *all(filter: ContentFilter): AsyncGenerator<Captured, void> {
    let after: ContentPlace | null = null;
    for (;;) {
      const fromMs = Math.max(filter.fromMs ?? 0, this.#sinceMs + 1);
      const rows: readonly CapturedRow[] = await this.#deps.store.page({ ...filter, fromMs }, after, PAGE_ROWS);
      for (const row of rows) yield await this.#opened(row);
      const last = rows.at(-1);
      if (!last || rows.length < PAGE_ROWS) return;
      after = last;
    }
  }

  /** Answers how many there were. They are gone for whoever reads once this began, whatever becomes of it. */
  async remove(deletions: readonly Deletion[]): Promise<number> {
    const { store, clock } = this.#deps;
    const untilMs = clock.now();
    await store.mark(deletions, untilMs);
    let removed = 0;
    for (const deletion of deletions) removed += await this.#erased({ deletion, untilMs });
    return removed;
  }

  /** Removes what is over, what was deleted and is still there, and deletions that are long done. */
  async sweep(): Promise<void> {
    const { store, clock } = this.#deps;
    while ((await store.sweep(this.#sinceMs, MOST_ERASED)) === MOST_ERASED);
    for (const marked of await store.pending()) {
      await this.#erased(marked);
      if (marked.untilMs < clock.now() - SETTLED_MS) await store.done(marked.id);
    }
    await store.forget(clock.now() - FORGOTTEN_MS);
  }

  async #erased(marked: { readonly deletion: Deletion; readonly untilMs: number }): Promise<number> {
    let removed = 0;
    for (;;) {
      const gone = await this.#deps.store.erase(marked, MOST_ERASED);
      removed += gone;
      if (gone < MOST_ERASED) return removed;
    }
  }

  get #sinceMs(): number {
    return this.#deps.clock.now() - this.#deps.retentionMs();
  }

  async #opened({ body, ...facts }: CapturedRow): Promise<Captured> {
    const content = (await opened(this.#deps.seal, body, placeOf(facts))) as Content | undefined;
    return { ...facts, content: content ?? null };
  }
}

/** Its JSON as it is written. */
export const sealedContent = (seal: Seal, facts: CapturedFacts, json: string): Promise<Buffer> =>
  closed(seal, json, placeOf(facts));

const placeOf = ({ key, entry }: Pick<CapturedFacts, 'key' | 'entry'>): string => `${key} ${entry}`;
