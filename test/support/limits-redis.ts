/** Limits over a Redis, as one gateway process has them, with a clock of the test's own or Redis's. */

import { systemClock } from '../../src/lib/clock.js';
import { RedisCounters } from '../../src/limits/counters-redis.js';
import { Failover, type OnFailure } from '../../src/limits/failover.js';
import { Limits, type LimitsOptions } from '../../src/limits/limits.js';
import { loadScripts } from '../../src/limits/wire-redis.js';
import { openRedis, type RedisLink } from '../../src/store/redis.js';
import type { ManualClock } from './clock.js';

export interface GatewayOptions extends Pick<LimitsOptions, 'rebuild' | 'onLapsed'> {
  readonly url: string;
  readonly prefix: string;
  readonly onFailure?: OnFailure;
  /** Also the scripts go by it. Left out: the system's clock, and Redis's own. */
  readonly clock?: ManualClock;
  readonly leaseMs?: number;
  readonly recoveryMs?: number;
  readonly closedKeepMs?: number;
  readonly timeoutMs?: number;
  readonly replicas?: number;
  readonly readyWithinMs?: number;
  /** Microseconds, where Redis's clock is to differ from the gateway's. */
  readonly now?: () => number;
  /** What stands between the counters and the connection. */
  readonly between?: (link: RedisLink) => RedisLink;
  readonly onState?: (state: 'redis' | 'away', reason: string) => void;
}

export interface Gateway {
  readonly limits: Limits;
  readonly store: Failover;
  readonly counters: RedisCounters;
  readonly link: RedisLink;
}

let gateways = 0;

export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { url, prefix, clock, leaseMs = 15_000 } = options;
  const link = openRedis(url, { retryMs: 20, scripts: Object.values(loadScripts()) });
  const counters = new RedisCounters(options.between?.(link) ?? link, {
    clock: clock ?? systemClock,
    me: `gateway-${++gateways}`,
    leaseMs,
    prefix,
    recoveryMs: options.recoveryMs ?? 0,
    timeoutMs: options.timeoutMs ?? 50,
    ...(options.closedKeepMs ? { closedKeepMs: options.closedKeepMs } : {}),
    ...(clock ? { now: options.now ?? (() => clock.now() * 1000) } : {}),
  });
  const store = new Failover(counters, link, {
    clock: clock ?? systemClock,
    leaseMs,
    onFailure: options.onFailure ?? 'closed',
    probeMs: 20,
    ...(options.replicas ? { replicas: options.replicas } : {}),
    ...(options.onState ? { onState: options.onState } : {}),
  });
  await store.ready(options.readyWithinMs ?? 5000);
  return { limits: new Limits({ ...options, clock: clock ?? systemClock, store }), store, counters, link };
}
