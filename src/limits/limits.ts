/**
 * The limits of requests: taken before a request is sent, settled when it is done. `reserve` takes every limit of a request
 * in one atomic step of the store, or none. Rates take the expected case; budgets hold the worst case, and where one affords
 * less output than asked for, the same step grants only what all of them afford.
 *
 * Requests run concurrently; what makes that safe is that each step is atomic in the store, not here. Here is what needs
 * several steps: finding out what a budget has spent (`rebuild.ts`), asking again, choosing which limit a refusal names.
 * Where the store is away it answers by the mode that was configured (`failover.ts`); where a budget cannot be known the
 * request is refused as unavailable.
 */
import type { Clock } from '../lib/clock.js';
import { type Actuals, checked, type Estimate, justARequest, nothing } from './amount.js';
import type { AttemptUse } from './attempt-use.js';
import { type Crossing, crossings, type Denial, denialOf, endOf } from './denial.js';
import { type Certainty, Hold, Part, writeActuals } from './hold.js';
import { type Limit, tightest } from './limit.js';
import { type Rebuild, Rebuilder } from './rebuild.js';
import type { Ask, ClosedHold, ClosedHolds, Lapsed, Level, LimitStore, Reply, StoreState } from './store.js';

export interface ReserveRequest {
  /** Unique to the request, of the gateway's own making, and to be kept with its ledger entries. */
  readonly id: string;
  /** All limits that apply. Of two that share a counter the tighter is taken. */
  readonly limits: readonly Limit[];
  readonly estimate: Estimate;
  /** Handed back where the gateway dies and the hold lapses: what is needed to write the ledger entry. */
  readonly note?: string;
  /** The request states its maximum, and may use it whatever answers were before; read by who takes that risk elsewhere. */
  readonly stated?: boolean;
}

export interface AmendRequest {
  readonly limits: readonly Limit[];
  readonly estimate: Estimate;
  /** Limits of `concurrent` whose slots the hold no longer needs. */
  readonly free?: readonly Limit[];
}

export type ReserveResult =
  /** `hold.outputTokens` is the maximum to send upstream. `hold.parts` say what is left of each limit. */
  | { readonly kind: 'reserved'; readonly hold: Hold }
  | { readonly kind: 'denied'; readonly denial: Denial }
  /** What was spent cannot be known now. To be refused with 503. */
  | { readonly kind: 'unavailable'; readonly retryAfterMs: number };

export interface LimitReading {
  readonly limit: Limit;
  readonly spent: number;
  readonly held: number;
  readonly remaining: number;
  readonly windowEndsAtMs: number | null;
}

export interface LimitsOptions {
  readonly store: LimitStore;
  readonly clock: Clock;
  /** Sums a budget from the ledger. Left out: nothing was ever spent before. */
  readonly rebuild?: Rebuild;
  /** A hold lapsed: write its entry, and answer what the ledger has of it; undefined: what was known when it was taken. */
  readonly onLapsed?: (id: string, note: string) => Promise<readonly AttemptUse[] | undefined>;
  /** Longest a rebuild may take; 2 seconds unless told. */
  readonly rebuildTimeoutMs?: number;
  /** How often leases are renewed; 250 ms unless told. */
  readonly beatMs?: number;
  /** A hold older than this is no longer renewed; an hour unless told. */
  readonly longestHoldMs?: number;
  /** Other processes send what is reserved and settled here: what they have sent may not be read yet. */
  readonly othersSettle?: boolean;
}

/** What the request path needs of limits, wherever they are counted. */
export type LimitsEngine = Pick<Limits, 'nowMs' | 'reserve' | 'amend' | 'settle' | 'release' | 'read'> & {
  readonly state: StoreState | 'primary';
};

const NONE: readonly never[] = [];
const UNAVAILABLE_MS = 1000;
const MOST_TRIES = 20;

function readingOf(limit: Limit, { spent, held }: Level, nowMs: number): LimitReading {
  const remaining = Math.max(0, limit.spec.max - spent - held);
  return { limit, spent, held, remaining, windowEndsAtMs: endOf(limit.windowAt(nowMs)?.endMs) };
}

