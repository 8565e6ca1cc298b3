/**
 * The limits of a route, on the engine of virtual keys: all that apply to a request are taken in one atomic step or none. The
 * route's own hang on the consumer, the address or a header; a virtual key's and its team's limits of requests count here as
 * well. With Redis away the engine goes by `redis.on_failure`.
 */
import { LRUCache } from 'lru-cache';
import type { RouteLimitConfig } from '../config/classic-routes.js';
import type { Key } from '../identity/key.js';
import type { LimitSpec } from '../lib/limit-spec.js';
import { justARequest, nothing } from '../limits/amount.js';
import { Limit, limitsInForce } from '../limits/limit.js';
import type { LimitsEngine, ReserveResult } from '../limits/limits.js';
import type { Consumer } from './consumer.js';
import type { Visit } from './visit.js';

const MOST_COUNTERS = 20_000;
const NONE: readonly Limit[] = [];
const USED = { ...nothing, requests: 1 };

const ofRequests = (specs: readonly LimitSpec[]): readonly LimitSpec[] =>
  specs.filter(({ unit, model }) => (unit === 'requests' || unit === 'concurrent') && model === null);

const keyLimits = new WeakMap<Key, readonly Limit[]>();
const teamLimits = new WeakMap<readonly LimitSpec[], readonly Limit[]>();

function limitsOfKey({ key, team, teamLimits: specs }: Consumer): readonly Limit[] {
  if (key === null) return NONE;
  let own = keyLimits.get(key);
  if (!own) keyLimits.set(key, (own = limitsInForce({ kind: 'key', id: key.id }, ofRequests(key.limits))));
  if (team === null || specs.length === 0) return own;
  let shared = teamLimits.get(specs);
  if (!shared) teamLimits.set(specs, (shared = limitsInForce({ kind: 'team', id: team }, ofRequests(specs))));
  return own.length === 0 ? shared : [...own, ...shared];
}

export class RouteLimits {
  readonly #engine: LimitsEngine;
  readonly #route: string;
  readonly #configs: readonly RouteLimitConfig[];
  readonly #byPlace: readonly LRUCache<string, Limit>[];
  /** The same limits by who asks, where that is known without a name being made of it. */
  readonly #byConsumer: readonly WeakMap<Consumer, Limit>[];

  constructor(route: string, configs: readonly RouteLimitConfig[], engine: LimitsEngine) {
    this.#engine = engine;
    this.#route = route;
    this.#configs = configs;
    this.#byPlace = configs.map(() => new LRUCache<string, Limit>({ max: MOST_COUNTERS }));
    this.#byConsumer = configs.map(() => new WeakMap());
  }

  /** The wall clock of the engine's windows. */
  nowMs(): number {
    return this.#engine.nowMs();
  }

  /** Takes all that apply. Undefined: none does. */
  reserve(visit: Visit): ReserveResult | Promise<ReserveResult> | undefined {
    const ofKey = limitsOfKey(visit.consumer);
    if (this.#configs.length === 0 && ofKey.length === 0) return undefined;
    let limits = ofKey;
    if (this.#configs.length > 0) {
      const own: Limit[] = [...ofKey];
      for (let i = 0; i < this.#configs.length; i++) own.push(this.#limit(i, this.#configs[i]!, visit));
      limits = own;
    }
    return this.#engine.reserve({ id: `route ${visit.requestId} ${nextNumber()}`, limits, estimate: justARequest });
  }

  settle(visit: Visit): void {
    const { hold } = visit;
    if (!hold) return;
    visit.hold = null;
    void this.#engine.settle(hold, USED, 'exact');
  }

  #limit(i: number, config: RouteLimitConfig, visit: Visit): Limit {
    const { consumer } = visit;
    if (config.by !== 'consumer' || isNobody(consumer)) return this.#named(i, config, visit);
    let limit = this.#byConsumer[i]!.get(consumer);
    if (!limit) this.#byConsumer[i]!.set(consumer, (limit = this.#named(i, config, visit)));
    return limit;
  }

  #named(i: number, { spec, by }: RouteLimitConfig, visit: Visit): Limit {
    const who = this.#whom(by, visit);
    const cache = this.#byPlace[i]!;
    let limit = cache.get(who);
    if (!limit) {
      // Two limits that differ only in their maximum share a counter in the engine; here each has its own.
      limit = new Limit({ kind: 'route', id: `${this.#route}#${i}:${who}` }, spec);
      cache.set(who, limit);
    }
    return limit;
  }

  #whom(by: RouteLimitConfig['by'], visit: Visit): string {
    if (by === 'route') return 'all';
    if (by === 'ip') return `ip:${networkOf(visit.ip)}`;
    if (by !== 'consumer') return `header:${visit.header(by.header) ?? ''}`;
    const { consumer } = visit;
    return isNobody(consumer)
      ? `ip:${networkOf(visit.ip)}`
      : consumer.key
        ? `key:${consumer.key.id}`
        : consumer.identity;
  }
}

const isNobody = ({ kind }: Consumer): boolean => kind === 'none' || kind === 'anonymous';

let number = 0;
const nextNumber = (): number => (number += 1);

/** An IPv6 subscriber has a /64: single addresses of it are not told apart. */
export function networkOf(ip: string): string {
  if (!ip.includes(':')) return ip;
  const [head = '', tail] = ip.split('%')[0]!.toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : new Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  const groups = [...left, ...zeros, ...right].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''));
  return `${groups.join(':')}::/64`;
}
