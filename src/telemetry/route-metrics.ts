/** Metrics of classic routes. Methods that are not usual are one label, so that clients cannot make series. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { type HistogramSeries, histogramFamily } from './series.js';

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
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
    const registers = [registry];
    this.#duration = histogramFamily(
      registry,
      'tollgate_route_duration_seconds',
      'From the request to the last byte, per route.',
      buckets,
    );
    this.#refusals = new Counter({
      ...{ name: 'tollgate_route_refusals_total', help: 'Requests that a policy refused, or would have (mode log).' },
      ...{ labelNames: ['route', 'policy', 'mode'], registers },
    });
    this.#retries = new Counter({
      ...{ name: 'tollgate_route_retries_total', help: 'Attempts after the first, by what made them.' },
      ...{ labelNames: ['route', 'reason'], registers },
    });
    const breakers: Gauge = new Gauge({
      ...{ name: 'tollgate_route_breaker_state', help: '0 closed, 1 half open, 2 open.' },
      ...{ labelNames: ['route', 'target'], registers },
      collect: () => {
        breakers.reset();
        for (const { route, target, breaker } of targets()) breakers.set({ route, target }, STATES[breaker]);
      },
    });
    const health: Gauge = new Gauge({
      ...{
        name: 'tollgate_route_target_healthy',
        help: '1 where the target takes requests as far as its health goes.',
      },
      ...{ labelNames: ['route', 'target'], registers },
      collect: () => {
        health.reset();
        for (const { route, target, healthy } of targets()) health.set({ route, target }, healthy ? 1 : 0);
      },
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
