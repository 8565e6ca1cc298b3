/**
 * Where the nearest prompts of a scope are searched: in a table of this process (`scopes.ts`), or in the database by pgvector
 * (`vectors-pg.ts`). Either follows the prompt store, which is the truth, and may be behind it: whoever asks reads what was
 * found again. The search is exact, and within one scope.
 */
import type { Neighbour } from './vectors.js';

/** A text as the local model embeds it, and its nearest; either is undefined where it could not be told. */
export interface EmbeddedNear {
  readonly vector: Float32Array | undefined;
  readonly neighbours: readonly Neighbour[] | undefined;
}

export interface VectorIndex {
  /**
   * The nearest of a scope, nearest first; undefined where the scope's prompts could not be taken in in time. Throws where it
   * is away, late or has no room for one more question.
   */
  nearest(
    scope: string,
    vector: Float32Array,
    most: number,
    withinMs: number,
  ): Promise<readonly Neighbour[] | undefined>;
  /**
   * The same of a text, which the local model embeds, in one question to its process. Undefined where two are better: the
   * search is done for nothing where the answer is known meanwhile.
   */
  nearestOf?(scope: string, text: string, most: number, withinMs: number): Promise<EmbeddedNear> | undefined;
  /** Takes in what the store has got since; one at a time for a scope. Never throws. */
  refresh(scope: string): Promise<void>;
  /** What the store was found not to have any more. */
  forget(scope: string, ids: readonly string[]): void;
  /** Throws where it cannot be told. */
  size(): Promise<{ readonly vectors: number; readonly bytes: number }>;
  close(): Promise<void>;
}
