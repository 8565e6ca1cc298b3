/**
 * The attempts of a target that were sent and have had no first byte yet, the oldest first. The list goes through the attempts
 * themselves, so that one leaves it without being searched for.
 */
export class Waiting {
  readonly sinceMs: number;
  /** It has neither been answered nor ended. */
  waits = true;
  before: Waiting | null = null;
  after: Waiting | null = null;

  constructor(sinceMs: number) {
    this.sinceMs = sinceMs;
  }
}

export class Unanswered {
  #oldest: Waiting | null = null;
  #newest: Waiting | null = null;

  add(one: Waiting): void {
    one.before = this.#newest;
    if (this.#newest) this.#newest.after = one;
    else this.#oldest = one;
    this.#newest = one;
  }

  /** Again, it does nothing. */
  remove(one: Waiting): void {
    if (!one.waits) return;
    one.waits = false;
    const { before, after } = one;
    if (before) before.after = after;
    else this.#oldest = after;
    if (after) after.before = before;
    else this.#newest = before;
    one.before = null;
    one.after = null;
  }

  /** How long the oldest has waited; 0 where none waits. */
  waitedMs(nowMs: number): number {
    return this.#oldest ? Math.max(0, nowMs - this.#oldest.sinceMs) : 0;
  }
}
