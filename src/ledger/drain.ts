/**
 * Takes entries from where they wait to the store, one batch after the other, in their order, off the request's time: after
 * `batchMs`, or as soon as `batchMax` wait in memory.
 *
 * While the store is away the batch at the head is tried again, with pauses that double up to 2 seconds. Writing is
 * idempotent, so a batch whose fate is unknown is simply written again. An entry that the store can never take is found by
 * halving its batch, reported whole but for its metadata, and left out; the others are written.
 */
import type { Clock } from '../lib/clock.js';
import type { Timer } from '../lib/timer.js';
import { atMost } from '../lib/within.js';
import type { Entry } from './entry.js';
import { EntryRefused, type LedgerStore } from './ledger-store.js';

export interface LedgerLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What one write brought into the store. */
export interface Stored {
  /** What it was given; some of it may have been there. */
  readonly entries: readonly Entry[];
  /** Those of them that an earlier process left. */
  readonly recovered: readonly Entry[];
  /** Those of them that found an estimate under their id. */
  readonly late: readonly Entry[];
}

export interface Next {
  readonly entries: readonly Entry[];
  /** Each as `entryText` writes it. */
  readonly lines: readonly string[];
  /** Those of them that an earlier process left. */
  readonly recovered: readonly Entry[];
}

/** Entries in order, from which the drain takes: a queue in memory, or the spool. */
export interface Waiting {
  /** Entries that wait, as far as that is known. */
  readonly length: number;
  /** Those of them that are in memory. */
  readonly atHand: number;
  /** Some have to be read from the disk first. */
  readonly behind: boolean;
  /** In words of the log. */
  readonly place: string;
  /** The first ones, at most `max`; none where nothing waits. They stay until `done`. */
  next(max: number): Next | Promise<Next>;
  /** The first `count` are dealt with. Answers how many of them this process appended. */
  done(count: number): number;
}

export interface DrainOptions {
  readonly waiting: Waiting;
  readonly store: Pick<LedgerStore, 'insert'>;
  readonly clock: Clock;
  readonly log: LedgerLog;
  readonly batchMs: number;
  readonly batchMax: number;
  readonly after: Timer;
  readonly onStored?: ((stored: Stored) => void) | undefined;
  /** An entry that the store refuses. */
  readonly onRefused: () => void;
}

const BACKOFF_MS = 100;
const MOST_BACKOFF_MS = 2_000;

export class Drain {
  readonly #options: DrainOptions;
  /** Entries that this process appended, and how many of these are done with: stored or refused. */
  #appended = 0;
  #settled = 0;
  /** Drain without a pause until this many are settled. */
  #goal = 0;
  readonly #flushes: { readonly goal: number; readonly resolve: () => void }[] = [];
  /** Most entries in the next batch: halved when one is refused, until the bad entry is alone, and doubled when one is not. */
  #size: number;
  #draining: Promise<void> | undefined;
  #cancelNext: (() => void) | undefined;
  #awaySinceMs = 0;
  #stopped = false;
  /** Batches that failed since the last one that did not. */
  failures = 0;

  constructor(options: DrainOptions) {
    this.#options = options;
    this.#size = options.batchMax;
    if (options.waiting.behind) this.#schedule(0);
  }

  /** An entry was put where they wait. */
  added(): void {
    this.#appended += 1;
    if (this.#options.waiting.atHand >= this.#options.batchMax && this.failures === 0) void this.run();
    else this.#schedule(this.#options.batchMs);
  }

  /** Resolves when everything added so far is dealt with. Waits for a store that is away. */
  flush(): Promise<void> {
    if (this.#settled === this.#appended) return Promise.resolve();
    this.#goal = this.#appended;
    const done = new Promise<void>((resolve) => this.#flushes.push({ goal: this.#goal, resolve }));
    void this.run();
    return done;
  }

  /** Writes what was added so far. Resolves also where the store fails, or after so long where much has to be read back. */
  async catchUp(atMostMs: number): Promise<void> {
    const { waiting } = this.#options;
    if (this.failures > 0 || (waiting.atHand === 0 && !waiting.behind)) return;
    this.#goal = this.#appended;
    if (!waiting.behind) return this.run();
    await atMost(atMostMs, this.run(), this.#options.after);
  }

  /** Writes what waits now, and full batches that came meanwhile, until the store fails. Whoever calls meanwhile joins the one that runs. */
  run(): Promise<void> {
    this.#cancelNext?.();
    this.#cancelNext = undefined;
    if (!this.#draining) this.#goal = this.#appended;
    this.#draining ??= this.#writeBatches().finally(() => {
      this.#draining = undefined;
      const { waiting } = this.#options;
      if (waiting.atHand > 0 || waiting.behind) this.#schedule(this.#pauseMs());
    });
    return this.#draining;
  }

  /** Nothing is begun any more; resolves when what runs is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelNext?.();
    await this.#draining;
  }

  #schedule(ms: number): void {
    if (this.#draining || this.#cancelNext || this.#stopped) return;
    this.#cancelNext = this.#options.after(ms, () => void this.run());
  }

  async #writeBatches(): Promise<void> {
    const { waiting, store, batchMax } = this.#options;
    while (!this.#stopped) {
      let batch: readonly Entry[] = [];
      try {
        const next = waiting.next(this.#size);
        const { entries, lines, recovered } = next instanceof Promise ? await next : next;
        batch = entries;
        if (batch.length === 0) return;
        const late = await store.insert(batch, lines);
        this.#options.onStored?.({ entries, recovered, late });
      } catch (error) {
        if (!(error instanceof EntryRefused)) return this.#failed(error);
        if (batch.length === 1) this.#refused(batch[0]!, error);
        else this.#size = batch.length >> 1;
        continue;
      }
      this.#size = Math.min(this.#size * 2, batchMax);
      this.#settle(batch.length);
      if (this.#settled >= this.#goal && waiting.atHand < batchMax && !waiting.behind) return;
    }
  }

  #refused(entry: Entry, error: EntryRefused): void {
    this.#options.onRefused();
    const { metadata, ...shown } = entry;
    this.#options.log.error(
      { entry: shown, reason: error.message },
      'the store refuses this entry of the ledger: it is left out',
    );
    this.#settle(1);
  }

  #settle(count: number): void {
    this.#settled += this.#options.waiting.done(count);
    while (this.#flushes[0] && this.#flushes[0].goal <= this.#settled) this.#flushes.shift()?.resolve();
    if (this.failures > 0) {
      const awayMs = Math.round(this.#options.clock.monotonic() - this.#awaySinceMs);
      const { length } = this.#options.waiting;
      this.#options.log.info({ away_ms: awayMs, queued: length }, 'the ledger is written again');
    }
    this.failures = 0;
  }

  #failed(error: unknown): void {
    const { clock, log, waiting } = this.#options;
    if (this.failures === 0) {
      this.#awaySinceMs = clock.monotonic();
      log.error({ err: error, queued: waiting.length }, `the ledger cannot be written: entries wait ${waiting.place}`);
    }
    this.failures += 1;
  }

  #pauseMs(): number {
    return this.failures === 0
      ? this.#options.batchMs
      : Math.min(MOST_BACKOFF_MS, BACKOFF_MS * 2 ** (this.failures - 1));
  }
}
