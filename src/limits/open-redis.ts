/** Puts the limits together: counters in this process, or in Redis with a failover. */
import { randomUUID } from 'node:crypto';
import { openRedis } from '../store/redis.js';
import { RedisCounters } from './counters-redis.js';
import { Failover, type OnFailure } from './failover.js';
import { Limits, type LimitsOptions } from './limits.js';
import { MemoryStore } from './memory.js';
import { loadScripts } from './wire-redis.js';

export interface OpenLimitsOptions extends Omit<LimitsOptions, 'store'> {
  /** Where counters are kept; left out: in this process. */
  readonly redis?: {
    readonly url: string;
    readonly onFailure: OnFailure;
    /** How many processes share the limits, for `local`; unless told, as many as were last seen alive. */
    readonly replicas?: number;
  };
  /** How long a hold outlives its gateway; 15 seconds unless told. */
  readonly leaseMs?: number;
  /** Told once per change of Redis's state, with the reason. */
  readonly onState?: (state: 'redis' | 'away', reason: string) => void;
  /** Longest wait for Redis at the start; 3 seconds unless told. */
  readonly readyWithinMs?: number;
}

/** Resolves once limits can be taken: with Redis away that is after `readyWithinMs`, in the mode that was chosen. */
export async function openLimits(options: OpenLimitsOptions): Promise<Limits> {
  const { clock, redis, leaseMs = 15_000 } = options;
  if (!redis) return begun(new Limits({ ...options, store: new MemoryStore(clock, { leaseMs }) }));
  const link = openRedis(redis.url, { scripts: Object.values(loadScripts()) });
  const counters = new RedisCounters(link, { clock, me: randomUUID(), leaseMs });
  const store = new Failover(counters, link, {
    clock,
    leaseMs,
    onFailure: redis.onFailure,
    ...(redis.replicas ? { replicas: redis.replicas } : {}),
    ...(options.onState ? { onState: options.onState } : {}),
  });
  await store.ready(options.readyWithinMs ?? 3000);
  return begun(new Limits({ ...options, store }));
}

function begun(limits: Limits): Limits {
  limits.start();
  return limits;
}
