/**
 * Counters in Redis: one Lua script per step (`lua/`), one round trip each, by Redis's own clock. Gateways run these
 * concurrently; Redis runs one script at a time. Every call is bounded, and throws where Redis is away or answers with an
 * error; what then happens is `failover.ts`'s affair.
 *
 * A reservation carries a deadline on Redis's clock, which is estimated from its answers: one that was stuck on its way and
 * that nobody waits for any more takes nothing when it arrives. All keys share the hash tag of the prefix (`lua/common.lua`).
 */
import type { Clock } from '../lib/clock.js';
import { RedisAway, type RedisLink, type RedisReply, type RedisScript } from '../store/redis.js';
import { inUnit } from './amount.js';
import { type AttemptUse, usedBy } from './attempt-use.js';
import type { Hold, Part } from './hold.js';
import type { Limit } from './limit.js';
import type { Ask, Begun, ClosedHold, ClosedHolds, Level, Reply } from './store.js';
import type { UntoldBatch } from './untold-rates.js';
import {
  FAR_US,
  loadScripts,
  partAsked,
  partTold,
  plain,
  recordOf,
  type ScriptName,
  timeToLiveMs,
  understood,
} from './wire-redis.js';

export interface RedisCountersOptions {
  readonly clock: Clock;
  /** This process, for as long as it lives. */
  readonly me: string;
  readonly leaseMs: number;
  /** Longest a call may take; 50 ms unless told. */
  readonly timeoutMs?: number;
  /** After a loss of all counters no budget is admitted for this long; a second unless told. */
  readonly recoveryMs?: number;
  /** How long a settled hold is remembered if nobody says that its entries are posted; 10 minutes unless told. */
  readonly keepMs?: number;
  /** How long a hold that was closed without its owner is remembered; a day unless told. */
  readonly closedKeepMs?: number;
  /** First part of every key, with a hash tag; `{tollgate}` unless told. */
  readonly prefix?: string;
  /** Microseconds; a test's own time instead of Redis's. */
  readonly now?: () => number;
}

export interface BeatAsk {
  readonly renew: readonly string[];
  readonly posted: readonly string[];
}

export interface BeatReply {
  readonly epoch: string;
  readonly gateways: number;
  readonly lapsed: readonly ClosedHold[];
  /** More has lapsed than one beat deals with. */
  readonly more: boolean;
}

const BEAT_TIMEOUT_MS = 2000;

export class RedisCounters {
  readonly timeoutMs: number;
  readonly keepMs: number;
  /** The epoch of the last answer; empty before the first. */
  epoch = '';
  readonly #link: RedisLink;
  readonly #options: RedisCountersOptions;
  readonly #scripts: Readonly<Record<ScriptName, RedisScript>>;
  readonly #prefix: string;
  readonly #base: readonly string[];
  readonly #recoveryMs: number;
  readonly #closedKeepUs: number;
  /** Redis's clock minus the monotonic one, microseconds; undefined before the first answer. */
  #offsetUs: number | undefined;
  /** The same, as times that are told go by it. */
  #toldOffsetUs: number | undefined;

  constructor(link: RedisLink, options: RedisCountersOptions) {
    this.#link = link;
    this.#options = options;
    this.#scripts = loadScripts();
    this.timeoutMs = options.timeoutMs ?? 50;
    this.keepMs = options.keepMs ?? 600_000;
    this.#recoveryMs = options.recoveryMs ?? 1000;
    this.#closedKeepUs = (options.closedKeepMs ?? 86_400_000) * 1000;
    this.#prefix = `${options.prefix ?? '{tollgate}'}:1:`;
    this.#base = ['holds', 'leases', 'lapsed'].map((name) => this.#prefix + name);
  }

