/**
 * Counters in this process. Every method runs to its end without waiting, so each is one atomic step; nothing else runs
 * concurrently. Rates and leases go by the monotonic clock, calendar windows by the wall clock: where that steps, a request
 * is counted in the window that the clock says, and each window keeps its own maximum.
 *
 * A budget's counter begins unknown and admits nothing until the ledger's sum has been added (`begin`, `seed`); from then
 * on it is exact. Cost depends on the number of limits of the request alone: lapsed holds are taken from the old end of a
 * list, and counters whose window is past are dropped by `beat`, which looks at a hundredth of all counters each time.
 *
 * `replicas` above 1 makes this a process's share: of what a budget had left when its counter began, and of the maximum of
 * a rate, only that part is admitted here (one request, where the share of a rate is less).
 */
import type { Clock } from '../lib/clock.js';
import { affordable, cost, inUnit } from './amount.js';
import { type AttemptUse, countedBy, usedBy } from './attempt-use.js';
import { amountOf, type Hold, type Part } from './hold.js';
import { Leases } from './leases.js';
import { type LevelCounter, newLevel } from './level.js';
import type { Limit } from './limit.js';
import type { RateWindow } from './rate-window.js';
import { RateWindows } from './rate-windows.js';
import type { Ask, Begun, ClosedHolds, Failure, Lapsed, Level, LimitStore, Reply } from './store.js';

export interface MemoryOptions {
  /** How long a hold stays without being renewed. */
  readonly leaseMs: number;
  /** How many processes share the limits; 1 unless told. */
  readonly replicas?: number;
  /** Sliding windows that outlive this store; its own unless told. */
  readonly rates?: RateWindows;
}

const PAST_MS = 3_600_000; // a past window's counter stays this long, for a wall clock that steps back
const RESERVED: Reply = { kind: 'reserved' };

export class MemoryStore implements LimitStore {
  readonly state = 'memory';
  readonly #clock: Clock;
  readonly #replicas: number;
  readonly #levels = new Map<string, LevelCounter>();
  readonly #rates: RateWindows;
  readonly #leases: Leases;
  #lapsed: Hold[] = [];
  /** Lapsed and closed holds: their owners may still settle them. */
  readonly #unsettled = new Set<Hold>();
  #sweep: MapIterator<LevelCounter> | undefined;
  #tokens = 0;

  constructor(clock: Clock, options: MemoryOptions) {
    this.#clock = clock;
    this.#leases = new Leases(options.leaseMs);
    this.#replicas = options.replicas ?? 1;
    this.#rates = options.rates ?? new RateWindows();
  }

  /** How many counters there are. */
  get size(): number {
    return this.#levels.size + this.#rates.size;
  }

  nowMs(): number {
    return this.#clock.now();
  }

  reserve(ask: Ask): Reply {
    const now = this.#clock.monotonic();
    this.#lapse(now);
    const { hold, parts } = ask;
    if (hold.state !== 'open') return { kind: 'gone' };
    let outputTokens = ask.want;
    const failures: Failure[] = [];
    const unknown: Part[] = [];
    for (const part of parts) {
      if (part.limit.kind === 'rate') {
        const rate = this.#rates.of(part);
        if (rate.asked === ask) return { kind: 'twice' };
        rate.asked = ask;
        const failure = this.#checkRate(part, rate, now);
        if (failure) failures.push(failure);
        continue;
      }
      const level = this.#level(part);
      if (level.asked === ask) return { kind: 'twice' };
      level.asked = ask;
      part.level = level;
      if (!this.#isKnown(level, part.stamp)) {
        unknown.push(part);
        continue;
      }
      const affords = this.#affords(part, level, ask.want);
      const enough = part.limit.spec.on_exhausted === 'reject' ? ask.want : ask.min;
      if (affords < enough) failures.push(levelFailure(part, level, affords));
      if (affords < outputTokens) outputTokens = affords;
    }
    if (unknown.length > 0) return { kind: 'unknown', parts: unknown };
    if (failures.length > 0) return { kind: 'denied', failures, stale: false };
    for (const part of parts) this.#take(part, now, outputTokens);
    for (const part of ask.free) this.#letGo(part);
    hold.outputTokens = outputTokens;
    this.#leases.renew(hold, now);
    return RESERVED;
  }

