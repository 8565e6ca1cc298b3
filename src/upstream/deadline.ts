/**
 * Deadlines of running attempts. One coarse ticker serves them all and runs only while there is something to watch: arming
 * a deadline is an assignment, neither a timer nor a look at the clock. What happens is timed by the tick that follows it, so
 * a deadline passes up to two ticks late and never early, and most attempts are over before they are timed at all.
 *
 * They stand in an array and know their places. A `Set` would be shorter and cost dearly: V8's hash tables leave a chain of
 * outgrown tables behind, which keeps what was running at the time, and with it whole requests, alive through every scavenge.
 */
import type { Clock } from '../lib/clock.js';

const TICK_MS = 20;

/** Milliseconds; all of them end the attempt. */
export interface Timeouts {
  /** From the start until the request is on a connection. */
  readonly connect: number;
  /** From then until the first byte of the answer's body; infinite where only `total` bounds it. */
  readonly first_byte: number;
  /** Between two pieces of the body, while the caller is taking them. */
  readonly idle: number;
  /** From the start to the end. */
  readonly total: number;
}

export type Phase = 'connect' | 'first_byte' | 'idle';

export interface Watched {
  readonly onTimeout: (which: Phase | 'total') => void;
}

/** What the ticker looks at. */
export interface Ticking {
  /** Where it stands among those that run; -1 once it was stopped. */
  place: number;
  /** Monotonic milliseconds. */
  check(nowMs: number): void;
}

/** Of a moment that the next tick will time. */
const UNTIMED = -1;

export class Deadline implements Ticking {
  #phase: Phase = 'connect';
  #since = UNTIMED;
  #ends = UNTIMED;
  #paused = false;
  /** From the next tick on, where it is to end sooner than its phase says. */
  #within = Number.POSITIVE_INFINITY;
  place = -1;
  readonly timeouts: Timeouts;
  readonly watched: Watched;

  constructor(timeouts: Timeouts, watched: Watched) {
    this.timeouts = timeouts;
    this.watched = watched;
  }

  /** Something arrived, or a phase begins: the clock of the phase starts anew. */
  enter(phase: Phase): void {
    this.#phase = phase;
    this.#since = UNTIMED;
  }

  /** It ends in so many milliseconds at the latest. */
  endWithin(ms: number): void {
    this.#within = ms;
  }

  /** While the caller takes no bytes, silence of the upstream is our own doing. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#since = UNTIMED;
  }

  check(nowMs: number): void {
    if (this.#ends === UNTIMED) this.#ends = nowMs + this.timeouts.total;
    if (this.#within !== Number.POSITIVE_INFINITY) {
      this.#ends = Math.min(this.#ends, nowMs + this.#within);
      this.#within = Number.POSITIVE_INFINITY;
    }
    if (nowMs >= this.#ends) return this.watched.onTimeout('total');
    if (this.#paused) return;
    if (this.#since === UNTIMED) {
      this.#since = nowMs;
      return;
    }
    if (nowMs - this.#since >= this.timeouts[this.#phase]) this.watched.onTimeout(this.#phase);
  }
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #running: Ticking[] = [];
  #ticker: NodeJS.Timeout | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(timeouts: Timeouts, watched: Watched): Deadline {
    const deadline = new Deadline(timeouts, watched);
    this.watch(deadline);
    return deadline;
  }

  /** To be given back with `stop`. */
  watch(one: Ticking): void {
    one.place = this.#running.push(one) - 1;
    this.#ticker ??= setInterval(this.#tick, TICK_MS);
  }

  stop(one: Ticking): void {
    const { place } = one;
    if (place === -1) return;
    one.place = -1;
    const last = this.#running.pop()!;
    if (last === one) return;
    this.#running[place] = last;
    last.place = place;
  }

  now(): number {
    return this.#clock.monotonic();
  }

  readonly #tick = (): void => {
    if (this.#running.length === 0) {
      // Stopped here and not with the last deadline, so that a steady trickle of requests does not make a timer each.
      clearInterval(this.#ticker);
      this.#ticker = undefined;
      return;
    }
    const now = this.#clock.monotonic();
    // From the end: one that stops itself is replaced by one that was checked already.
    for (let i = this.#running.length - 1; i >= 0; i--) this.#running[i]?.check(now);
  };
}
