/**
 * One target of an upstream as the gateway sees it: its connections, its breaker, its health, how busy and how fast it is.
 * Active checks ask it by themselves; passive ones watch requests; each works without the other. Health and breaker are of
 * this process.
 */
import type { BreakerConfig, HealthConfig, UpstreamConfig } from '../config/classic-routes.js';
import { Breaker, type BreakerState, type Pass, type Verdict } from '../lib/breaker.js';
import type { Clock } from '../lib/clock.js';
import type { Random } from '../lib/random.js';
import type { Deadlines, Timeouts } from '../upstream/deadline.js';
import type { Connections } from '../upstream/http1/connections.js';

import { Forward } from './forward.js';
import { openPool } from './forward-pool.js';
import { HostAddresses, type NameSource } from './names.js';

export interface BackendContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
  readonly timeouts: Timeouts;
  readonly upstream: Pick<UpstreamConfig, 'tls' | 'max_connections' | 'health' | 'dns'>;
  readonly breaker: BreakerConfig | undefined;
  readonly names: NameSource;
  /** Told of what happens to it, for the log: `breaker open`, `health down`, ... */
  readonly onEvent: (target: string, event: string) => void;
}

/** Where it is: a URL, and for one host of an SRV record that host's place instead of the URL's. */
export interface Location {
  readonly url: string;
  readonly weight: number;
  readonly at?: { readonly host: string; readonly port: number };
}

const FAILED = [500, 502, 503, 504];
/** How fast the average follows: half of it is of the last ten seconds. */
const EWMA_MS = 14_000;

const ruleOf = (written: BreakerConfig) => ({
  failure_rate: written.failure_rate ?? 0.5,
  min_requests: written.min_requests ?? 20,
  window: written.window ?? 10_000,
  open: written.open ?? 30_000,
  half_open_probes: written.half_open_probes ?? 3,
});

export class Backend {
  readonly id: string;
  readonly location: Location;
  readonly url: string;
  readonly secure: boolean;
  readonly basePath: string;
  readonly hostHeader: string;
  readonly breaker: Breaker | null;
  weight: number;
  inflight = 0;
  /** For weighted turns. */
  turn = 0;
  readonly #context: BackendContext;
  readonly #addresses: HostAddresses | null;
  readonly #breakerStatuses: readonly number[];
  readonly #passive: HealthConfig['passive'];
  readonly #origin: string;
  readonly #serverName: string;
  #connections: Connections;
  #timers: NodeJS.Timeout[] = [];
  #up = true;
  #streak = 0;
  #failures = 0;
  #outUntil = 0;
  #latencyMs = 0;
  #latencyAt = 0;

