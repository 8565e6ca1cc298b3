/**
 * A sliding window as a log of what was taken and when, with neighbours merged where that costs nearly nothing.
 *
 * Each entry stays for one window length after the last of what it holds; what would take the sum over `max` is refused. So
 * no span of one window length ever has more than `max` in it. Two takings share an entry only if they lie within 1 % of
 * the window and come to no more than 1/64 of `max`: at any moment at most 1/64 of `max` is kept too long, and none of it
 * longer than 1 % of the window, so in a saturated window at least 98 % of `max` is admitted (less what is left over where
 * a request is larger than the rest). Of two neighbours, either the second began more than 1 % of the window after the
 * first, or both came to more than 1/64 of `max`: a window has at most 230 entries, whatever `max` is, and a limit of up to
 * 64 requests has one entry per request and is exact. A refusal's wait is read off the log: the moment at which enough
 * entries have left.
 *
 * What turns out smaller than expected is given back where it was taken. What turns out larger counts from the moment at
 * which it is known, without a check: the sum may then be over `max`, and nothing is admitted until it is not.
 *
 * The clock must never step back.
 */
export interface RateEntry {
  readonly firstMs: number;
  lastMs: number;
  amount: number;
  next: RateEntry | null;
  /** Left the window; giving back changes nothing any more. */
  gone: boolean;
}

const SPAN = 0.01;
const GRAIN = 1 / 64;

export class RateWindow {
  readonly kind = 'rate';
  /** The counter's name. */
  readonly key: string;
  readonly windowMs: number;
  sum = 0;
  /** The store that has it; null once it is dropped. */
  owner: object | null;
  /** The reservation that looked at it last. */
  asked: object | null = null;
  #head: RateEntry | null = null;
  #tail: RateEntry | null = null;
  /** Nothing leaves the window before this is out of it; so the head need not be looked at each time. */
  #headMs = Number.POSITIVE_INFINITY;

  constructor(owner: object | null, key: string, windowMs: number) {
    this.owner = owner;
    this.key = key;
    this.windowMs = windowMs;
  }

  get empty(): boolean {
    return this.#head === null;
  }

  /** Drops what has left the window. Call before anything else is asked at `nowMs`. */
  expire(nowMs: number): void {
    const before = nowMs - this.windowMs;
    if (this.#headMs > before) return;
    let head = this.#head;
    while (head !== null && head.lastMs <= before) {
      this.sum -= head.amount;
      head.gone = true;
      head = head.next;
    }
    this.#head = head;
    this.#headMs = head === null ? Number.POSITIVE_INFINITY : head.lastMs;
    if (head === null) this.#tail = null;
  }

  /** Takes `amount` without asking whether it fits. */
  take(nowMs: number, amount: number, max: number): RateEntry {
    this.sum += amount;
    const tail = this.#tail;
    if (tail !== null && nowMs - tail.firstMs <= this.windowMs * SPAN && tail.amount + amount <= max * GRAIN) {
      tail.amount += amount;
      tail.lastMs = nowMs;
      return tail;
    }
    const entry: RateEntry = { firstMs: nowMs, lastMs: nowMs, amount, next: null, gone: false };
    if (tail === null) {
      this.#head = entry;
      this.#headMs = nowMs;
    } else {
      tail.next = entry;
    }
    this.#tail = entry;
    return entry;
  }

  giveBack(entry: RateEntry, amount: number): void {
    if (entry.gone) return;
    entry.amount -= amount;
    this.sum -= amount;
  }

  /** Milliseconds until `amount` fits if nothing else is taken; null where it never does. */
  waitMs(nowMs: number, amount: number, max: number): number | null {
    if (amount > max) return null;
    let over = this.sum + amount - max;
    let at = nowMs;
    for (let entry = this.#head; over > 0 && entry !== null; entry = entry.next) {
      over -= entry.amount;
      at = entry.lastMs + this.windowMs;
    }
    return Math.max(0, at - nowMs);
  }

  /** What is left in it, oldest first; nothing of it can be given back any more, and the window is not to be used again. */
  close(): Pick<RateEntry, 'firstMs' | 'lastMs' | 'amount'>[] {
    const entries: RateEntry[] = [];
    for (let entry = this.#head; entry !== null; entry = entry.next) {
      if (entry.amount > 0) entries.push(entry);
      entry.gone = true;
    }
    return entries;
  }

  /** Milliseconds until nothing is left in the window. */
  resetMs(nowMs: number): number {
    return this.#tail === null ? 0 : Math.max(0, this.windowMs - (nowMs - this.#tail.lastMs));
  }
}
