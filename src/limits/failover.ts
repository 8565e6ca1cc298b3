/**
 * Counters in Redis, and what happens while it is away. A gateway remembers its own holds (`hold-book.ts`): a Redis that
 * lost its state is told of them again, and so is one that comes back after requests were admitted without it.
 *
 * Redis counts as away at the first call that fails or takes longer than its 50 ms; from then on no request waits for it.
 * By the mode that was chosen
 *   local   this process admits its share by counters of its own (`memory.ts`), which begin at what the ledger says,
 *   closed  requests with limits are refused,
 *   open    they are admitted uncounted; the ledger has what they spent.
 * Meanwhile it is probed in the background: for as long as Redis is away, either a probe runs or one is due, or the
 * connection is lost and tells when it is there. When Redis answers, it is told what its sliding windows were taken meanwhile
 * (`untold-rates.ts`), every hold that it does not know as it is now, and the budgets that were spent elsewhere are forgotten
 * there, to be rebuilt from the ledger: nothing is counted twice. The last of that is sent before the first request that goes
 * to Redis again, on the one connection, so nothing slips between.
 *
 * Rates keep their windows: a process that may have to admit its share notes what it takes of each window in Redis too
 * (`rate-windows.ts`), and admits alone only what its share leaves beside that. So one gateway admits alone at most its share
 * in any window, however often Redis comes and goes.
 *
 * Where Redis lost its state while it answers (another epoch) there is no local share: budgets are refused as recovering
 * (admitted, if `open`) until every gateway has had the time to tell what it has open. That takes about a second.
 */
import type { Clock } from '../lib/clock.js';
import { messageOf } from '../lib/thrown.js';
import type { AttemptUse } from './attempt-use.js';
import type { BeatReply, RedisCounters } from './counters-redis.js';
import { amountOf, type Hold, type Part } from './hold.js';
import { HoldBook } from './hold-book.js';
import type { Limit } from './limit.js';
import { MemoryStore } from './memory.js';
import { RateWindows } from './rate-windows.js';
import type { Ask, Begun, ClosedHold, ClosedHolds, Lapsed, Level, LimitStore, Reply, StoreState } from './store.js';
import { Untold } from './untold.js';

export type OnFailure = 'local' | 'closed' | 'open';

/** What the failover needs of a connection. */
interface Connection {
  readonly ready: boolean;
  onChange(listener: (ready: boolean) => void): void;
  reconnect(): void;
  close(): Promise<void>;
}

export interface FailoverOptions {
  readonly clock: Clock;
  readonly onFailure: OnFailure;
  readonly leaseMs: number;
  /** How many processes share the limits; unless told, as many as were alive when Redis was last heard. */
  readonly replicas?: number;
  /** Told once per change, with the reason. Not told of the first success. */
  readonly onState?: (state: 'redis' | 'away', reason: string) => void;
  /** Pause between probes; 250 ms unless told. */
  readonly probeMs?: number;
}

const DEAD_MS = 2000;
/** Longest until a request whose budgets are being rebuilt asks again. */
const ASKED_AGAIN_MS = 6000;

export class Failover implements LimitStore {
  readonly #redis: RedisCounters;
  readonly #connection: Connection;
  readonly #options: FailoverOptions;
  readonly #holds: HoldBook;
  readonly #untold: Untold;
  /** What this process took of sliding windows, in Redis or alone; undefined where it never admits a share. */
  readonly #rates: RateWindows | undefined;
  #up = false;
  /** What `onState` was told last. */
  #known: 'redis' | 'away' | undefined;
  /** The epoch in which Redis was last told every hold. */
  #toldEpoch = '';
  #local: MemoryStore | undefined;
  #gateways = 1;
  #probing = false;
  /** Since when probes have failed, monotonic milliseconds. */
  #silentSince = Number.POSITIVE_INFINITY;
  #probe: NodeJS.Timeout | undefined;
  #closed = false;
  #firstUp: (() => void)[] = [];

