/**
 * For events that no transaction tells of: an opened breaker, a refused request. They are written to the outbox one after
 * the other, off the request's time. While the database is away they wait in memory, up to a bound, and are tried again; what
 * comes after that is dropped and counted. What waits when the process dies is lost: what must not be is written to the
 * outbox in the transaction that it belongs to.
 */
import type { Clock } from '../lib/clock.js';
import { backgroundTimer, type Timer } from '../lib/timer.js';
import type { Happened } from './outbox-pg.js';

interface EmitterDeps {
  readonly clock: Clock;
  /** Throws where the database is away. */
  readonly write: (happened: Happened) => Promise<unknown>;
  readonly onError: (error: unknown, waiting: number) => void;
  /** Most that wait; 1,000 unless told. */
  readonly most?: number;
  readonly after?: Timer;
}

const FIRST_PAUSE_MS = 200;
const MOST_PAUSE_MS = 5_000;
/** Keys of what was told once are remembered, so that nobody asks the database for each request that is refused. */
const REMEMBERED = 10_000;

export class Emitter {
  readonly #deps: EmitterDeps;
  readonly #queue: Happened[] = [];
  readonly #told = new Set<string>();
  #writing: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #failures = 0;
  #closed = false;
  #dropped = 0;

  constructor(deps: EmitterDeps) {
    this.#deps = deps;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Returns at once and never throws. */
  emit(type: Happened['type'], data: object, once?: Happened['once']): void {
    if (once && this.#isKnown(once.key)) return;
    if (this.#closed || this.#queue.length >= (this.#deps.most ?? 1_000)) {
      this.#dropped += 1;
      return;
    }
    this.#queue.push({ type, at: this.#deps.clock.now(), data, ...(once && { once }) });
    if (!this.#cancel) this.#start();
  }

  /** Resolves when everything emitted so far is written, or the database is found to be away. */
  async flush(): Promise<void> {
    this.#start();
    await this.#writing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    this.#cancel?.();
  }

  #isKnown(key: string): boolean {
    if (this.#told.has(key)) return true;
    if (this.#told.size >= REMEMBERED) this.#told.delete(this.#told.values().next().value!);
    this.#told.add(key);
    return false;
  }

  #start(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#queue.length > 0 && !this.#closed) this.#retry();
    });
  }

  #retry(): void {
    const pause = this.#failures === 0 ? 0 : Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - 1));
    this.#cancel = (this.#deps.after ?? backgroundTimer)(pause, () => this.#start());
  }

  async #write(): Promise<void> {
    while (this.#queue.length > 0) {
      try {
        await this.#deps.write(this.#queue[0]!);
      } catch (error) {
        this.#failures += 1;
        if (this.#failures === 1) this.#deps.onError(error, this.#queue.length);
        return;
      }
      this.#failures = 0;
      this.#queue.shift();
    }
  }
}
