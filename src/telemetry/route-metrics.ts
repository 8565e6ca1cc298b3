/** Metrics of classic routes. Methods that are not usual are one label, so that clients cannot make series. */
import type { Counter, Registry } from 'prom-client';
import { gaugeOf, type HistogramSeries, histogramFamily, rareCounter } from './series.js';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

interface State {
  readonly route: string;
  readonly target: string;
  readonly healthy: boolean;
  readonly breaker: 'closed' | 'half_open' | 'open' | 'held_open';
}

const STATES = { closed: 0, half_open: 1, open: 2, held_open: 2 };

export class RouteMetrics {
  readonly #duration: ReturnType<typeof histogramFamily>;
  readonly #refusals: Counter;
  readonly #retries: Counter;
  readonly #series = new Map<string, HistogramSeries>();

  constructor(registry: Registry, targets: () => readonly State[]) {
    this.#duration = histogramFamily(registry, 'tollgate_route_duration_seconds');
    this.#refusals = rareCounter(registry, 'tollgate_route_refusals_total');
    this.#retries = rareCounter(registry, 'tollgate_route_retries_total');
    gaugeOf(registry, 'tollgate_route_breaker_state', (gauge) => {
      for (const { route, target, breaker } of targets()) gauge.set({ route, target }, STATES[breaker]);
    });
    gaugeOf(registry, 'tollgate_route_target_healthy', (gauge) => {
      for (const { route, target, healthy } of targets()) gauge.set({ route, target }, healthy ? 1 : 0);
    });
  }

  answered(route: string, method: string, status: number, durationMs: number): void {
    const verb = METHODS.has(method) ? method : 'other';
    const name = `${route} ${verb} ${status}`;
    let series = this.#series.get(name);
    if (!series) {
      series = this.#duration.add({ route, method: verb, code: String(status) });
      this.#series.set(name, series);
    }
    series.observe(durationMs / 1000);
  }

  refused(route: string, policy: string, logOnly: boolean): void {
    this.#refusals.inc({ route, policy, mode: logOnly ? 'log' : 'enforce' });
  }

  retried(route: string, reason: string): void {
    this.#retries.inc({ route, reason });
  }
}
