/**
 * The spend ledger on the gateway's side. `append` puts an entry on a queue in memory and returns; batches go to the store
 * one after the other, in the order of appending, off the request's time: after `batchMs`, or as soon as `batchMax` wait.
 *
 * While the store is away the queue grows and the batch at its head is tried again, with pauses that double up to 5 seconds.
 * Writing is idempotent, so a batch whose fate is unknown is simply written again. When `maxQueued` entries wait, the newest
 * are dropped, counted and reported as errors, and the oldest are kept. An entry that the store can never take is found by
 * halving its batch, reported whole but for its metadata, and left out; the others are written.
 *
 * What is queued lives in this process only: `durable` is the place where a promise to the caller will be kept.
 */
import type { Clock } from '../lib/clock.js';
import { ok, type Result, refused } from '../lib/errors.js';
import { cleanEntry } from './clean.js';
import type { Entry } from './entry.js';
import { EntryRefused, type LedgerFilter, type LedgerStore } from './ledger-store.js';
import { cleanFilter, decodeCursor, encodeCursor, filterProblem } from './page.js';

interface LedgerLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface LedgerOptions {
  readonly store: LedgerStore;
  readonly clock: Clock;
  readonly log: LedgerLog;
  /** Longest time that an entry waits for others; 100 milliseconds unless told. */
  readonly batchMs?: number;
  /** Most entries in one write; 500 unless told. */
  readonly batchMax?: number;
  /** Most entries that wait; 100,000 unless told (about 1 kB each). */
  readonly maxQueued?: number;
  /** How long `close` may take; 5 seconds unless told. */
  readonly closeMs?: number;
  /** Runs something later; answers how to call it off. `setTimeout` unless told. */
  readonly after?: (ms: number, run: () => void) => () => void;
}

interface LedgerPage {
  readonly entries: readonly Entry[];
  /** Null on the last page. */
  readonly next_cursor: string | null;
}

export interface Ledger {
  /** Cheap, synchronous, and never throws. */
  append(entry: Entry): void;
  /**
   * Resolves when everything appended so far is as durable as the configured mode promises; undefined where that is so
   * already. Entries are kept in this process's memory until they are written, and no mode promises more.
   */
  durable(): Promise<void> | undefined;
  /** Resolves when everything appended so far is in the store, or was refused by it. Waits for a store that is away. */
  flush(): Promise<void>;
  /**
   * Entries newest first, with those appended here before the question. Refused: a bad cursor, time or status. Throws where
   * the store is away. `limit` is at least 1.
   */
  query(filter: LedgerFilter, page: { limit: number; cursor?: string | null }): Promise<Result<LedgerPage>>;
  /** Entries that wait to be written. */
  readonly queued: number;
  /** Entries that were lost: dropped from a full or closed queue, or refused by the store. */
  readonly lost: number;
  /** Writes what waits, for at most `closeMs`; what is left then is reported and lost. Later entries are dropped. */
  close(): Promise<void>;
}

const BACKOFF_MS = 100;
const MOST_BACKOFF_MS = 5_000;
/** A full queue drops thousands of entries a second; the log says so once in this time. */
const REPORT_MS = 10_000;

const later = (ms: number, run: () => void): (() => void) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

export const createLedger = (options: LedgerOptions): Ledger => new QueuedLedger(options);

class QueuedLedger implements Ledger {
  readonly #options: Required<LedgerOptions>;
  #queue: Entry[] = [];
  /** Entries ever queued, and how many of these are done with: stored or refused. */
  #appended = 0;
  #settled = 0;
  /** Drain without a pause until this many are settled. */
  #goal = 0;
  readonly #waiting: { readonly goal: number; readonly resolve: () => void }[] = [];
  /** Most entries in the next batch: halved when one is refused, until the bad entry is alone, and doubled when one is not. */
  #size: number;
  #draining: Promise<void> | undefined;
  #cancelNext: (() => void) | undefined;
  #failures = 0;
  #awaySinceMs = 0;
  #lost = 0;
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #closing: Promise<void> | undefined;

  constructor(options: LedgerOptions) {
    this.#options = { batchMs: 100, batchMax: 500, maxQueued: 100_000, closeMs: 5_000, after: later, ...options };
    this.#size = this.#options.batchMax;
  }

  get queued(): number {
    return this.#queue.length;
  }

  get lost(): number {
    return this.#lost;
  }

