/**
 * The latency of a target as an exponentially weighted moving average that jumps up to every peak at once and comes down
 * slowly (Finagle's "peak EWMA"): a target that turned slow is left at once, and tried again as the memory of it fades.
 */
const DECAY_MS = 10_000;
/** After so long a time without a new one, what was observed is forgotten. */
const FORGOTTEN_MS = 6 * DECAY_MS;

export class PeakEwma {
  #ms = 0;
  #atMs = Number.NEGATIVE_INFINITY;

  observe(ms: number, nowMs: number): void {
    const faded = this.read(nowMs);
    const share = Math.exp(-Math.max(0, nowMs - this.#atMs) / DECAY_MS);
    this.#ms = ms > faded ? ms : this.#ms * share + ms * (1 - share);
    this.#atMs = nowMs;
  }

  /** Something was observed, and is not forgotten. */
  isKnown(nowMs: number): boolean {
    return nowMs - this.#atMs < FORGOTTEN_MS;
  }

  /** Milliseconds; 0 where nothing was observed, or so long ago that it is forgotten. */
  read(nowMs: number): number {
    return this.#ms * Math.exp(-Math.max(0, nowMs - this.#atMs) / DECAY_MS);
  }
}
