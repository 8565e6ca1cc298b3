/**
 * A circuit breaker for one target: closed, open, half-open. Closed, it counts results in a window of ten buckets and opens
 * where there were `minRequests` and the share of failures reached `failureRate`. Open, it lets nothing pass for `openMs`. Then
 * it is half-open: `probes` requests may try, no more at once; all of them must succeed to close it, one failure opens it
 * again. All in this process and without a timer.
 */
import type { Clock } from '../lib/clock.js';

export interface BreakerOptions {
  readonly failureRate: number;
  readonly minRequests: number;
  readonly windowMs: number;
  readonly openMs: number;
  readonly probes: number;
}

export type BreakerState = 'closed' | 'half_open' | 'open';

const BUCKETS = 10;

export class Breaker {
  readonly #options: BreakerOptions;
  readonly #clock: Clock;
  readonly #onChange: (state: BreakerState) => void;
  readonly #good = new Array<number>(BUCKETS).fill(0);
  readonly #bad = new Array<number>(BUCKETS).fill(0);
  readonly #bucketMs: number;
  #bucket = 0;
  #goodSum = 0;
  #badSum = 0;
  #state: BreakerState = 'closed';
  #openUntil = 0;
  #probing = 0;
  #probed = 0;
  /** Grows with each change of state, so that results of an older time are known as such. */
  #era = 0;

  constructor(options: BreakerOptions, clock: Clock, onChange: (state: BreakerState) => void = () => {}) {
    this.#options = options;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#bucketMs = options.windowMs / BUCKETS;
  }

  get state(): BreakerState {
    return this.#state === 'open' && this.#clock.monotonic() >= this.#openUntil ? 'half_open' : this.#state;
  }

  /** Whether a request would be let pass now. */
  get passes(): boolean {
    if (this.#state === 'closed') return true;
    if (this.#state === 'open') return this.#clock.monotonic() >= this.#openUntil;
    return this.#probing + this.#probed < this.#options.probes;
  }

  /** Milliseconds until it is tried again; 0 where it lets pass. */
  get waitMs(): number {
    if (this.passes) return 0;
    return this.#state === 'open' ? Math.max(1, this.#openUntil - this.#clock.monotonic()) : 1_000;
  }

  /** Lets a request pass that `passes` said may; answers the era to hand to `done`. */
  enter(): number {
    if (this.#state === 'open' && this.#clock.monotonic() >= this.#openUntil) {
      this.#become('half_open');
      this.#probing = 0;
      this.#probed = 0;
    }
    if (this.#state === 'half_open') this.#probing += 1;
    return this.#era;
  }

  /** What became of it; `undefined`: it says nothing of the target (the client left). */
  done(era: number, good: boolean | undefined): void {
    if (era !== this.#era) return;
    if (this.#state === 'half_open') {
      this.#probing -= 1;
      if (good === false) return this.#open();
      if (good === true && ++this.#probed >= this.#options.probes) {
        this.#clear();
        this.#become('closed');
      }
      return;
    }
    if (good === undefined || this.#state === 'open') return;
    this.#roll();
    if (good) {
      this.#good[this.#bucket % BUCKETS]! += 1;
      this.#goodSum += 1;
      return;
    }
    this.#bad[this.#bucket % BUCKETS]! += 1;
    this.#badSum += 1;
    const all = this.#goodSum + this.#badSum;
    const { minRequests, failureRate } = this.#options;
    if (all >= minRequests && this.#badSum / all >= failureRate) this.#open();
  }

  #open(): void {
    this.#openUntil = this.#clock.monotonic() + this.#options.openMs;
    this.#clear();
    this.#become('open');
  }

  #become(state: BreakerState): void {
    this.#state = state;
    this.#era += 1;
    this.#onChange(state);
  }

  /** Forgets the buckets that left the window. */
  #roll(): void {
    const now = Math.floor(this.#clock.monotonic() / this.#bucketMs);
    if (now - this.#bucket >= BUCKETS) this.#clear();
    else {
      for (let at = this.#bucket + 1; at <= now; at++) {
        this.#goodSum -= this.#good[at % BUCKETS]!;
        this.#badSum -= this.#bad[at % BUCKETS]!;
        this.#good[at % BUCKETS] = 0;
        this.#bad[at % BUCKETS] = 0;
      }
    }
    this.#bucket = now;
  }

  #clear(): void {
    this.#good.fill(0);
    this.#bad.fill(0);
    this.#goodSum = 0;
    this.#badSum = 0;
  }
}