  append(entry: Entry): void {
    if (this.#closing || this.#queue.length >= this.#options.maxQueued) this.#drop();
    else this.#enqueue(entry);
  }

  durable(): Promise<void> | undefined {
    return undefined;
  }

  flush(): Promise<void> {
    if (this.#settled === this.#appended) return Promise.resolve();
    this.#goal = this.#appended;
    const done = new Promise<void>((resolve) => this.#waiting.push({ goal: this.#goal, resolve }));
    void this.#drain();
    return done;
  }

  async query(
    filter: LedgerFilter,
    { limit, cursor = null }: { limit: number; cursor?: string | null },
  ): Promise<Result<LedgerPage>> {
    const problem = filterProblem(filter);
    if (problem) return refused(problem);
    const after = cursor === null ? ok(null) : decodeCursor(cursor);
    if (!after.ok) return after;
    if (this.#queue.length > 0 && this.#failures === 0) {
      this.#goal = this.#appended;
      await this.#drain();
    }
    const found = await this.#options.store.page(cleanFilter(filter), limit + 1, after.value);
    const entries = found.slice(0, limit);
    const last = entries.at(-1);
    return ok({ entries, next_cursor: found.length > limit && last ? encodeCursor(last) : null });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    let cancel = () => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.#options.after(this.#options.closeMs, resolve);
    });
    await Promise.race([this.flush(), late]);
    cancel();
    this.#cancelNext?.();
    if (this.#queue.length === 0) return;
    this.#options.log.error(
      { entries: this.#queue.length },
      'the ledger was closed before all entries were written: they are lost',
    );
    this.#lost += this.#queue.length;
    this.#queue = [];
  }

  #enqueue(entry: Entry): void {
    try {
      this.#queue.push(cleanEntry(entry));
    } catch (error) {
      this.#lost += 1;
      this.#options.log.error({ err: error, id: entry?.id }, 'this is not an entry of the ledger: it is left out');
      return;
    }
    this.#appended += 1;
    if (this.#queue.length >= this.#options.batchMax && this.#failures === 0) void this.#drain();
    else this.#schedule(this.#options.batchMs);
  }

  #schedule(ms: number): void {
    if (this.#draining || this.#cancelNext) return;
    this.#cancelNext = this.#options.after(ms, () => void this.#drain());
  }

  /** Writes what waits now, and full batches that came meanwhile, until the store fails. Whoever calls meanwhile joins the one that runs. */
  #drain(): Promise<void> {
    this.#cancelNext?.();
    this.#cancelNext = undefined;
    this.#draining ??= this.#writeBatches().finally(() => {
      this.#draining = undefined;
      if (this.#queue.length > 0) this.#schedule(this.#pauseMs());
    });
    return this.#draining;
  }

  async #writeBatches(): Promise<void> {
    this.#goal = this.#appended;
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, this.#size);
      try {
        await this.#options.store.insert(batch);
        this.#size = Math.min(this.#size * 2, this.#options.batchMax);
        this.#settle(batch.length);
      } catch (error) {
        if (!(error instanceof EntryRefused)) return this.#failed(error);
        if (batch.length === 1) this.#refused(batch[0]!, error);
        else this.#size = batch.length >> 1;
      }
      if (this.#settled >= this.#goal && this.#queue.length < this.#options.batchMax) return;
    }
  }

  #refused(entry: Entry, error: EntryRefused): void {
    this.#lost += 1;
    const { metadata, ...shown } = entry;
    this.#options.log.error(
      { entry: shown, reason: error.message },
      'the store refuses this entry of the ledger: it is left out',
    );
    this.#settle(1);
  }

  /** The first `count` entries of the queue are done with. */
  #settle(count: number): void {
    this.#queue.splice(0, count);
    this.#settled += count;
    while (this.#waiting[0] && this.#waiting[0].goal <= this.#settled) this.#waiting.shift()?.resolve();
    this.#succeeded();
  }

  #failed(error: unknown): void {
    if (this.#failures === 0) {
      this.#awaySinceMs = this.#options.clock.monotonic();
      this.#options.log.error(
        { err: error, queued: this.#queue.length },
        'the ledger cannot be written: entries wait in memory',
      );
    }
    this.#failures += 1;
  }

  #succeeded(): void {
    if (this.#failures > 0) {
      const awayMs = Math.round(this.#options.clock.monotonic() - this.#awaySinceMs);
      this.#options.log.info({ away_ms: awayMs, queued: this.#queue.length }, 'the ledger is written again');
    }
    this.#failures = 0;
  }

  #pauseMs(): number {
    return this.#failures === 0
      ? this.#options.batchMs
      : Math.min(MOST_BACKOFF_MS, BACKOFF_MS * 2 ** (this.#failures - 1));
  }

  #drop(): void {
    this.#lost += 1;
    const now = this.#options.clock.monotonic();
    if (now - this.#reportedAtMs < REPORT_MS) return;
    this.#reportedAtMs = now;
    const why = this.#closing ? 'the ledger is closed' : 'too many entries wait to be written';
    this.#options.log.error(
      { queued: this.#queue.length, lost: this.#lost },
      `${why}: entries of the ledger are dropped`,
    );
  }
}
