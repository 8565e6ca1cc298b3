/**
 * How many further attempts the requests of one model may make together, so that an outage of everything behind it does not
 * multiply the load: within a sliding window at most `share` of its requests, and `floor` besides. An attempt takes its place
 * before it is made, and gives it back where it was answered: a failover that works costs nothing. The window is ten slices of a
 * ring. One object per model and process, never awaited.
 */
export interface RetryBudgetRule {
  /** Further attempts for each request. */
  readonly share: number;
  /** Further attempts of a window that are always there. */
  readonly floor: number;
  /** Milliseconds. */
  readonly window: number;
}

const SLICES = 10;
/** Shares are sums of fractions. */
const EPSILON = 1e-9;

export class RetryBudget {
  readonly rule: RetryBudgetRule;
  readonly #requests = new Float64Array(SLICES);
  readonly #retries = new Float64Array(SLICES);
  #slice = 0;

  constructor(rule: RetryBudgetRule) {
    this.rule = rule;
  }

  /** A request makes its first attempt. */
  request(nowMs: number): void {
    this.#turnTo(nowMs);
    this.#requests[this.#slice % SLICES]! += 1;
  }

  /** How many further attempts may be made now; below 1: none. */
  left(nowMs: number): number {
    this.#turnTo(nowMs);
    const { share, floor } = this.rule;
    return floor + share * sum(this.#requests) - sum(this.#retries);
  }

  /** Takes the place of a further attempt; false: there is none. */
  take(nowMs: number): boolean {
    if (this.left(nowMs) < 1 - EPSILON) return false;
    this.#retries[this.#slice % SLICES]! += 1;
    return true;
  }

  /** A further attempt was answered. */
  giveBack(nowMs: number): void {
    this.#turnTo(nowMs);
    // Its place may be in an older slice: the newest that has one gives it back, which lasts as long at least.
    for (let back = 0; back < SLICES; back++) {
      const at = (this.#slice - back + SLICES) % SLICES;
      if (this.#retries[at]! === 0) continue;
      this.#retries[at]! -= 1;
      return;
    }
  }

  /** Empties the slices that time has passed over. */
  #turnTo(nowMs: number): void {
    const slice = Math.floor((nowMs * SLICES) / this.rule.window);
    const passed = slice - this.#slice;
    if (passed <= 0) return;
    for (let i = 1; i <= Math.min(passed, SLICES); i++) {
      this.#requests[(this.#slice + i) % SLICES] = 0;
      this.#retries[(this.#slice + i) % SLICES] = 0;
    }
    this.#slice = slice;
  }
}

function sum(counts: Float64Array): number {
  let all = 0;
  for (const count of counts) all += count;
  return all;
}
