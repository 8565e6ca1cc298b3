/**
 * Where entries end up. `ledger-pg.ts` is the real one (Postgres or the embedded database), `ledger-memory.ts` its twin; one
 * contract suite holds for both.
 */
import type { Entry } from './entry.js';

/** Which entries to show. Fields that are left out match everything. */
export interface LedgerFilter {
  /** Milliseconds since the Unix epoch, inclusive. */
  readonly from?: number | undefined;
  /** Milliseconds since the Unix epoch, exclusive. */
  readonly to?: number | undefined;
  readonly request_id?: string | undefined;
  readonly key?: string | undefined;
  /** Of these keys alone. */
  readonly keys?: readonly string[] | undefined;
  readonly team?: string | undefined;
  /** Of these teams alone. */
  readonly teams?: readonly string[] | undefined;
  readonly user?: string | undefined;
  /** The model as asked. */
  readonly model?: string | undefined;
  readonly provider?: string | undefined;
  /** `provider/model`. */
  readonly target?: string | undefined;
  readonly status?: number | undefined;
  /** The class of an error. */
  readonly error?: string | undefined;
  readonly cache?: string | undefined;
  /** One of the entry's tags. */
  readonly tag?: string | undefined;
  /** The cost in all, in nano-dollars: at least and at most. */
  readonly least_nusd?: number | undefined;
  readonly most_nusd?: number | undefined;
}

/** A place in the order of entries: by time, entries of one millisecond by id. */
export interface Position {
  readonly at: number;
  readonly id: string;
}

export interface LedgerStore {
  /**
   * Writes all of them or none; one whose id is there already is left as it is. Where that is an estimate and more is known
   * now, correcting entries are written (`supersede.ts`). Answers those that found an estimate under their id. Throws `EntryRefused` where one of them can
   * never be written, and anything else where the store is away and the same may succeed later. `lines`: each entry as
   * `entryText` writes it, where that is at hand.
   */
  insert(entries: readonly Entry[], lines?: readonly string[]): Promise<readonly Entry[]>;
  /** At most `limit` entries that match, newest first, from the first one that is older than `after`. */
  page(filter: LedgerFilter, limit: number, after: Position | null): Promise<readonly Entry[]>;
}

/** At least one of the entries does not fit the store and never will. */
export class EntryRefused extends Error {
  override readonly name = 'EntryRefused';
}
