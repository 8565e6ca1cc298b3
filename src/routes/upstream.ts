/**
 * The targets of a route and whose turn it is. Only those that are healthy and whose breaker lets pass take turns; on another
 * attempt one that was not tried yet goes first. SRV records become one target per host and are read again with the other
 * names. Retries are bounded by a budget: a share of the requests, so that a failing upstream is not asked more often for it.
 */
import { createHash } from 'node:crypto';
import type { BreakerConfig, UpstreamConfig } from '../config/classic-routes.js';
import { Backend, type BackendContext, type Location } from './backend.js';
import { deadlinesOf } from './forward.js';
import { type NameSource, nameSource } from './names.js';

export interface UpstreamDeps {
  readonly clock: BackendContext['clock'];
  readonly deadlines: BackendContext['deadlines'];
  readonly onEvent: BackendContext['onEvent'];
  readonly random: BackendContext['random'];
  readonly names?: NameSource;
}

const MOST_SAVED_RETRIES = 10;
const DEFAULT_RETRY_ON: readonly (string | number)[] = ['connect_error', 'reset'];

export class Upstream {
  readonly config: UpstreamConfig;
  /** What another attempt is made for, and the statuses among it. */
  readonly retryOn: readonly (string | number)[];
  readonly retryStatuses: ReadonlySet<number>;
  readonly #deps: UpstreamDeps;
  readonly #context: BackendContext;
  readonly #srv: readonly { readonly url: string; readonly host: string; readonly weight: number }[];
  readonly #fixed: readonly Backend[];
  #found: readonly Backend[] = [];
  #backends: readonly Backend[];
  #timer: NodeJS.Timeout | undefined;
  #retries = MOST_SAVED_RETRIES;
  #turn = 0;

