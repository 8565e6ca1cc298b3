/**
 * Open holds in the order in which their leases end. All leases are of one length, so whoever is renewed goes to the end:
 * a linked list, through the holds themselves, that takes the same time for any number of them.
 */
import type { Hold } from './hold.js';

export class Leases {
  readonly #leaseMs: number;
  #oldest: Hold | null = null;
  #newest: Hold | null = null;

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** Begins the lease of a hold, or begins it again. */
  renew(hold: Hold, nowMs: number): void {
    this.remove(hold);
    hold.list = this;
    hold.leaseEndsMs = nowMs + this.#leaseMs;
    hold.older = this.#newest;
    if (this.#newest === null) this.#oldest = hold;
    else this.#newest.newer = hold;
    this.#newest = hold;
  }

  /** Does nothing for a hold that is not in this list. */
  remove(hold: Hold): void {
    if (hold.list !== this) return;
    if (hold.older === null) this.#oldest = hold.newer;
    else hold.older.newer = hold.newer;
    if (hold.newer === null) this.#newest = hold.older;
    else hold.newer.older = hold.older;
    hold.list = null;
    hold.older = null;
    hold.newer = null;
  }

  *[Symbol.iterator](): Generator<Hold> {
    for (let hold = this.#oldest; hold !== null; hold = hold.newer) yield hold;
  }

  /** The hold whose lease ended first, if one has ended; it stays in the list. */
  ended(nowMs: number): Hold | null {
    return this.#oldest !== null && this.#oldest.leaseEndsMs <= nowMs ? this.#oldest : null;
  }

  /** Renews what is in the second half of its lease and may still be renewed. */
  renewAll(nowMs: number): void {
    const half = nowMs + this.#leaseMs / 2;
    for (let hold = this.#oldest; hold !== null && hold.leaseEndsMs < half; ) {
      const next: Hold | null = hold.newer;
      if (hold.renewUntilMs > nowMs) this.renew(hold, nowMs);
      hold = next;
    }
  }
}