  settle(hold: Hold): void {
    if (hold.state === 'settled') return;
    const now = this.#clock.monotonic();
    const open = hold.state === 'open';
    if (open) this.#leases.remove(hold);
    else this.#unsettled.delete(hold);
    hold.state = 'settled';
    for (const part of hold.parts) {
      const { level } = part;
      if (level !== null) {
        if (open) {
          level.held -= part.amount;
          level.open -= 1;
        }
        level.spent += part.actual - (open ? 0 : part.counted);
        part.spentAfter = level.spent;
      }
      part.counted = part.actual;
    }
    this.#rates.settle(hold, now);
  }

  begin(part: Part): Begun {
    const level = this.#level(part);
    if (this.#isKnown(level, part.stamp)) return { kind: 'known' };
    if (level.base !== null) this.#forget(level);
    this.#tokens += 1;
    level.token = String(this.#tokens);
    return { kind: 'rebuild', token: level.token, except: level.seen?.slice() ?? [] };
  }

  seed(part: Part, token: string, spent: number): void {
    const level = this.#level(part);
    if (level.base !== null || level.token !== token) return;
    level.base = spent;
    level.stamp = Math.max(level.stamp, part.stamp);
    level.spent += spent;
    level.seen = null;
  }

  read(limits: readonly Limit[]): (Level | 'unknown')[] {
    const now = this.#clock.monotonic();
    const wall = this.nowMs();
    this.#lapse(now);
    return limits.map((limit) => {
      const key = limit.keyIn(limit.windowAt(wall));
      const counter = limit.kind === 'rate' ? this.#rates.get(key) : this.#levels.get(key);
      if (!counter) return limit.kind === 'budget' ? 'unknown' : { spent: 0, held: 0, resetMs: 0 };
      if (counter.kind === 'level') {
        return !this.#isKnown(counter, limit.stampAt(wall))
          ? 'unknown'
          : { spent: counter.spent, held: counter.held, resetMs: 0 };
      }
      counter.expire(now);
      return { spent: counter.sum, held: 0, resetMs: counter.resetMs(now) };
    });
  }

  posted(): void {}

  /** All holds here are this process's own, which settles them itself. */
  closed(): ClosedHolds {
    return { closed: [], unknown: [] };
  }

  recount(): boolean {
    return true;
  }

  forgetBudgets(): boolean {
    return true;
  }

  beat(onLapsed: (lapsed: Lapsed) => void): void {
    const now = this.#clock.monotonic();
    this.#lapse(now);
    this.#dropPast(now);
    this.#leases.renewAll(now);
    const lapsed = this.#lapsed;
    this.#lapsed = [];
    for (const hold of lapsed) {
      if (hold.state === 'lapsed')
        onLapsed({ id: hold.id, note: hold.note, close: (attempts) => this.#close(hold, attempts) });
    }
  }

  async close(): Promise<void> {}

  /** Counts a hold that was taken elsewhere, open or settled, without asking whether it fits. */
  adopt(hold: Hold): void {
    for (const part of hold.parts) {
      if (part.limit.kind === 'rate') continue;
      const level = this.#level(part);
      if (level.base === null) {
        level.seen ??= [];
        level.seen.push(hold.id);
      }
      part.level = level;
      if (hold.state === 'open') {
        level.held += part.amount;
        level.open += 1;
      } else {
        level.spent += part.counted;
      }
    }
    if (hold.state === 'open') this.#leases.renew(hold, this.#clock.monotonic());
  }

  /** A share begins at what the ledger said when Redis went away, and stays that share. */
  #isKnown(level: LevelCounter, stamp: number): boolean {
    return level.base !== null && (level.stamp >= stamp || this.#replicas > 1);
  }

  /** Begins a counter again at what holds have of it that are not in the ledger for good. */
  #forget(level: LevelCounter): void {
    level.base = null;
    level.spent = 0;
    level.seen = [];
    const has = (hold: Hold) => hold.parts.find((part) => part.level === level);
    for (const hold of this.#leases) if (has(hold)) level.seen.push(hold.id);
    for (const hold of this.#unsettled) {
      const part = has(hold);
      if (!part) continue;
      level.seen.push(hold.id);
      level.spent += part.counted;
    }
  }

  #level(part: Part): LevelCounter {
    const { limit, key } = part;
    if (limit.slot?.kind === 'level' && this.#isHere(limit.slot, key)) return limit.slot;
    const level = this.#levels.get(key) ?? this.#newLevel(part);
    limit.slot = level;
    return level;
  }

  #newLevel({ key, limit, window }: Part): LevelCounter {
    const level = newLevel(this, key, limit.kind === 'concurrent' ? 0 : null, window ? window.endMs : 0);
    this.#levels.set(key, level);
    return level;
  }

  #isHere(counter: LevelCounter, key: string): boolean {
    return counter.owner === this && counter.key === key;
  }

  /** What holds in this process: where its share of a rate or of slots is less than one request, one request. */
  #most({ limit, fixed }: Part, base: number): number {
    const { max } = limit.spec;
    if (this.#replicas === 1) return max;
    const share = Math.floor(Math.max(0, max - base) / this.#replicas);
    return limit.kind === 'budget' ? base + share : Math.min(max, Math.max(share, fixed));
  }

  #checkRate(part: Part, rate: RateWindow, now: number): Failure | undefined {
    rate.expire(now);
    part.rate = rate;
    if (part.own || part.fixed === 0) return undefined;
    const most = this.#most(part, 0);
    if (rate.sum + part.fixed <= most) return undefined;
    return { part, spent: rate.sum, held: 0, retryAfterMs: rate.waitMs(now, part.fixed, most), affordableOutput: 0 };
  }

  #affords(part: Part, level: LevelCounter, want: number): number {
    if (part.fixed === 0 && cost(want, part.milli) === 0) return want;
    const room = this.#most(part, level.base ?? 0) - level.spent - level.held + (part.own?.amount ?? 0);
    return affordable(room - part.fixed, part.milli, want);
  }

  #take(part: Part, now: number, outputTokens: number): void {
    const { own } = part;
    if (part.rate !== null) {
      const { rate } = part;
      const most = this.#most(part, 0);
      this.#rates.take(part, rate, now, most);
      part.remaining = Math.max(0, most - rate.sum);
      part.resetMs = rate.resetMs(now);
      return;
    }
    const level = part.level!;
    const before = own ? own.amount : 0;
    part.amount = amountOf(part, outputTokens);
    level.held += part.amount - before;
    if (!own) level.open += 1;
    part.remaining = Math.max(0, this.#most(part, level.base ?? 0) - level.spent - level.held);
  }

  #letGo(part: Part): void {
    if (part.level === null || part.limit.kind !== 'concurrent') return;
    part.level.held -= part.amount;
    part.amount = 0;
  }