  constructor(config: UpstreamConfig, breaker: BreakerConfig | undefined, deps: UpstreamDeps) {
    this.config = config;
    this.retryOn = config.retry?.on ?? DEFAULT_RETRY_ON;
    this.retryStatuses = new Set(this.retryOn.filter((one) => typeof one === 'number'));
    this.#deps = deps;
    const { timeout } = config;
    this.#context = {
      clock: deps.clock,
      random: deps.random,
      deadlines: deps.deadlines,
      timeouts: deadlinesOf({
        connectMs: timeout?.connect ?? 5_000,
        headersMs: timeout?.headers ?? 60_000,
        idleMs: timeout?.idle ?? 60_000,
        totalMs: timeout?.total ?? Number.POSITIVE_INFINITY,
      }),
      upstream: config,
      breaker,
      names: deps.names ?? nameSource(config.dns?.servers),
      onEvent: deps.onEvent,
    };
    this.#srv = config.targets
      .filter(({ srv }) => srv)
      .map(({ url, weight = 1 }) => ({ url, host: new URL(url).hostname, weight }));
    this.#fixed = config.targets
      .filter(({ srv }) => !srv)
      .map(({ url, weight = 1 }) => new Backend({ url, weight }, this.#context));
    this.#backends = this.#fixed;
    if (this.#srv.length === 0) return;
    this.#timer = setInterval(() => void this.#readServices(), config.dns?.interval ?? 5_000);
    this.#timer.unref();
  }

  get backends(): readonly Backend[] {
    return this.#backends;
  }

  /** How long a changed protocol may be silent both ways. */
  get tunnelIdleMs(): number {
    return this.config.timeout?.idle ?? 600_000;
  }

  get timeouts() {
    return this.#context.timeouts;
  }

  /** Looks names up for the first time. */
  async ready(): Promise<void> {
    await Promise.all([this.#readServices(), ...this.#fixed.map((backend) => backend.resolve())]);
  }

  /** Whose turn it is, among those that may be used; undefined: none may. `any`: also those that should be left alone. */
  pick(key: () => string, tried: readonly Backend[], any = false): Backend | undefined {
    const all = this.#backends;
    if (all.length === 1) return any || all[0]!.available ? all[0] : undefined;
    let free = all.filter((backend) => backend.weight > 0 && (any || backend.available));
    if (tried.length > 0) {
      const others = free.filter((backend) => !tried.includes(backend));
      if (others.length > 0) free = others;
    }
    if (free.length <= 1) return free[0];
    const { balance = 'round_robin' } = this.config;
    if (balance === 'round_robin') return inTurn(free);
    if (balance === 'least_requests') return this.#least(free, ({ inflight, weight }) => (inflight + 1) / weight);
    if (balance === 'latency') return this.#twoChoices(free);
    return rendezvous(free, key());
  }

  /** Whether another attempt may be made; counts it. */
  mayRetry(): boolean {
    if (this.#retries < 1) return false;
    this.#retries -= 1;
    return true;
  }

  /** A request begins: it pays into the budget of retries. */
  counted(): void {
    const share = this.config.retry?.budget ?? 0.2;
    if (this.#retries < MOST_SAVED_RETRIES) this.#retries += share;
  }

  /** The least time until some target may be tried again. */
  get waitMs(): number {
    return Math.min(...this.#backends.map((backend) => backend.waitMs), 60_000);
  }

  retire(): void {
    clearInterval(this.#timer);
    for (const backend of this.#backends) backend.retire();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#backends.map((backend) => backend.close()));
  }

  #least(free: readonly Backend[], scoreOf: (backend: Backend) => number): Backend {
    const start = this.#turn++ % free.length;
    let best = free[start]!;
    for (let i = 1; i < free.length; i++) {
      const other = free[(start + i) % free.length]!;
      if (scoreOf(other) < scoreOf(best)) best = other;
    }
    return best;
  }

  /** The better of two chosen at random: fast where load is even, and no herd runs to the fastest. */
  #twoChoices(free: readonly Backend[]): Backend {
    const first = Math.floor(this.#deps.random() * free.length);
    const second = (first + 1 + Math.floor(this.#deps.random() * (free.length - 1))) % free.length;
    const load = ({ latencyMs, inflight, weight }: Backend) => ((latencyMs || 0.01) * (inflight + 1)) / weight;
    const [a, b] = [free[first]!, free[second]!];
    return load(b) < load(a) ? b : a;
  }

  async #readServices(): Promise<void> {
    if (this.#srv.length === 0) return;
    const read = await Promise.allSettled(this.#srv.map(({ host }) => this.#context.names.services(host)));
    const locations: Location[] = [];
    for (const [i, result] of read.entries()) {
      const { url, weight } = this.#srv[i]!;
      if (result.status === 'rejected' || result.value.length === 0) {
        locations.push(...this.#found.filter((backend) => backend.url === url).map(({ location }) => location));
        continue;
      }
      const first = Math.min(...result.value.map(({ priority }) => priority));
      for (const service of result.value.filter(({ priority }) => priority === first)) {
        const at = { host: service.name, port: service.port };
        locations.push({ url, weight: weight * Math.max(1, service.weight), at });
      }
    }
    const before = new Map(this.#found.map((backend) => [backend.id, backend]));
    this.#found = locations.map((location) => {
      const id = `${location.url} at ${location.at!.host}:${location.at!.port}`;
      const known = before.get(id);
      before.delete(id);
      if (known) known.weight = location.weight;
      const backend = known ?? new Backend(location, this.#context);
      return backend;
    });
    this.#backends = [...this.#fixed, ...this.#found];
    for (const gone of before.values()) gone.retire();
  }
}

/** Smooth weighted turns: heavy targets come more often, but not in a row. */
function inTurn(free: readonly Backend[]): Backend {
  let total = 0;
  let best = free[0]!;
  for (const backend of free) {
    backend.turn += backend.weight;
    total += backend.weight;
    if (backend.turn > best.turn) best = backend;
  }
  best.turn -= total;
  return best;
}

/** The target with the highest weighted score for a key: when one goes, only its keys move. */
function rendezvous(free: readonly Backend[], key: string): Backend {
  let best = free[0]!;
  let highest = Number.NEGATIVE_INFINITY;
  for (const backend of free) {
    const digest = createHash('md5').update(backend.id).update('\0').update(key).digest();
    const share = (digest.readUIntBE(0, 6) + 1) / (2 ** 48 + 1);
    const score = -backend.weight / Math.log(share);
    if (score > highest) {
      highest = score;
      best = backend;
    }
  }
  return best;
}
