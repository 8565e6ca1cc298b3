import type { Clock } from '../../src/lib/clock.js';

/** A clock that only a test moves. Wall and monotonic time move together, except where the wall clock is made to step. */
export class ManualClock implements Clock {
  #wallMs: number;
  #monotonicMs = 1000;

  constructor(start: string | number = '2026-11-24T08:00:00Z') {
    this.#wallMs = typeof start === 'number' ? start : Date.parse(start);
  }

  now(): number {
    return this.#wallMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  /** Time passes. */
  advance(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }

  /** Somebody sets the wall clock, forth or back; no time passes. */
  step(ms: number): void {
    this.#wallMs += ms;
  }
}
