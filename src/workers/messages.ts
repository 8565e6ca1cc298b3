/** What the primary and a worker say to each other beside limits (`limit-messages.ts`). */
import type { Change } from '../identity/changes.js';
import type { CatalogueFile } from '../pricing/catalogue-file.js';

/** Primary: `[BEAT, sinceHeardMs, clockAheadMs, apart]`. `sinceHeardMs`: how old the news of keys is; 0 where none can be missed. */
export const BEAT = 20;
/** Worker: `[ALIVE, connections]`, the answer to each beat. */
export const ALIVE = 21;
/** Worker: `[TAKEN, connection]`: it has it, and the primary gives it up. */
export const TAKEN = 22;
/** Worker: `[SPOOL, folder]`: where its spool is, before it has a request. */
export const SPOOL = 23;
/** Worker: `[BREAKER, target, state, why, forMs]`; primary, to the others: the same. `state`: `opened`, `closed`, `held`, `released`. */
export const BREAKER = 24;
/** Primary: `[CHANGE, number, change]`; worker: `[HEARD, number]`. */
export const CHANGE = 25;
export const HEARD = 26;

/** Primary: `[PROBED, provider, good, what, tookMs]`: what a health probe found. */
export const PROBED = 27;

export type BreakerNews = 'opened' | 'closed' | 'held' | 'released';

/** What the primary tells workers of a change. */
export type WorkerChange = Change | { readonly kind: 'purge' };

/** What a worker is started with. */
export interface WorkerStart<C> {
  readonly number: number;
  readonly config: C;
  /** Where the primary takes requests that are not a worker's own. */
  readonly primarySocket: string;
  /** The key that cached answers are sealed with. */
  readonly cacheSecret: Buffer;
  /** The catalogue of prices that an operator brought; null: the one of the package is in force. */
  readonly catalogue: CatalogueFile | null;
  /** Breakers that are not closed: their target, how they are, and for how long. */
  readonly breakers: readonly (readonly [target: string, state: BreakerNews, forMs: number])[];
  readonly expectedAnswers: readonly { readonly model: string; readonly outputTokens: number }[];
}

/** What a worker does when the primary asks. */
export interface WorkerPort<C> {
  /** Resolves once it can serve. */
  start(start: WorkerStart<C>): Promise<void>;
  /** Takes in another configuration, or throws and changes nothing. */
  configure(config: C): Promise<void>;
  /** What it has appended is in the ledger when this resolves. */
  flush(): Promise<void>;
  metrics(): Promise<readonly unknown[]>;
  /** Its answers are the last of their connections from now on. */
  drain(lingerMs: number): Promise<void>;
  /** No connection comes any more: serves what it has, within the grace, and ends. */
  finish(graceMs: number): Promise<void>;
}