  /** Redis's wall clock, as far as its answers tell; the process's own before the first. */
  nowMs(): number {
    if (this.#offsetUs === undefined) return this.#options.clock.now();
    return Math.floor(this.#nowUs() / 1000);
  }

  /** Milliseconds until budgets are admitted after a loss; 0 in normal times. */
  recoveringMs(): number {
    if (this.epoch === '') return 0;
    return Math.max(0, Math.ceil((Number(this.epoch) - this.#nowUs()) / 1000 + this.#recoveryMs));
  }

  async reserve(ask: Ask): Promise<{ readonly reply: Reply; readonly epoch: string }> {
    const began = this.#options.clock.monotonic();
    const keys = ask.parts.map((part) => this.#key(part.key));
    if (new Set(keys).size < keys.length) return { reply: { kind: 'twice' }, epoch: this.epoch };
    for (let left = this.timeoutMs; left > 0; left = this.timeoutMs - (this.#options.clock.monotonic() - began)) {
      const reply = await this.#run('reserve', keys, this.#reserveRequest(ask, left), left);
      const [word, nowUs, epoch] = reply as [string, number, string];
      if (word === 'late' || word === 'window') this.#offsetUs = this.#offsetOf(nowUs);
      if (word !== 'late') return { reply: understood(ask, reply), epoch };
    }
    throw new RedisAway('Redis came to a reservation too late');
  }

  /** The epoch in which it is settled; null where Redis does not know the hold. */
  async settle(hold: Hold): Promise<string | null> {
    const parts = hold.parts.map(({ actual, limit }) => [actual, limit.windowMs * 1000, limit.spec.max]);
    const reply = await this.#run('settle', [], { id: hold.id, by: 'owner', keep: this.keepMs * 1000, parts });
    if (reply[0] === 'settled') for (const [i, part] of hold.parts.entries()) part.spentAfter = reply[3 + i] as number;
    return reply[0] === 'unknown' ? null : (reply[2] as string);
  }

  /** Closes a lapsed hold at what `attempts` used, or at what is counted. Rates keep what they took. */
  async close(hold: ClosedHold, attempts: readonly AttemptUse[] | undefined): Promise<void> {
    const parts = hold.parts.map(({ kind, unit, counted, attempts: of }) => [
      attempts && kind !== 'rate' ? inUnit(unit, usedBy(of, attempts)) : counted,
      0,
      0,
    ]);
    await this.#run('settle', [], { id: hold.id, by: 'closer', keep: this.#closedKeepUs, parts });
  }

  /** Counts a lapsed or closed hold as `attempts` used, rates too. */
  async recount(hold: ClosedHold, attempts: readonly AttemptUse[]): Promise<void> {
    const parts = hold.parts.map(({ unit, attempts: of }) => [inUnit(unit, usedBy(of, attempts)), 0, 0]);
    await this.#run('settle', [], { id: hold.id, by: 'ledger', keep: this.#closedKeepUs, parts });
  }

  async closed(ids: readonly string[]): Promise<ClosedHolds> {
    const [, , , unknown, ...closed] = await this.#run('closed', [], { ids }, BEAT_TIMEOUT_MS);
    return { unknown: unknown as unknown as readonly string[], closed: closed.map(recordOf) };
  }

  /** Tells of holds as they are, and which budgets to forget. Answers the epoch in which Redis knows them. */
  async adopt(holds: readonly Hold[], stale: readonly string[]): Promise<string> {
    const request = {
      deadline: this.#deadline(BEAT_TIMEOUT_MS),
      lease: this.#options.leaseMs * 1000,
      keep: this.keepMs * 1000,
      stale: stale.map((key) => this.#key(key)),
      holds: holds.map(({ id, state, note, parts }) => [
        id,
        state === 'settled' ? 's' : 'o',
        plain(note),
        parts.map((part) => partTold(part, this.#key(part.key), this.#toUs)),
      ]),
    };
    const reply = await this.#run('adopt', [], request, BEAT_TIMEOUT_MS);
    if (reply[0] === 'late') throw new RedisAway('Redis came to what it was told too late');
    return reply[2] as string;
  }

  /** Tells what was taken of sliding windows without Redis. */
  async tellTaken({ number, logs }: UntoldBatch): Promise<void> {
    const request = {
      number: String(number),
      keep: 7_200_000,
      logs: logs.map(({ windowMs, max, taken }) => [
        windowMs * 1000,
        max,
        taken.flatMap(({ firstMs, lastMs, amount }) => [this.#toUs(firstMs), this.#toUs(lastMs), amount]),
      ]),
    };
    const keys = [`${this.#prefix}told:${this.#options.me}`, ...logs.map(({ key }) => this.#key(key))];
    await this.#run('taken', keys, request, BEAT_TIMEOUT_MS);
  }

  async begin(part: Part): Promise<Begun> {
    const [word, , , token, ...except] = await this.#run('begin', [this.#key(part.key)], {
      kind: part.limit.kind[0],
      ttl: timeToLiveMs(part, this.nowMs()),
      stamp: part.stamp,
      me: this.#options.me,
      patience: 3_000_000,
      quarantine: this.#recoveryMs * 1000,
    });
    if (word === 'rebuild') return { kind: 'rebuild', token: token as string, except: except as string[] };
    return { kind: word === 'recovering' ? 'away' : (word as 'known' | 'busy') };
  }

  async seed(part: Part, token: string, spent: number): Promise<void> {
    await this.#run('seed', [this.#key(part.key)], { token, spent, stamp: part.stamp });
  }

  /** Undefined while a loss is being recovered from. */
  async read(limits: readonly Limit[]): Promise<readonly (Level | 'unknown')[] | undefined> {
    const now = this.nowMs();
    const keys = limits.map((limit) => this.#key(limit.keyIn(limit.windowAt(now))));
    const parts = limits.map((limit) => [limit.kind[0], limit.windowMs * 1000, limit.stampAt(now)]);
    for (;;) {
      const [word, , , stale, ...numbers] = await this.#run('read', keys, {
        quarantine: this.#recoveryMs * 1000,
        parts,
      });
      if (word === 'recovering') return undefined;
      if (stale) continue;
      return limits.map((_, i) => {
        const [spent, held, reset] = numbers.slice(i * 3) as [number, number, number];
        return spent < 0 ? 'unknown' : { spent, held, resetMs: reset / 1000 };
      });
    }
  }

  /** Says that this process lives. A probe waits no longer than a request would; else it is given 2 seconds. */
  async beat(ask: BeatAsk, timeoutMs = BEAT_TIMEOUT_MS): Promise<BeatReply> {
    const keys = [`${this.#prefix}gateways`];
    const request = {
      ...ask,
      me: this.#options.me,
      run: this.#link.runId,
      lease: this.#options.leaseMs * 1000,
      gap: 2_000_000,
      rest: this.#recoveryMs * 1000,
      redeliver: 30_000_000,
      forget: 86_400_000_000,
      present: 5_000_000,
      take: 20,
    };
    const [, , epoch, gateways, more, ...lapsed] = await this.#run('beat', keys, request, timeoutMs);
    return { epoch: epoch as string, gateways: gateways as number, more: more === 1, lapsed: lapsed.map(recordOf) };
  }

  #reserveRequest({ hold, parts, want, min, free }: Ask, leftMs: number): object {
    return {
      id: hold.id,
      note: plain(hold.note),
      deadline: this.#deadline(leftMs),
      quarantine: this.#recoveryMs * 1000,
      lease: this.#options.leaseMs * 1000,
      want,
      min,
      amend: hold.parts.length > 0 && parts !== hold.parts,
      free: free.map((part) => this.#key(part.key)),
      parts: parts.map(partAsked),
    };
  }

  #key(counter: string): string {
    return `${this.#prefix}c:${counter}`;
  }

  #deadline(leftMs: number): number {
    // Who asks waits a little longer where it stood still itself.
    return this.#offsetUs === undefined ? FAR_US : Math.ceil(this.#nowUs() + 2 * leftMs * 1000);
  }

  /** The same time comes out whenever it is asked for: the difference of the clocks is taken once, unless one of them was set. */
  readonly #toUs = (monotonicMs: number): number => {
    const offset = this.#offsetUs ?? 0;
    if (this.#toldOffsetUs === undefined || Math.abs(this.#toldOffsetUs - offset) > 1_000_000)
      this.#toldOffsetUs = offset;
    return Math.round(monotonicMs * 1000 + this.#toldOffsetUs);
  };

  #nowUs(): number {
    return this.#options.clock.monotonic() * 1000 + (this.#offsetUs ?? 0);
  }

  async #run(
    name: ScriptName,
    keys: readonly string[],
    ask: object,
    timeoutMs = this.timeoutMs,
  ): Promise<readonly RedisReply[]> {
    const args = [JSON.stringify(ask)];
    if (this.#options.now) args.push(String(this.#options.now()));
    const reply = (await this.#link.run(
      this.#scripts[name],
      [...this.#base, ...keys],
      args,
      timeoutMs,
    )) as RedisReply[];
    this.#hear(reply[1] as number);
    this.epoch = reply[2] as string;
    return reply;
  }

  /**
   * An answer's time is a little old when it arrives, so the greatest difference seen is the best; but a clock that was set
   * back is believed.
   */
  #hear(nowUs: number): void {
    const offset = this.#offsetOf(nowUs);
    if (this.#offsetUs === undefined || offset > this.#offsetUs || offset < this.#offsetUs - 1_000_000)
      this.#offsetUs = offset;
  }

  #offsetOf(nowUs: number): number {
    return nowUs - this.#options.clock.monotonic() * 1000;
  }
}
