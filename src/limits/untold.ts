/**
 * What a gateway has to tell a Redis that was away, or that lost what it knew: how much sliding windows were taken meanwhile,
 * every hold that Redis does not know as it is now, and which budgets were spent without it. Told in steps of bounded size.
 * Requests go on meanwhile; what changes between a step and its answer is told in the next one.
 */
import type { Clock } from '../lib/clock.js';
import type { RedisCounters } from './counters-redis.js';
import type { Hold, Part } from './hold.js';
import type { HoldBook, Kept } from './hold-book.js';
import { UntoldRates } from './untold-rates.js';

const CHUNK = 100;

export class Untold {
  readonly rates = new UntoldRates();
  readonly #redis: RedisCounters;
  readonly #holds: HoldBook;
  readonly #clock: Clock;
  /** Counters of budgets that were spent without Redis, which are to be rebuilt there. */
  readonly #budgets = new Set<string>();

  constructor(redis: RedisCounters, holds: HoldBook, clock: Clock) {
    this.#redis = redis;
    this.#holds = holds;
    this.#clock = clock;
  }

  get any(): boolean {
    return this.rates.any || this.#holds.untold(this.#redis.epoch).length > 0;
  }

  /** A hold took these parts without Redis. */
  taken(hold: Hold, parts: readonly Part[]): void {
    for (const part of parts) if (part.limit.kind === 'budget') this.#budgets.add(part.key);
    this.rates.take(parts, this.#clock.monotonic());
    this.#holds.keep(hold).dirty = true;
  }

  /** A hold is settled without Redis, or perhaps with it; `mark` writes that into the hold. */
  settled(hold: Hold, mark: () => void): void {
    const kept = this.#holds.get(hold.id);
    // A hold that Redis was never told of is only in the log; any other Redis corrects itself, once, when it is told of the end.
    mark();
    const whole = kept?.epoch === '' && this.rates.settle(hold, this.#clock.monotonic());
    if (!kept) return;
    kept.dirty = true;
    kept.owed = !whole;
  }

  /** Tells all but what one step can tell. */
  async tellMost(): Promise<void> {
    for (;;) {
      const rest = this.#holds.untold(this.#redis.epoch);
      if (rest.length <= CHUNK && !this.rates.many) return;
      await this.#tellRates();
      await this.#tellOf(rest.slice(0, CHUNK), []);
    }
  }

  /** Tells the rest. It is sent before this returns, so that no request can come between. */
  async tellLast(): Promise<void> {
    const budgets = [...this.#budgets];
    this.#budgets.clear();
    try {
      await Promise.all([this.#tellRates(), this.#tellOf(this.#holds.untold(this.#redis.epoch), budgets)]);
    } catch (error) {
      for (const key of budgets) this.#budgets.add(key);
      throw error;
    }
  }

  async #tellRates(): Promise<void> {
    const batch = this.rates.batch(this.#clock.monotonic());
    if (!batch) return;
    await this.#redis.tellTaken(batch);
    this.rates.told();
  }

  async #tellOf(chunk: readonly Kept[], stale: readonly string[]): Promise<void> {
    const holds = chunk.map(({ hold }) => hold);
    const told = holds.map(({ state }) => state);
    for (const kept of chunk) kept.dirty = false;
    try {
      const epoch = await this.#redis.adopt(holds, stale);
      for (const [i, kept] of chunk.entries()) {
        kept.epoch = epoch;
        if (told[i] === 'settled') kept.owed = false;
        // Settled while that was on its way: Redis may have heard of the end before it heard of the hold.
        if (kept.hold.state !== told[i]) kept.dirty = true;
      }
    } catch (error) {
      for (const kept of chunk) {
        kept.dirty = true;
        kept.epoch = this.#redis.epoch; // it may have been told
      }
      throw error;
    }
  }
}
