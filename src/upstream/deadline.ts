/**
 * Deadlines of running attempts. One coarse ticker serves them all and runs only while there is something to watch: arming
 * a deadline is an assignment, not a timer. A deadline passes at most one tick late.
 */
import type { Clock } from '../lib/clock.js';

const TICK_MS = 20;

/** Milliseconds; all of them end the attempt, `keepAlive` only rings. */
export interface Timeouts {
  /** From the start until the request is on a connection. */
  readonly connect: number;
  /** From then until the first byte of the answer's body. */
  readonly first_byte: number;
  /** Between two pieces of the body, while the caller is taking them. */
  readonly idle: number;
  /** From the start to the end. */
  readonly total: number;
  /** Silence after which a streaming caller is told that the line is alive. */
  readonly keep_alive: number;
}

export type Phase = 'connect' | 'first_byte' | 'idle';

export interface Watched {
  readonly onTimeout: (which: Phase | 'total') => void;
  readonly onSilence?: () => void;
}

export class Deadline {
  #phase: Phase = 'connect';
  #since: number;
  #rang: number;
  #paused = false;
  readonly #total: number;
  readonly timeouts: Timeouts;
  readonly watched: Watched;

  constructor(nowMs: number, timeouts: Timeouts, watched: Watched) {
    this.#since = nowMs;
    this.#rang = nowMs;
    this.#total = nowMs + timeouts.total;
    this.timeouts = timeouts;
    this.watched = watched;
  }

  /** Something arrived, or a phase begins: the clock of the phase starts anew. */
  enter(phase: Phase, nowMs: number): void {
    this.#phase = phase;
    this.#since = nowMs;
    this.#rang = nowMs;
  }

  /** While the caller takes no bytes, silence of the upstream is our own doing. */
  pause(): void {
    this.#paused = true;
  }

  resume(nowMs: number): void {
    this.#paused = false;
    this.#since = nowMs;
    this.#rang = nowMs;
  }

  check(nowMs: number): void {
    if (nowMs >= this.#total) return this.watched.onTimeout('total');
    if (this.#paused) return;
    if (nowMs - this.#since >= this.timeouts[this.#phase]) return this.watched.onTimeout(this.#phase);
    if (this.#phase === 'connect' || nowMs - this.#rang < this.timeouts.keep_alive) return;
    this.#rang = nowMs;
    this.watched.onSilence?.();
  }
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #running = new Set<Deadline>();
  #ticker: NodeJS.Timeout | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(timeouts: Timeouts, watched: Watched): Deadline {
    const deadline = new Deadline(this.#clock.monotonic(), timeouts, watched);
    this.#running.add(deadline);
    this.#ticker ??= setInterval(this.#tick, TICK_MS);
    return deadline;
  }

  stop(deadline: Deadline): void {
    this.#running.delete(deadline);
  }

  now(): number {
    return this.#clock.monotonic();
  }

  readonly #tick = (): void => {
    if (this.#running.size === 0) {
      // Stopped here and not with the last deadline, so that a steady trickle of requests does not make a timer each.
      clearInterval(this.#ticker);
      this.#ticker = undefined;
      return;
    }
    const now = this.#clock.monotonic();
    for (const deadline of this.#running) deadline.check(now);
  };
}