export class Limits {
  readonly #store: LimitStore;
  readonly #clock: Clock;
  readonly #options: LimitsOptions;
  readonly #rebuilder: Rebuilder;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LimitsOptions) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#options = options;
    this.#rebuilder = new Rebuilder(
      options.store,
      options.rebuild ?? (async () => 0),
      options.rebuildTimeoutMs ?? 2000,
    );
  }

  get state(): StoreState {
    return this.#store.state;
  }

  /** The wall clock that calendar windows go by, milliseconds since the Unix epoch: Redis's where it is in use. */
  nowMs(): number {
    return this.#store.nowMs();
  }

  /** Takes all limits of a request, or none. Answers at once where the store is in memory and its budgets are known. */
  reserve(request: ReserveRequest): ReserveResult | Promise<ReserveResult> {
    const done = this.#reserve(request);
    if (!this.#options.othersSettle) return done;
    return done instanceof Promise
      ? done.then((result) => this.#believed(request, result))
      : this.#believed(request, done);
  }

  /**
   * Which of several sockets the event loop reads first does not say which was written first: a slot that is taken may be given
   * back by a message that came before this request did. So it is asked again once all that was sent until now is read.
   */
  #believed(request: ReserveRequest, result: ReserveResult): ReserveResult | Promise<ReserveResult> {
    if (result.kind !== 'denied' || result.denial.limit.kind !== 'concurrent') return result;
    return allRead().then(() => this.#reserve(request));
  }

  #reserve(request: ReserveRequest): ReserveResult | Promise<ReserveResult> {
    const { id, limits, note } = request;
    const estimate = checked(request.estimate);
    const renewUntil = this.#clock.monotonic() + (this.#options.longestHoldMs ?? 3_600_000);
    const hold = new Hold(id, note ?? '', NONE, renewUntil);
    if (limits.length === 0) {
      hold.outputTokens = estimate.output.want;
      return { kind: 'reserved', hold };
    }
    return this.#ask(hold, limits, (all) => {
      const now = this.#store.nowMs();
      const parts: Part[] = [];
      for (const limit of all) parts.push(new Part(limit, estimate, now, null));
      hold.parts = parts;
      return asked(hold, parts, estimate, NONE);
    });
  }

  /**
   * Checks an open hold again for a request that became dearer or goes elsewhere: limits that it has already are raised to
   * the new estimate (and never lowered), others are taken. A denial leaves the hold as it was.
   */
  async amend(hold: Hold, request: AmendRequest): Promise<ReserveResult> {
    if (hold.closing) return unavailable(UNAVAILABLE_MS);
    const estimate = checked(request.estimate);
    const before = hold.parts;
    const free = before.filter((part) => request.free?.some((limit) => limit.counter === part.limit.counter));
    return this.#ask(hold, request.limits, (all) => {
      const now = this.#store.nowMs();
      const own = (limit: Limit) => before.find((part) => part.limit.counter === limit.counter) ?? null;
      const parts = all.map((limit) => new Part(limit, estimate, now, own(limit)));
      return asked(hold, parts, estimate, free);
    });
  }

  /**
   * Ends a hold with what was really used, of each limit where they differ. Once only: a second call changes nothing. Need
   * not be awaited. Answers which marks of which budgets this settlement crossed.
   */
  settle(
    hold: Hold,
    used: Actuals | ((limit: Limit) => Actuals),
    certainty: Certainty,
  ): readonly Crossing[] | Promise<readonly Crossing[]> {
    if (hold.closing) return NONE;
    const counted =
      hold.state === 'lapsed' || hold.state === 'closed' ? hold.parts.map((part) => part.counted) : undefined;
    writeActuals(hold, typeof used === 'function' ? used : () => used, certainty);
    hold.closing = true;
    if (hold.parts.length === 0) return NONE;
    const done = this.#store.settle(hold);
    return done instanceof Promise ? done.then(() => crossings(hold, counted)) : crossings(hold, counted);
  }

  /** Ends a hold of which nothing was sent: everything is given back, the request's count too. */
  async release(hold: Hold): Promise<void> {
    await this.settle(hold, nothing, 'exact');
  }

  /** The ledger has the entries of these holds, where a rebuild sees them. */
  posted(ids: readonly string[]): void {
    this.#store.posted(ids);
  }

  /** Which of these holds lapsed or were closed without their owners; undefined where that cannot be known now. */
  async closed(ids: readonly string[]): Promise<ClosedHolds | undefined> {
    return this.#store.closed(ids);
  }

  /** Counts such a hold as the ledger has it now. Answers whether that could be told. */
  async recount(hold: ClosedHold, attempts: readonly AttemptUse[]): Promise<boolean> {
    return this.#store.recount(hold, attempts);
  }

  /** Makes the budgets of these limits unknown, as far as `atMs` is in their present window. Answers whether that could be told. */
  async forgetBudgets(limits: readonly Limit[], atMs: number): Promise<boolean> {
    const now = this.#store.nowMs();
    const keys = limits
      .filter((limit) => limit.kind === 'budget' && limit.windowAt(now)!.startMs <= atMs)
      .map((limit) => limit.keyIn(limit.windowAt(now)));
    return keys.length === 0 || this.#store.forgetBudgets(keys);
  }

  /** What the counters say; undefined where that cannot be known now. `spent` of a rate is what its window has. */
  async read(limits: readonly Limit[]): Promise<readonly LimitReading[] | undefined> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const levels = await this.#store.read(limits);
      if (!levels) return undefined;
      const now = this.#store.nowMs();
      const unknown = limits.filter((_, i) => levels[i] === 'unknown');
      if (unknown.length === 0) return limits.map((limit, i) => readingOf(limit, levels[i] as Level, now));
      const parts = unknown.map((limit) => new Part(limit, justARequest, now, null));
      if (!(await this.#rebuilder.ensure(parts))) return undefined;
    }
    return undefined;
  }

  /** The same without a sum of the ledger: null where a counter would have to be made anew. */
  async readKnown(limits: readonly Limit[]): Promise<readonly (LimitReading | null)[] | undefined> {
    const levels = await this.#store.read(limits);
    const now = this.#store.nowMs();
    return levels?.map((level, i) => (level === 'unknown' ? null : readingOf(limits[i]!, level, now)));
  }

  /** Renews leases and closes what lapsed. Called by the timer; a test calls it by itself. */
  async beat(): Promise<void> {
    const closing: Promise<void>[] = [];
    await this.#store.beat((lapsed) => closing.push(this.#close(lapsed)));
    await Promise.all(closing);
  }

  /** Begins to renew leases. The timer does not keep the process alive. */
  start(): void {
    if (this.#timer) return;
    let beating = false;
    this.#timer = setInterval(() => {
      if (beating) return;
      beating = true;
      this.beat().finally(() => {
        beating = false;
      });
    }, this.#options.beatMs ?? 250);
    this.#timer.unref();
  }

  /** Ends the timer and the store's connection. Holds that are still open lapse. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#store.close();
  }

  async #close(lapsed: Lapsed): Promise<void> {
    try {
      await lapsed.close(await this.#options.onLapsed?.(lapsed.id, lapsed.note));
    } catch {
      // Nobody could write the entry; the hold stays lapsed and is handed out again.
    }
  }

  #ask(
    hold: Hold,
    limits: readonly Limit[],
    make: (limits: readonly Limit[]) => Ask,
  ): ReserveResult | Promise<ReserveResult> {
    const ask = make(limits);
    const reply = this.#store.reserve(ask);
    if (reply instanceof Promise || !isFinal(reply)) return this.#askOn(hold, limits, make, ask, reply);
    return this.#conclude(hold, ask, reply);
  }

  async #askOn(
    hold: Hold,
    limits: readonly Limit[],
    make: (limits: readonly Limit[]) => Ask,
    first: Ask,
    reply: Reply | Promise<Reply>,
  ): Promise<ReserveResult> {
    let all = limits;
    let ask = first;
    let got = await reply;
    for (let tries = 0; tries < MOST_TRIES && !isFinal(got); tries++) {
      if (got.kind === 'unknown' && !(await this.#rebuilder.ensure(got.parts))) return unavailable(UNAVAILABLE_MS);
      if (got.kind === 'twice') all = tightest(limits);
      ask = make(all);
      got = await this.#store.reserve(ask);
    }
    return this.#conclude(hold, ask, got);
  }

  #conclude(hold: Hold, ask: Ask, reply: Reply): ReserveResult {
    if (reply.kind === 'reserved') {
      if (ask.parts !== hold.parts) hold.parts = merged(hold.parts, ask.parts);
      return { kind: 'reserved', hold };
    }
    if (reply.kind === 'denied') return { kind: 'denied', denial: denialOf(reply.failures, ask.min) };
    return unavailable(reply.kind === 'recovering' ? reply.retryAfterMs : UNAVAILABLE_MS);
  }
}

/** Resolves when the event loop has read all sockets once more: what was there for this process by now is read. */
const allRead = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

const isFinal = (reply: Reply): boolean =>
  reply.kind !== 'unknown' &&
  reply.kind !== 'window' &&
  reply.kind !== 'twice' &&
  !(reply.kind === 'denied' && reply.stale);

const unavailable = (retryAfterMs: number): ReserveResult => ({ kind: 'unavailable', retryAfterMs });

function asked(hold: Hold, parts: readonly Part[], estimate: Estimate, free: readonly Part[]): Ask {
  const { want, min } = estimate.output;
  return { hold, parts, want, min: Math.min(min, want), free };
}

const merged = (before: readonly Part[], parts: readonly Part[]): Part[] => [
  ...before.filter((part) => !parts.some((other) => other.own === part)),
  ...parts,
];
