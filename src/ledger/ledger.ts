/**
 * The spend ledger on the gateway's side. An attempt is announced (`begin`) before it is sent, and its entry appended before
 * the caller has its last byte; both are on this machine's disk by then (`spool.ts`), and the drain takes the entries to the
 * store, in order, off the request's time (`drain.ts`).
 *
 * How much an entry survives is the `durability`: the death of this process (`process`), of this machine (`fsync`), or of
 * this machine and its disk (`sync-postgres`: the caller also waits for the database's commit, and nothing is sent while the
 * database is away). Without a spool, as some tests and benches have it, entries wait in memory alone: when `maxQueued` of
 * them wait, the newest are dropped, counted and reported as errors, and the oldest are kept.
 */
import type { Clock } from '../lib/clock.js';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import { type Timer, timer } from '../lib/timer.js';
import { atMost } from '../lib/within.js';
import { cleanEntry } from './clean.js';
import { Drain, type LedgerLog, type Next, type Stored, type Waiting } from './drain.js';
import type { Entry } from './entry.js';
import { entryText } from './entry-text.js';
import type { LedgerFilter, LedgerStore } from './ledger-store.js';
import { cleanFilter, decodeCursor, encodeCursor, filterProblem } from './page.js';
import type { Spool } from './spool.js';
import type { SpoolState } from './spool-options.js';

export type Durability = 'fsync' | 'process' | 'sync-postgres';

export interface LedgerOptions {
  readonly store: LedgerStore;
  readonly clock: Clock;
  readonly log: LedgerLog;
  readonly spool?: Spool | undefined;
  /** Told of what the store has taken for good. Must not throw. */
  readonly onStored?: (stored: Stored) => void;
  /** `process` unless told. `fsync` is the spool's own affair. */
  readonly durability?: Durability;
  /** Longest time that an entry waits for others; 100 milliseconds unless told. */
  readonly batchMs?: number;
  /**
   * Most entries in one write; 2,000 unless told. Few long writes cost Postgres less than many short ones, and keep what
   * shares a processor with it waiting less often.
   */
  readonly batchMax?: number;
  /** Most entries that wait where there is no spool; 100,000 unless told (about 1 kB each). */
  readonly maxQueued?: number;
  /** How long `close` may take; 5 seconds unless told. */
  readonly closeMs?: number;
  /** Handed in by tests. */
  readonly after?: Timer;
}

interface LedgerPage {
  readonly entries: readonly Entry[];
  /** Null on the last page. */
  readonly next_cursor: string | null;
}

export interface Ledger {
  /** Resolves when what an earlier process left is in the store, or after a minute, or where the store is away. */
  recover(): Promise<void>;
  /** Why nothing that would have to be entered can be served now. */
  refusal(): Refusal | undefined;
  /**
   * Announces an attempt, as the entry that it will be if nothing more is heard of it. It may be sent once this resolves;
   * with a refusal it may not, and needs no `abandon`. Its entry is appended later under the same id and `at`.
   */
  begin(entry: Entry): Promise<Refusal | undefined> | Refusal | undefined;
  /** An attempt that was begun and then not sent: it gets no entry. */
  abandon(id: string): void;
  /** An attempt that was begun is on its way to the upstream. Nobody waits for this to be on the disk. */
  sent(id: string): void;
  /** What an attempt under way has come to so far, for the case that nothing more is heard of it. */
  progress(id: string, known: Partial<Entry>): void;
  /** Cheap, synchronous, and never throws. */
  append(entry: Entry): void;
  /**
   * Resolves when everything appended so far is as durable as the configured mode promises; undefined where that is so
   * already. Where the spool cannot be written the entry's way into the store is waited for instead, for a second.
   */
  durable(): Promise<unknown> | undefined;
  /** Resolves when everything appended so far is in the store, or was refused by it. Waits for a store that is away. */
  flush(): Promise<void>;
  /**
   * Entries newest first, with those appended here before the question. Refused: a bad cursor, time or status. Throws where
   * the store is away. `limit` is at least 1.
   */
  query(filter: LedgerFilter, page: { limit: number; cursor?: string | null }): Promise<Result<LedgerPage>>;
  /** Entries that wait to be written to the store. */
  readonly queued: number;
  /** Entries that were lost: dropped from a full or closed queue, or refused by the store. */
  readonly lost: number;
  /** Null without a spool. */
  readonly spool: SpoolState | null;
  /** Writes what waits, for at most `closeMs`; what is left then stays in the spool, or is lost. Later entries are dropped. */
  close(): Promise<void>;
}

/** A full queue drops thousands of entries a second; the log says so once in this time. */
const REPORT_MS = 10_000;
/** How long a reader of the ledger waits for what an earlier process or an outage has left to be written. */
const CATCH_UP_MS = 2_000;
const RECOVER_MS = 60_000;
/** How long a caller waits for the store where the spool failed under its answer. */
const INSTEAD_MS = 1_000;
/** How long a caller waits for the database's commit (`sync-postgres`) once its answer is in the spool. */
const COMMIT_MS = 10_000;

const away: Refusal = refuse(
  'unavailable',
  'The database is away and the gateway is set to answer nothing that is not entered there (ledger.durability: sync-postgres). Try again later.',
  { headers: { 'retry-after': '5', 'retry-after-ms': '5000' } },
);

