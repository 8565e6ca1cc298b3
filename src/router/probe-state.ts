/**
 * What the health probes of a provider found: down after so many bad ones in a row, up again after so many good ones. One object
 * for each address that is probed, shared by all targets behind it, and kept from one configuration to the next. Until the first
 * probe a provider counts as up. Times are monotonic milliseconds.
 */
export interface ProbeRule {
  /** Bad probes in a row after which the targets are passed over. */
  readonly unhealthy_after: number;
  /** Good ones in a row after which they are used again. */
  readonly healthy_after: number;
}

/** How one probe ended. */
export interface ProbeResult {
  readonly good: boolean;
  /** The status, or what kept one from coming: `503`, `timeout`, `connect`. */
  readonly what: string;
  readonly tookMs: number;
}

export class ProbeState {
  #up = true;
  #streak = 0;
  #nextAtMs = 0;
  /** The last one. */
  last: (ProbeResult & { readonly atMs: number }) | null = null;

  get up(): boolean {
    return this.#up;
  }

  /** When its targets may be used again at the earliest. */
  readyAt(nowMs: number): number {
    return this.#up ? nowMs : Math.max(nowMs, this.#nextAtMs);
  }

  /** A probe ended; the next one begins at `nextAtMs`. Answers whether the state has changed. */
  seen(result: ProbeResult, { unhealthy_after, healthy_after }: ProbeRule, nowMs: number, nextAtMs: number): boolean {
    this.last = { ...result, atMs: nowMs };
    this.#nextAtMs = nextAtMs;
    if (result.good === this.#up) {
      this.#streak = 0;
      return false;
    }
    this.#streak += 1;
    if (this.#streak < (result.good ? healthy_after : unhealthy_after)) return false;
    this.#up = result.good;
    this.#streak = 0;
    return true;
  }

  /** Nobody probes any more. */
  forget(): void {
    this.#up = true;
    this.#streak = 0;
    this.last = null;
  }
}

/** Of targets that nobody probes. */
export const ALWAYS_UP: ProbeState = new ProbeState();
