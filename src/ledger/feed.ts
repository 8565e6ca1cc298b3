/** Entries in the order in which they were committed: what a tail of the ledger reads. `feed-pg.ts` is the real one. */
import type { Entry } from './entry.js';

export interface Fed {
  readonly entries: readonly { readonly tx: bigint; readonly entry: Entry }[];
  /** The oldest transaction that may still be running: where to read on. */
  readonly next: bigint;
  /** There was more than was read. */
  readonly more: boolean;
}

export interface EntryFeed {
  /** Has entries fed for some minutes. Answers the transaction since which none is missing. */
  keep(): Promise<bigint>;
  /** Where what is committed from now on begins. */
  now(): Promise<bigint>;
  /** What was committed from there on, but for what was read before. */
  from(tx: bigint, seen: Iterable<string>): Promise<Fed>;
  /** Forgets what is too old to be read on from. */
  prune(): Promise<void>;
}