  constructor(redis: RedisCounters, connection: Connection, options: FailoverOptions) {
    this.#redis = redis;
    this.#connection = connection;
    this.#options = options;
    this.#holds = new HoldBook(options.clock, options.leaseMs, redis.keepMs);
    this.#untold = new Untold(redis, this.#holds, options.clock);
    this.#rates = options.onFailure === 'local' ? new RateWindows() : undefined;
    this.#local = this.#makeLocal();
    connection.onChange((ready) => (ready ? void this.#return() : this.#lost('the connection was closed')));
  }

  get state(): StoreState {
    if (!this.#up) return 'away';
    return this.#redis.recoveringMs() > 0 ? 'recovering' : 'redis';
  }

  /** Holds that this process remembers. */
  get size(): number {
    return this.#holds.size;
  }

  /** Resolves once Redis is in use and admits budgets, or after `timeoutMs` without it (told as `away`). */
  async ready(timeoutMs: number): Promise<void> {
    const began = performance.now();
    if (!this.#up) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#firstUp.push(resolve);
        timer = setTimeout(resolve, timeoutMs);
      });
      clearTimeout(timer);
    }
    if (!this.#up) this.#tell('away', 'no connection at start');
    const rest = Math.min(this.#redis.recoveringMs(), timeoutMs - (performance.now() - began));
    if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
  }

  nowMs(): number {
    return this.#up ? this.#redis.nowMs() : this.#options.clock.now();
  }

  async reserve(ask: Ask): Promise<Reply> {
    if (!this.#up) return this.#reserveElsewhere(ask);
    try {
      const { reply, epoch } = await this.#redis.reserve(ask);
      if (reply.kind === 'reserved') {
        // Where Redis was lost since it answered, what counts locally does not know of it.
        if (!this.#holds.get(ask.hold.id)) this.#local?.adopt(ask.hold);
        this.#rates?.note(ask.parts, this.#options.clock.monotonic());
        this.#holds.told(this.#holds.keep(ask.hold), epoch);
      }
      if (reply.kind === 'recovering' && this.#options.onFailure === 'open') return this.#admit(ask);
      this.#noticeEpoch();
      return reply;
    } catch (error) {
      this.#lost(messageOf(error));
      const reply = this.#reserveElsewhere(ask);
      // Where what was spent must be found out first, the same hold is asked for again: it is not over yet.
      this.#holds.mayBeThere(ask.hold, this.#redis.epoch, reply.kind === 'unknown' ? ASKED_AGAIN_MS : 0);
      return reply;
    }
  }

  async settle(hold: Hold): Promise<void> {
    const kept = this.#holds.get(hold.id);
    if (this.#up) {
      try {
        let epoch = await this.#redis.settle(hold);
        this.#markSettled(hold);
        if (epoch === null && !kept?.posted) epoch = await this.#redis.adopt([hold], []);
        if (kept && epoch !== null) this.#holds.told(kept, epoch);
        this.#noticeEpoch();
        return;
      } catch (error) {
        this.#lost(messageOf(error));
      }
    }
    this.#untold.settled(hold, () => this.#markSettled(hold));
  }

  async begin(part: Part): Promise<Begun> {
    return (await this.#try(() => this.#redis.begin(part))) ?? this.#local?.begin(part) ?? { kind: 'away' };
  }

  async seed(part: Part, token: string, spent: number): Promise<void> {
    if (this.#up) await this.#try(() => this.#redis.seed(part, token, spent));
    else this.#local?.seed(part, token, spent);
  }

  async read(limits: readonly Limit[]): Promise<readonly (Level | 'unknown')[] | undefined> {
    if (this.#up) return this.#try(() => this.#redis.read(limits));
    return this.#local?.read(limits);
  }

  async closed(ids: readonly string[]): Promise<ClosedHolds | undefined> {
    return this.#try(() => this.#redis.closed(ids));
  }

  recount(hold: ClosedHold, attempts: readonly AttemptUse[]): Promise<boolean> {
    return this.#told(() => this.#redis.recount(hold, attempts));
  }

  forgetBudgets(keys: readonly string[]): Promise<boolean> {
    return this.#told(() => this.#redis.adopt([], keys));
  }

  posted(ids: readonly string[]): void {
    this.#holds.posted(ids);
  }

  async beat(onLapsed: (lapsed: Lapsed) => void): Promise<void> {
    const now = this.#options.clock.monotonic();
    this.#rates?.dropPast(now);
    this.#untold.rates.dropPast(now);
    this.#holds.forget(this.#up ? this.#redis.epoch : undefined);
    if (!this.#up) return this.#local?.beat(onLapsed);
    try {
      for (let more = true; more && this.#up; ) {
        const reply = await this.#beatOnce();
        for (const record of reply.lapsed) if (!this.#isOurs(record.id)) onLapsed(this.#lapsed(record));
        more = reply.more;
      }
    } catch (error) {
      this.#lost(messageOf(error));
    }
    const { epoch } = this.#redis;
    if (this.#up && (this.#toldEpoch !== epoch || this.#untold.any)) await this.#return();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#probe);
    if (this.#up) await this.#beatOnce().catch(() => {});
    this.#up = false;
    await this.#connection.close();
  }

  // ---- Redis in use

  #isOurs(id: string): boolean {
    return this.#holds.get(id)?.hold.state === 'open';
  }

  #lapsed(record: ClosedHold): Lapsed {
    return {
      id: record.id,
      note: record.note,
      close: async (attempts) => {
        await this.#try(() => this.#redis.close(record, attempts));
      },
    };
  }

  async #beatOnce(): Promise<BeatReply> {
    const due = this.#holds.due(this.#redis.epoch);
    const reply = await this.#redis.beat({ renew: due.renew.map(({ hold }) => hold.id), posted: due.posted });
    this.#holds.done(due);
    this.#gateways = reply.gateways;
    return due.more ? { ...reply, more: true } : reply;
  }

  #markSettled(hold: Hold): void {
    if (this.#local) this.#local.settle(hold);
    else this.#rates?.settle(hold, this.#options.clock.monotonic());
    hold.state = 'settled';
    for (const part of hold.parts) part.counted = part.actual;
  }

  /** Redis has another epoch than the one that it was told in: it lost what it knew. */
  #noticeEpoch(): void {
    if (this.#up && this.#toldEpoch !== this.#redis.epoch) void this.#return();
  }

  // ---- Redis away

  #lost(reason: string): void {
    if (!this.#up) return;
    this.#up = false;
    this.#local = this.#makeLocal();
    if (this.#local) for (const hold of this.#holds.unposted()) this.#local.adopt(hold);
    this.#tell('away', reason);
    this.#probeLater(0);
  }

  #makeLocal(): MemoryStore | undefined {
    if (this.#options.onFailure !== 'local') return undefined;
    const replicas = this.#options.replicas ?? this.#gateways;
    return new MemoryStore(this.#options.clock, { leaseMs: this.#options.leaseMs, replicas, rates: this.#rates! });
  }

  #reserveElsewhere(ask: Ask): Reply {
    if (this.#options.onFailure === 'open') return this.#admit(ask);
    if (!this.#local) return { kind: 'away' };
    const reply = this.#local.reserve(ask);
    if (reply.kind === 'reserved') this.#keepElsewhere(ask);
    return reply;
  }

  /** Takes everything without a look. */
  #admit(ask: Ask): Reply {
    ask.hold.outputTokens = ask.want;
    for (const part of ask.parts) {
      part.amount = amountOf(part, ask.want);
      part.remaining = part.limit.spec.max;
    }
    this.#keepElsewhere(ask);
    return { kind: 'reserved' };
  }

  #keepElsewhere({ hold, parts }: Ask): void {
    this.#untold.taken(hold, parts);
  }

  #probeLater(ms: number): void {
    clearTimeout(this.#probe);
    if (this.#closed) return;
    this.#probe = setTimeout(() => void this.#return(), ms);
    this.#probe.unref();
  }

  /**
   * Asks whether Redis is there, tells it what it does not know, and goes back to it. Where Redis is lost again before that is
   * over, nobody else may have asked for the next probe: it is asked for here.
   */
  async #return(): Promise<void> {
    if (this.#probing || this.#closed) return;
    if (!this.#connection.ready) return; // `onChange` tells when it is
    this.#probing = true;
    try {
      const { gateways, epoch } = await this.#redis.beat({ renew: [], posted: [] }, this.#redis.timeoutMs);
      this.#gateways = gateways;
      this.#silentSince = Number.POSITIVE_INFINITY;
      await this.#untold.tellMost();
      const last = this.#untold.tellLast();
      this.#toldEpoch = epoch;
      this.#goUp();
      await last;
    } catch (error) {
      this.#lost(messageOf(error));
      this.#dropDead();
    } finally {
      this.#probing = false;
      if (!this.#up) this.#probeLater(this.#options.probeMs ?? 250);
    }
  }

  /** A connection on which nothing was heard for long is made anew. */
  #dropDead(): void {
    const now = this.#options.clock.monotonic();
    this.#silentSince = Math.min(this.#silentSince, now);
    if (now - this.#silentSince < DEAD_MS || !this.#connection.ready) return;
    this.#silentSince = Number.POSITIVE_INFINITY;
    this.#connection.reconnect();
  }

  #goUp(): void {
    if (this.#up) return;
    this.#up = true;
    this.#local = undefined;
    for (const resolve of this.#firstUp.splice(0)) resolve();
    if (this.#known === undefined) this.#known = 'redis';
    else this.#tell('redis', 'it answers again');
  }

  #tell(state: 'redis' | 'away', reason: string): void {
    if (this.#known === state) return;
    this.#known = state;
    this.#options.onState?.(state, reason);
  }

  async #told(call: () => Promise<unknown>): Promise<boolean> {
    return (await this.#try(async () => ({ answer: await call() }))) !== undefined;
  }

  async #try<T>(call: () => Promise<T>): Promise<T | undefined> {
    if (!this.#up) return undefined;
    try {
      return await call();
    } catch (error) {
      this.#lost(messageOf(error));
      return undefined;
    }
  }
}
