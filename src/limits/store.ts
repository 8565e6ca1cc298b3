/**
 * The port behind which counters are kept: in memory, in Redis, or in Redis with something to do while it is away. Every
 * method is one atomic step. A store answers at once or with a promise; it never throws because its server is away.
 */
import type { LimitUnit } from '../lib/limit-spec.js';
import type { AttemptUse, CountedAttempts } from './attempt-use.js';
import type { Hold, Part } from './hold.js';
import type { Limit, LimitKind } from './limit.js';

export interface Ask {
  /** A new hold, or an open one that asks for more. */
  readonly hold: Hold;
  /** What to take, all of it or nothing. Those of a new hold are `hold.parts` themselves. */
  readonly parts: readonly Part[];
  /** Output tokens wanted, and the least that is of use. */
  readonly want: number;
  readonly min: number;
  /** Parts of the hold whose slots (`concurrent`) are let go in the same step. */
  readonly free: readonly Part[];
}

/** One limit that does not let the request pass. */
export interface Failure {
  readonly part: Part;
  readonly spent: number;
  readonly held: number;
  /** Rates: milliseconds until it would let it pass; null where waiting does not help or nobody knows. */
  readonly retryAfterMs: number | null;
  /** Output tokens that the rest of the budget affords; -1 where it does not even afford the input. */
  readonly affordableOutput: number;
}

export type Reply =
  /** Taken: the parts say what, `hold.outputTokens` how much output. */
  | { readonly kind: 'reserved' }
  /** Nothing was taken. `stale`: there is more that has lapsed; ask again before believing it. */
  | { readonly kind: 'denied'; readonly failures: readonly Failure[]; readonly stale: boolean }
  /** Nothing was taken: what these budgets have spent is not known. Rebuild them and ask again. */
  | { readonly kind: 'unknown'; readonly parts: readonly Part[] }
  /** Nothing was taken: by the store's clock a calendar window is over, or has not begun. */
  | { readonly kind: 'window' }
  /** Nothing was taken: counters were lost, and it is not yet known what is open. */
  | { readonly kind: 'recovering'; readonly retryAfterMs: number }
  /** Nothing was taken: the store is away, and the choice is to refuse. */
  | { readonly kind: 'away' }
  /** Nothing was taken: two of the parts share a counter. */
  | { readonly kind: 'twice' }
  /** Nothing was taken: the hold that asks for more is not open. */
  | { readonly kind: 'gone' };

/** The beginning of a rebuild. Until it is ended by `seed` the budget admits nothing. */
export type Begun =
  /** Sum the ledger without the entries of these holds: the counter has them already. */
  | { readonly kind: 'rebuild'; readonly token: string; readonly except: readonly string[] }
  | { readonly kind: 'known' }
  /** Another process is at it. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'away' };

export interface Level {
  readonly spent: number;
  readonly held: number;
  /** Rates: milliseconds until the window would be empty. */
  readonly resetMs: number;
}

/** A hold that nobody renewed, counted at what was known when it was taken. */
export interface Lapsed {
  readonly id: string;
  readonly note: string;
  /** Counts it as `attempts` used, or as it is where nothing is given. A settlement by its owner still takes that place. */
  close(attempts?: readonly AttemptUse[]): void | Promise<void>;
}

/** A hold that its owner did not settle, as it is kept: per part its kind, unit, what it counts, and which attempts. */
export interface ClosedHold {
  readonly id: string;
  readonly note: string;
  readonly parts: readonly {
    readonly kind: LimitKind;
    readonly unit: LimitUnit;
    readonly counted: number;
    readonly attempts: CountedAttempts;
  }[];
}

/** Of some holds: which lapsed or were closed, and which are not known any more. Those that are open or settled are left out. */
export interface ClosedHolds {
  readonly closed: readonly ClosedHold[];
  readonly unknown: readonly string[];
}

export interface LimitStore {
  /** The wall clock that calendar windows go by, milliseconds since the Unix epoch. */
  nowMs(): number;
  reserve(ask: Ask): Reply | Promise<Reply>;
  /** Ends a hold with what its parts say was used. Again, or late, it changes nothing more. */
  settle(hold: Hold): void | Promise<void>;
  begin(part: Part): Begun | Promise<Begun>;
  /** Adds what the ledger says, if the rebuild that `token` names is still the last one begun. */
  seed(part: Part, token: string, spent: number): void | Promise<void>;
  /** Per limit what its counter says now; `unknown` where a budget is to be rebuilt first, undefined where the store is away. */
  read(
    limits: readonly Limit[],
  ): readonly (Level | 'unknown')[] | undefined | Promise<readonly (Level | 'unknown')[] | undefined>;
  /** The entries of these holds are in the ledger, where a rebuild sees them. */
  posted(ids: readonly string[]): void;
  /** Renews what is open, and hands out what has lapsed. To be called a few times per lease. */
  beat(onLapsed: (lapsed: Lapsed) => void): void | Promise<void>;
  /** Undefined where that cannot be known now. */
  closed(ids: readonly string[]): ClosedHolds | undefined | Promise<ClosedHolds | undefined>;
  /** Counts a hold that is still lapsed or closed as `attempts` used. Answers whether the store could be told. */
  recount(hold: ClosedHold, attempts: readonly AttemptUse[]): boolean | Promise<boolean>;
  /** Makes budgets unknown, to be rebuilt from the ledger. Answers whether the store could be told. */
  forgetBudgets(keys: readonly string[]): boolean | Promise<boolean>;
  /** `memory`, or where a Redis is configured whether it is in use. */
  readonly state: StoreState;
  close(): Promise<void>;
}

export type StoreState = 'memory' | 'redis' | 'recovering' | 'away';