  #lapse(now: number): void {
    for (let hold = this.#leases.ended(now); hold !== null; hold = this.#leases.ended(now)) {
      this.#leases.remove(hold);
      hold.state = 'lapsed';
      for (const part of hold.parts) {
        if (part.level === null) continue;
        part.level.held -= part.amount;
        part.level.open -= 1;
        part.level.spent += part.counted;
      }
      this.#lapsed.push(hold);
      this.#unsettled.add(hold);
    }
  }

  /** Rates keep what they took: what is known of a closed hold may be less than what it used. */
  #close(hold: Hold, attempts: readonly AttemptUse[] | undefined): void {
    if (hold.state !== 'lapsed') return;
    hold.state = 'closed';
    if (!attempts) return;
    for (const part of hold.parts) {
      if (part.level === null) continue;
      const used = inUnit(part.limit.spec.unit, usedBy(countedBy(part.limit), attempts));
      part.level.spent += used - part.counted;
      part.counted = used;
    }
  }

  #dropPast(now: number): void {
    this.#rates.dropPast(now);
    for (let left = 1000 + this.#levels.size / 100; left > 0; left--) {
      this.#sweep ??= this.#levels.values();
      const next = this.#sweep.next();
      if (next.done) {
        this.#sweep = undefined;
        return;
      }
      const level = next.value;
      if (level.open > 0 || level.endMs + PAST_MS > this.nowMs()) continue;
      level.owner = null;
      this.#levels.delete(level.key);
    }
  }
}

function levelFailure(part: Part, level: LevelCounter, affordableOutput: number): Failure {
  return { part, spent: level.spent, held: level.held, retryAfterMs: null, affordableOutput };
}
