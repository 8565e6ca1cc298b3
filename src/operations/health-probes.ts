/**
 * Health probes: each provider that is to be probed is asked from time to time, whatever requests show, and its targets are passed
 * over while it does not answer. One probe of a provider runs at a time; the next begins an interval after the last has ended. A
 * reload takes over what is known: a provider that is probed no more counts as up. States are of this process, like breakers.
 */
import type { Clock } from '../lib/clock.js';
import type { Timer } from '../lib/timer.js';
import type { ProbeResult, ProbeRule, ProbeState } from '../router/probe-state.js';

export interface Probed extends ProbeRule {
  readonly provider: string;
  readonly state: ProbeState;
  readonly intervalMs: number;
}

interface HealthProbesDeps<P extends Probed> {
  readonly clock: Clock;
  readonly timer: Timer;
  /** Asks: a status, or what kept one from coming. */
  readonly ask: (probe: P) => Promise<number | string>;
  readonly onResult: (provider: string, result: ProbeResult) => void;
  /** Told where targets go out of use or come back. */
  readonly onChange: (provider: string, up: boolean, what: string) => void;
}

interface Running<P> {
  probe: P;
  cancel: () => void;
}

const LEAST_BAD_STATUS = 500;

export class HealthProbes<P extends Probed> {
  readonly #deps: HealthProbesDeps<P>;
  readonly #running = new Map<ProbeState, Running<P>>();

  constructor(deps: HealthProbesDeps<P>) {
    this.#deps = deps;
  }

  /** What is to be probed from now on. */
  take(probes: readonly P[]): void {
    const wanted = new Map(probes.map((probe) => [probe.state, probe]));
    for (const [state, running] of this.#running) {
      if (wanted.has(state)) continue;
      running.cancel();
      this.#running.delete(state);
      state.forget();
    }
    for (const [state, probe] of wanted) {
      const running = this.#running.get(state);
      // At once, for another path or credential may find something else.
      if (running) running.cancel();
      const next: Running<P> = { probe, cancel: () => {} };
      this.#running.set(state, next);
      void this.#probe(next);
    }
  }

  close(): void {
    for (const { cancel } of this.#running.values()) cancel();
    this.#running.clear();
  }

  async #probe(running: Running<P>): Promise<void> {
    const { probe } = running;
    const { clock, timer, ask, onResult, onChange } = this.#deps;
    const began = clock.monotonic();
    const answer = await ask(probe);
    if (this.#running.get(probe.state) !== running) return;
    const now = clock.monotonic();
    const good = typeof answer === 'number' && answer < LEAST_BAD_STATUS;
    const result = { good, what: String(answer), tookMs: now - began };
    const changed = probe.state.seen(result, probe, now, now + probe.intervalMs);
    onResult(probe.provider, result);
    if (changed) onChange(probe.provider, good, result.what);
    running.cancel = timer(probe.intervalMs, () => void this.#probe(running));
  }
}
