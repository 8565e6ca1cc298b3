/** What limits do, for Prometheus. Labels are of closed sets. */
import { Counter, Gauge, type Registry } from 'prom-client';

export interface LimitMetrics {
  rejected(unit: string, window: string | null, scope: string): void;
}

const states = ['memory', 'redis', 'recovering', 'away'] as const;

/** `state`: where limits are counted now. `apart`: gateways that count elsewhere. */
export function limitMetrics(
  registry: Registry,
  state: () => (typeof states)[number],
  apart: () => number,
): LimitMetrics {
  const others: Gauge = new Gauge({
    name: 'tollgate_limits_gateways_apart',
    help: 'Other gateways on the same database that do not share limits with this one: more than 0 means that limits hold for each alone.',
    registers: [registry],
    collect: () => others.set(apart()),
  });
  const rejections = new Counter({
    name: 'tollgate_limit_rejections_total',
    help: 'Requests refused by a limit.',
    labelNames: ['unit', 'window', 'scope'],
    registers: [registry],
  });
  const store: Gauge = new Gauge({
    name: 'tollgate_limits_state',
    help: 'Where limits are counted now (1): memory, redis, recovering (Redis lost its counters), away (Redis is).',
    labelNames: ['state'],
    registers: [registry],
    collect: () => {
      for (const one of states) store.set({ state: one }, one === state() ? 1 : 0);
    },
  });
  return { rejected: (unit, window, scope) => rejections.inc({ unit, window: window ?? 'none', scope }) };
}
