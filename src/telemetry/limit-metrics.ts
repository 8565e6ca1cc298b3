/** What limits do, for Prometheus. Labels are of closed sets. */
import type { Registry } from 'prom-client';
import { gaugeOf, rareCounter } from './series.js';

export interface LimitMetrics {
  rejected(unit: string, window: string | null, scope: string): void;
}

const states = ['memory', 'redis', 'recovering', 'away'] as const;

interface LimitsNow {
  /** Where limits are counted. */
  readonly state: () => (typeof states)[number];
  /** Gateways that count elsewhere. */
  readonly apart: () => number;
  /** Redis is configured. */
  readonly byRedis: boolean;
}

export function limitMetrics(registry: Registry, { state, apart, byRedis }: LimitsNow): LimitMetrics {
  gaugeOf(registry, 'tollgate_limits_gateways_apart', (gauge) => gauge.set(apart()));
  gaugeOf(registry, 'tollgate_limits_state', (gauge) => {
    for (const one of states) gauge.set({ state: one }, one === state() ? 1 : 0);
  });
  if (byRedis) gaugeOf(registry, 'tollgate_redis_up', (gauge) => gauge.set(state() === 'away' ? 0 : 1));
  return rejectionMetrics(registry);
}

/** Of a process that does not count limits itself. */
export function rejectionMetrics(registry: Registry): LimitMetrics {
  const rejections = rareCounter(registry, 'tollgate_limit_rejections_total');
  return { rejected: (unit, window, scope) => rejections.inc({ unit, window: window ?? 'none', scope }) };
}