export const createLedger = (options: LedgerOptions): Ledger => new DrainedLedger(options);

/** Where entries wait without a spool. */
class Queue implements Waiting {
  readonly place = 'in memory';
  readonly behind = false;
  readonly #most: number;
  #entries: Entry[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  get length(): number {
    return this.#entries.length;
  }

  get atHand(): number {
    return this.#entries.length;
  }

  push(entry: Entry): boolean {
    if (this.#entries.length >= this.#most) return false;
    this.#entries.push(entry);
    return true;
  }

  next(max: number): Next {
    const entries = this.#entries.slice(0, max);
    return { entries, lines: entries.map(entryText), recovered: [] };
  }

  done(count: number): number {
    return this.#entries.splice(0, count).length;
  }
}

class DrainedLedger implements Ledger {
  readonly #options: LedgerOptions & { after: NonNullable<LedgerOptions['after']> };
  readonly #spool: Spool | undefined;
  readonly #waiting: Spool | Queue;
  readonly #drain: Drain;
  readonly #syncPostgres: boolean;
  #lost = 0;
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #closing: Promise<void> | undefined;

  constructor(options: LedgerOptions) {
    this.#options = { ...options, after: options.after ?? timer };
    this.#spool = options.spool;
    this.#waiting = options.spool ?? new Queue(options.maxQueued ?? 100_000);
    this.#syncPostgres = options.durability === 'sync-postgres';
    this.#drain = new Drain({
      waiting: this.#waiting,
      store: options.store,
      clock: options.clock,
      log: options.log,
      batchMs: options.batchMs ?? 100,
      batchMax: options.batchMax ?? 2_000,
      after: this.#options.after,
      onStored: options.onStored,
      onRefused: () => {
        this.#lost += 1;
      },
    });
  }

  get queued(): number {
    return this.#waiting.length;
  }

  get lost(): number {
    return this.#lost;
  }

  get spool(): SpoolState | null {
    return this.#spool?.state ?? null;
  }

  recover(): Promise<void> {
    return this.#drain.catchUp(RECOVER_MS);
  }

  refusal(): Refusal | undefined {
    if (this.#syncPostgres && this.#drain.failures > 0) return away;
    return this.#spool?.refusal();
  }

  begin(entry: Entry): Promise<Refusal | undefined> | Refusal | undefined {
    if (this.#syncPostgres && this.#drain.failures > 0) return away;
    return this.#spool?.begin(cleanEntry(entry));
  }

  abandon(id: string): void {
    this.#spool?.abandon(id);
  }

  sent(id: string): void {
    this.#spool?.sent(id);
  }

  progress(id: string, known: Partial<Entry>): void {
    const begun = this.#spool?.begun(id);
    if (begun) this.#spool?.progress(cleanEntry({ ...begun, ...known, estimate: 'progress' }, begun));
  }

  append(entry: Entry): void {
    let clean: Entry;
    try {
      clean = cleanEntry(entry, this.#spool?.begun(entry.id));
    } catch (error) {
      this.#lost += 1;
      this.#options.log.error({ err: error, id: entry?.id }, 'this is not an entry of the ledger: it is left out');
      return;
    }
    if (this.#closing || !this.#waiting.push(clean)) this.#drop();
    else this.#drain.added();
  }

  durable(): Promise<unknown> | undefined {
    const written = this.#spool?.written();
    if (this.#syncPostgres) return this.#committed(written);
    return written?.then((failed) => (failed ? this.#posted(INSTEAD_MS) : undefined));
  }

  flush(): Promise<void> {
    return this.#drain.flush();
  }

  async query(
    filter: LedgerFilter,
    { limit, cursor = null }: { limit: number; cursor?: string | null },
  ): Promise<Result<LedgerPage>> {
    const problem = filterProblem(filter);
    if (problem) return refused(problem);
    const after = cursor === null ? ok(null) : decodeCursor(cursor);
    if (!after.ok) return after;
    await this.#drain.catchUp(CATCH_UP_MS);
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
    const closeMs = this.#options.closeMs ?? 5_000;
    await this.#posted(closeMs);
    await atMost(closeMs, this.#drain.stop(), this.#options.after);
    await this.#spool?.close();
    const { length } = this.#waiting;
    if (length === 0) return;
    if (this.#spool) {
      this.#options.log.info({ entries: length }, 'entries of the ledger wait in the spool for the next start');
      return;
    }
    this.#options.log.error(
      { entries: length },
      'the ledger was closed before all entries were written: they are lost',
    );
    this.#lost += length;
    this.#waiting.done(length);
  }

  /** The spool first: it keeps the entry should the database not answer in time. */
  async #committed(written: Promise<Refusal | undefined> | undefined): Promise<void> {
    await written;
    await this.#posted(COMMIT_MS);
  }

  #posted(atMostMs: number): Promise<void> {
    return atMost(atMostMs, this.#drain.flush(), this.#options.after);
  }

  #drop(): void {
    this.#lost += 1;
    const now = this.#options.clock.monotonic();
    if (now - this.#reportedAtMs < REPORT_MS) return;
    this.#reportedAtMs = now;
    const why = this.#closing ? 'the ledger is closed' : 'too many entries wait to be written';
    this.#options.log.error(
      { queued: this.#waiting.length, lost: this.#lost },
      `${why}: entries of the ledger are dropped`,
    );
  }
}
