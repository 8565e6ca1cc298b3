/**
 * Content on its way into the database, behind the answers: a few at a time are prepared (put together, redacted, encrypted) and
 * written in one statement. While the database is away they wait, as far as there is memory for them; what does not fit is
 * dropped and counted, and so is what waits when the process ends. Nothing of this is ever waited for by a request.
 */
import { isDatabaseAway } from '../lib/database-away.js';
import type { Timer } from '../lib/timer.js';
import type { CaptureMemory } from './capture-memory.js';
import type { ContentStore, NewRow } from './captured.js';

/** `dropped_memory`: there was no room, `dropped_database`: it could not be written, `failed`: it could not be prepared. */
export type CaptureEnd = 'stored' | 'dropped_memory' | 'dropped_database' | 'failed';

/** Something to be written. */
export interface Capturable {
  /** That it takes in memory, which the queue gives back. */
  readonly bytes: number;
  prepare(): Promise<NewRow>;
}

export interface CaptureQueueDeps {
  readonly store: Pick<ContentStore, 'insert'>;
  readonly memory: CaptureMemory;
  readonly timer: Timer;
  readonly onEnd: (end: CaptureEnd, count: number) => void;
  readonly onError: (error: unknown) => void;
}

/** More come meanwhile. */
const LINGER_MS = 100;
const AGAIN_MS = 1_000;
const MOST_ROWS = 64;
const MOST_BATCH_BYTES = 8 * 1024 * 1024;

interface Flush {
  /** How many are to be over. */
  readonly until: number;
  readonly resolve: () => void;
}

export class CaptureQueue {
  readonly #deps: CaptureQueueDeps;
  #waiting: Capturable[] = [];
  #isRunning = false;
  /** How many ever came, and how many of them are written or given up, which are the first ones. */
  #came = 0;
  #over = 0;
  #flushes: Flush[] = [];
  /** Ends the wait before the next batch. */
  #hurry: (() => void) | undefined;
  #isClosing = false;

  constructor(deps: CaptureQueueDeps) {
    this.#deps = deps;
  }

  /** Its memory is taken already. */
  add(capturable: Capturable): void {
    this.#waiting.push(capturable);
    this.#came += 1;
    if (!this.#isRunning) void this.#run();
  }

  /** What came up to now is written or given up, whatever comes meanwhile; or the database is away, and it waits on. */
  flush(): Promise<void> {
    if (this.#over === this.#came) return Promise.resolve();
    return new Promise((resolve) => {
      this.#flushes.push({ until: this.#came, resolve });
      this.#hurry?.();
    });
  }

  /** Tries once more; what cannot be written then is dropped. */
  async close(): Promise<void> {
    this.#isClosing = true;
    while (this.#over < this.#came) await this.flush();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      if (this.#waiting.length < MOST_ROWS && this.#flushes.length === 0) await this.#pause(LINGER_MS);
      const batch = this.#nextBatch();
      const rows = await this.#prepared(batch);
      if (rows.length > 0) await this.#write(rows);
      for (const { body } of rows) this.#deps.memory.give(body.length);
      this.#over += batch.length;
      this.#flushed((until) => until <= this.#over);
    }
    this.#isRunning = false;
  }

  #flushed(which: (until: number) => boolean): void {
    const [done, left] = [[] as Flush[], [] as Flush[]];
    for (const one of this.#flushes) (which(one.until) ? done : left).push(one);
    this.#flushes = left;
    for (const { resolve } of done) resolve();
  }

  #nextBatch(): Capturable[] {
    let bytes = 0;
    let count = 0;
    for (const one of this.#waiting) {
      if (count > 0 && (count === MOST_ROWS || bytes + one.bytes > MOST_BATCH_BYTES)) break;
      bytes += one.bytes;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  /** The memory that each took is that of its row now, if there is one. */
  async #prepared(batch: readonly Capturable[]): Promise<NewRow[]> {
    const { memory, onEnd, onError } = this.#deps;
    const rows: NewRow[] = [];
    for (const one of batch) {
      let row: NewRow | undefined;
      try {
        row = await one.prepare();
      } catch (error) {
        onError(error);
        onEnd('failed', 1);
      }
      memory.give(one.bytes);
      if (!row) continue;
      if (memory.take(row.body.length)) rows.push(row);
      else onEnd('dropped_memory', 1);
    }
    return rows;
  }

  async #write(rows: readonly NewRow[]): Promise<void> {
    const { store, onEnd, onError } = this.#deps;
    for (;;) {
      try {
        await store.insert(rows);
        return onEnd('stored', rows.length);
      } catch (error) {
        onError(error);
        if (this.#isClosing || !isDatabaseAway(error)) return onEnd('dropped_database', rows.length);
      }
      this.#flushed(() => true);
      await this.#pause(AGAIN_MS);
    }
  }

  #pause(ms: number): Promise<void> {
    if (this.#isClosing) return Promise.resolve();
    return new Promise((resolve) => {
      const over = (): void => {
        this.#hurry = undefined;
        resolve();
      };
      const cancel = this.#deps.timer(ms, over);
      this.#hurry = () => {
        cancel();
        over();
      };
    });
  }
}
