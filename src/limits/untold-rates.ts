/**
 * What sliding windows were taken without Redis, until Redis is told of it: per counter a log of amounts and when they were
 * taken, merged as a window's own log is (`rate-window.ts`), so that it does not grow with the number of requests. It is told
 * in batches. A batch has a number and stays the same until Redis has confirmed it, so that one whose answer was lost is told
 * again and counted once. What was taken and is in a batch already can no longer be changed here.
 */
import type { Hold, Part } from './hold.js';
import { type RateEntry, RateWindow } from './rate-window.js';

interface UntoldLog {
  readonly taken: RateWindow;
  readonly max: number;
}

export interface ToldLog {
  /** The counter's name. */
  readonly key: string;
  readonly windowMs: number;
  readonly max: number;
  /** Oldest first, by the monotonic clock. */
  readonly taken: readonly Pick<RateEntry, 'firstMs' | 'lastMs' | 'amount'>[];
}

export interface UntoldBatch {
  readonly number: number;
  readonly logs: readonly ToldLog[];
}

/** Counters in one batch, and entries after which it is full: what Redis does in a few milliseconds. */
const AT_ONCE = 100;
const FULL = 1000;

export class UntoldRates {
  readonly #logs = new Map<string, UntoldLog>();
  #batch: UntoldBatch | undefined;
  #number = 0;

  get any(): boolean {
    return this.#batch !== undefined || this.#logs.size > 0;
  }

  /** There is more than one batch can take. */
  get many(): boolean {
    return this.#logs.size > AT_ONCE || (this.#batch !== undefined && this.#logs.size > 0);
  }

  /** Remembers what the parts of a reservation without Redis took, and when. */
  take(parts: readonly Part[], nowMs: number): void {
    for (const part of parts) {
      if (part.limit.kind !== 'rate') continue;
      const { own } = part;
      if (own) {
        part.takenMs = own.takenMs;
        part.untold = own.untold;
        continue;
      }
      part.takenMs = nowMs;
      if (part.amount > 0) part.untold = this.#add(part, nowMs, part.amount);
    }
  }

  /**
   * What a hold settled without Redis really used. Answers false where Redis has to be told of it with the hold, since it
   * counts the reservation already, or is about to.
   */
  settle(hold: Hold, nowMs: number): boolean {
    let whole = true;
    for (const part of hold.parts) {
      const { untold, amount, actual, limit } = part;
      if (limit.kind !== 'rate' || actual === amount) continue;
      if (part.takenMs >= 0 && nowMs - part.takenMs >= limit.windowMs && actual < amount) continue; // it has left the window
      const log = this.#logs.get(part.key)?.taken;
      if (untold === null || untold.gone || !log) {
        whole = false;
        continue;
      }
      if (actual < amount) log.giveBack(untold, amount - actual);
      else this.#add(part, nowMs, actual - amount);
      part.amount = actual;
    }
    return whole;
  }

  /** What Redis is to be told now; undefined where that is nothing. The same again until `told`. */
  batch(nowMs: number): UntoldBatch | undefined {
    if (this.#batch) return this.#batch;
    const logs: ToldLog[] = [];
    let size = 0;
    for (const [key, { taken, max }] of this.#logs) {
      if (logs.length === AT_ONCE || size >= FULL) break;
      this.#logs.delete(key);
      taken.expire(nowMs);
      const entries = taken.close();
      size += entries.length;
      if (entries.length > 0) logs.push({ key, windowMs: taken.windowMs, max, taken: entries });
    }
    if (logs.length === 0) return undefined;
    this.#number += 1;
    this.#batch = { number: this.#number, logs };
    return this.#batch;
  }

  /** Redis has the batch. */
  told(): void {
    this.#batch = undefined;
  }

  /** Drops what has left its window: at most a thousand windows are looked at. */
  dropPast(nowMs: number): void {
    let left = Math.min(1000, this.#logs.size);
    for (const [key, log] of this.#logs) {
      if (left-- === 0) return;
      log.taken.expire(nowMs);
      this.#logs.delete(key);
      if (!log.taken.empty) this.#logs.set(key, log); // to the end: the next call looks at others
    }
  }

  #add({ key, limit }: Part, nowMs: number, amount: number) {
    let log = this.#logs.get(key);
    if (!log) {
      log = { taken: new RateWindow(null, key, limit.windowMs), max: limit.spec.max };
      this.#logs.set(key, log);
    }
    log.taken.expire(nowMs);
    return log.taken.take(nowMs, amount, log.max);
  }
}