  constructor(location: Location, context: BackendContext) {
    const url = new URL(location.url);
    const { at } = location;
    this.#context = context;
    this.location = location;
    this.url = location.url;
    this.id = at ? `${location.url} at ${at.host}:${at.port}` : location.url;
    this.weight = location.weight;
    this.secure = url.protocol === 'https:';
    this.basePath = url.pathname === '/' ? '' : url.pathname;
    const host = at ? (at.host.includes(':') ? `[${at.host}]` : at.host) : url.hostname;
    this.#serverName = HostAddresses.isName(url.hostname) ? url.hostname : '';
    this.#origin = at ? `${url.protocol}//${host}:${at.port}` : url.origin;
    this.hostHeader = at ? `${url.hostname}${at.port === 80 || at.port === 443 ? '' : `:${at.port}`}` : url.host;
    this.#addresses = HostAddresses.isName(host) ? new HostAddresses(host, context.names, () => this.#moved()) : null;
    this.#connections = this.#open();
    this.#breakerStatuses = context.breaker?.statuses ?? FAILED;
    this.breaker = context.breaker
      ? new Breaker(ruleOf(context.breaker), context.random, (state, why) => this.#tell(`breaker ${state}: ${why}`))
      : null;
    this.#passive = context.upstream.health?.passive;
    this.#watch();
  }

  /** Those of now: another address has others. */
  get connections(): Connections {
    return this.#connections;
  }

  get healthy(): boolean {
    return this.#up && (this.#outUntil === 0 || this.#context.clock.monotonic() >= this.#outUntil);
  }

  get available(): boolean {
    return this.healthy && this.#breakerWaitMs() === 0;
  }

  get breakerState(): BreakerState {
    return this.breaker?.state(this.#context.clock.monotonic()) ?? 'closed';
  }

  /** Milliseconds until it may be tried again; 0: now. */
  get waitMs(): number {
    const out = Math.max(0, this.#outUntil - this.#context.clock.monotonic());
    const down = this.#up ? 0 : (this.#context.upstream.health?.interval ?? 5_000);
    return Math.max(out, down, this.#breakerWaitMs());
  }

  #breakerWaitMs(): number {
    if (this.breaker === null || this.breaker.closed) return 0;
    const now = this.#context.clock.monotonic();
    return this.breaker.readyAt(now) - now;
  }

  /** A request begins at `nowMs`, on the monotonic clock; `end` takes back what this gives. */
  begin(nowMs: number): Pass {
    this.inflight += 1;
    return this.breaker?.begin(nowMs) ?? 0;
  }

  /** What a request showed of the target, as soon as it is known. */
  judged(pass: Pass, verdict: Verdict, nowMs: number): void {
    this.breaker?.end(pass, verdict, nowMs);
  }

  /** Mean time to the head of an answer; 0 where none is known. What is old counts for less. */
  get latencyMs(): number {
    return this.#latencyMs;
  }

  /** What a status says of the target. */
  judge(status: number): Verdict {
    return this.#breakerStatuses.includes(status) ? 'failure' : 'success';
  }

  answeredIn(ms: number, nowMs: number): void {
    const keep = Math.exp(-(nowMs - this.#latencyAt) / EWMA_MS);
    this.#latencyMs = this.#latencyAt === 0 ? ms : this.#latencyMs * keep + ms * (1 - keep);
    this.#latencyAt = nowMs;
  }

  /** For passive health: what a request showed, an answer with this status or none (0). */
  showed(status: number): void {
    if (!this.#passive) return;
    if (status !== 0 && !(this.#passive.statuses ?? FAILED).includes(status)) {
      this.#failures = 0;
      return;
    }
    this.#failures += 1;
    if (this.#failures < (this.#passive.failures ?? 5)) return;
    this.#failures = 0;
    this.#outUntil = this.#context.clock.monotonic() + (this.#passive.out ?? 30_000);
    this.#tell('health out');
  }

  /** Resolves its name for the first time, so that the first request does not wait for it. */
  async resolve(): Promise<void> {
    await this.#addresses?.refresh().catch(() => {});
  }

  /** Takes no more requests; what runs may end. */
  retire(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    this.#connections.retire();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#connections.destroy();
  }

  #open(): Connections {
    const { timeouts, upstream } = this.#context;
    return openPool({
      origin: this.#origin,
      serverName: this.#serverName,
      connectMs: timeouts.connect,
      maxConnections: upstream.max_connections ?? null,
      tls: upstream.tls,
      ...(this.#addresses ? { lookup: this.#addresses.lookup } : {}),
    });
  }

  #moved(): void {
    const old = this.#connections;
    this.#connections = this.#open();
    old.retire();
    this.#tell('address changed');
  }

  #watch(): void {
    const { health, dns } = this.#context.upstream;
    const addresses = this.#addresses;
    if (addresses) this.#every(dns?.interval ?? 5_000, () => void addresses.refresh().catch(() => {}));
    const { path } = health ?? {};
    if (path === undefined) return;
    this.#every(health?.interval ?? 5_000, () => this.#check(path));
    this.#check(path);
  }

  #every(ms: number, act: () => void): void {
    const timer = setInterval(act, ms);
    timer.unref();
    this.#timers.push(timer);
  }

  #check(path: string): void {
    const { health } = this.#context.upstream;
    const total = health?.timeout ?? 2_000;
    const timeouts = { connect: total, first_byte: total, idle: total, total };
    const { statuses } = health ?? {};
    const seen = (good: boolean): void => this.#checked(good);
    new Forward(
      this.connections,
      {
        method: 'GET',
        path: this.basePath + path,
        headers: ['host', this.hostHeader, 'user-agent', 'tollgate-health'],
        body: null,
      },
      {
        head: (status) => {
          seen(statuses ? statuses.includes(status) : status >= 200 && status < 400);
          return true;
        },
        info: () => {},
        data: () => true,
        end: () => {},
        fail: () => seen(false),
      },
      timeouts,
      this.#context.deadlines,
    );
  }

  #checked(good: boolean): void {
    if (good === this.#up) {
      this.#streak = 0;
      return;
    }
    this.#streak += 1;
    const { health } = this.#context.upstream;
    if (this.#streak < (good ? (health?.healthy_after ?? 2) : (health?.unhealthy_after ?? 3))) return;
    this.#up = good;
    this.#streak = 0;
    this.#tell(good ? 'health up' : 'health down');
  }

  #tell(event: string): void {
    this.#context.onEvent(this.id, event);
  }
}
