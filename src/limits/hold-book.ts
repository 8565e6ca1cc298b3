/**
 * What a gateway remembers of its own holds, and what Redis was told of them: so that a Redis that lost its state, or that
 * was away while requests were admitted without it, can be told what it does not know. A hold is remembered until Redis
 * knows that it is settled and the ledger has its entries; bounded in time where nobody says the latter.
 */
import type { Clock } from '../lib/clock.js';
import { Hold } from './hold.js';

export interface Kept {
  readonly hold: Hold;
  /** The epoch in which Redis was told of it; empty: never. */
  epoch: string;
  /** Redis may know it otherwise than it is. */
  dirty: boolean;
  /** The ledger has its entries. */
  posted: boolean;
  /** Rates count what it took and not yet what it used, which only Redis can change. */
  owed: boolean;
  /** Redis is not told of it before this, monotonic milliseconds. */
  untilMs: number;
  /** Monotonic milliseconds when Redis was last told that it lives, or that it is settled. */
  toldMs: number;
}

/** What a beat says: at most so much of each at once. */
const AT_ONCE = 500;

export class HoldBook {
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #keepMs: number;
  readonly #holds = new Map<string, Kept>();

  constructor(clock: Clock, leaseMs: number, keepMs: number) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#keepMs = keepMs;
  }

  get size(): number {
    return this.#holds.size;
  }

  get(id: string): Kept | undefined {
    return this.#holds.get(id);
  }

  /** Remembers a hold, as one that Redis does not know yet. */
  keep(hold: Hold): Kept {
    let kept = this.#holds.get(hold.id);
    if (kept?.hold !== hold) {
      kept = {
        hold,
        epoch: kept?.epoch ?? '',
        dirty: true,
        posted: false,
        owed: false,
        untilMs: 0,
        toldMs: this.#clock.monotonic(),
      };
      this.#holds.set(hold.id, kept);
    }
    return kept;
  }

  told(kept: Kept, epoch: string): void {
    kept.epoch = epoch;
    kept.dirty = false;
    kept.owed = false;
    kept.toldMs = this.#clock.monotonic();
  }

  /** Redis may have taken what it was asked for: unless the hold is kept after all, it is told after `afterMs` that it is over. */
  mayBeThere(hold: Hold, epoch: string, afterMs: number): void {
    let kept = this.#holds.get(hold.id);
    if (!kept) {
      const over = new Hold(hold.id, '', [], 0);
      over.state = 'settled';
      kept = this.keep(over);
      kept.posted = true;
      kept.untilMs = this.#clock.monotonic() + afterMs;
    }
    kept.epoch = epoch;
    kept.dirty = true;
  }

  posted(ids: readonly string[]): void {
    for (const id of ids) {
      const kept = this.#holds.get(id);
      if (kept) kept.posted = true;
    }
  }

  /** Holds whose spending no ledger is known to have. */
  *unposted(): Generator<Hold> {
    for (const { hold, posted } of this.#holds.values()) if (!posted) yield hold;
  }

  /** What Redis in this epoch does not know, or not as it is. What is settled and posted a new Redis finds in the ledger. */
  untold(epoch: string): Kept[] {
    const untold: Kept[] = [];
    const now = this.#clock.monotonic();
    for (const kept of this.#holds.values()) {
      if (kept.untilMs > now) continue;
      const over = kept.posted && kept.hold.state === 'settled' && !kept.owed;
      if (kept.epoch === epoch ? kept.dirty : !over) untold.push(kept);
    }
    return untold;
  }

  /** What is due to be renewed, and what Redis may forget. */
  due(epoch: string): { readonly renew: readonly Kept[]; readonly posted: readonly string[]; readonly more: boolean } {
    const now = this.#clock.monotonic();
    const renew: Kept[] = [];
    const posted: string[] = [];
    for (const kept of this.#holds.values()) {
      const { hold } = kept;
      if (kept.dirty || kept.epoch !== epoch) continue;
      const live = hold.state !== 'settled';
      if (!live && kept.posted && posted.length < AT_ONCE) posted.push(hold.id);
      const old = now - kept.toldMs > this.#leaseMs / 3 && now < hold.renewUntilMs;
      if (live && old && renew.length < AT_ONCE) renew.push(kept);
    }
    return { renew, posted, more: renew.length === AT_ONCE || posted.length === AT_ONCE };
  }

  /** Redis was told what was due. */
  done({ renew, posted }: { readonly renew: readonly Kept[]; readonly posted: readonly string[] }): void {
    const now = this.#clock.monotonic();
    for (const kept of renew) kept.toldMs = now;
    for (const id of posted) this.#holds.delete(id);
  }

  /** Drops what no Redis will ask for again. `epoch`: that of the Redis in use; undefined while there is none. */
  forget(epoch: string | undefined): void {
    const long = this.#clock.monotonic() - this.#keepMs;
    for (const [id, kept] of this.#holds) {
      if (kept.hold.state !== 'settled') continue;
      const notThere = kept.epoch === '' || (epoch !== undefined && kept.epoch !== epoch);
      if ((kept.posted && notThere && !kept.owed) || (kept.toldMs < long && !kept.dirty)) this.#holds.delete(id);
    }
  }
}
