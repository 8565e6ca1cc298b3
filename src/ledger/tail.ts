/**
 * Who follows the ledger live. While somebody does, the feed is read twice a second, once for all; each follower is handed what its
 * filter lets through. A place in the feed is the oldest transaction that may still have been running, so that who comes
 * back with the last one that it was told goes on without a gap, though something may come twice. Where the feed was not kept from
 * there on, or there was more than can be handed on, it is told so. Followers do not wait for each other: each has a buffer of its own.
 */
import type { Clock } from '../lib/clock.js';
import { messageOf } from '../lib/thrown.js';
import type { Entry } from './entry.js';
import type { EntryFeed, Fed } from './feed.js';

const POLL_MS = 500;
const KEEP_MS = 45_000;
/** Those who come back later than this have missed something. */
const MOST_AWAY_MS = 9 * 60_000;
/** At once, of one gateway process. */
const MOST_FOLLOWERS = 200;
/** How long the feed is kept up for whoever may come back. */
const LINGER_MS = 2 * 60_000;

export interface Follower {
  /** Nobody follows any more. */
  readonly gone: boolean;
  /** `place`: where to go on from after this one. */
  take(entry: Entry, place: string): void;
  /** All up to there was told. */
  reached(place: string): void;
  /** Entries may be missing from here on; the list has them. */
  gap(): void;
  /** Nothing more comes from this process. */
  end(): void;
}

interface Ports {
  readonly feed: EntryFeed;
  readonly clock: Clock;
  readonly log: { error(fields: object, message: string): void };
}

export class LedgerTail {
  readonly #ports: Ports;
  readonly #followers = new Set<Follower>();
  readonly #seen = new Map<string, bigint>();
  #low = 0n;
  /** Since when entries are fed. */
  #since = 0n;
  #timer: NodeJS.Timeout | undefined;
  #keptMs = 0;
  #idleSinceMs = 0;
  #reading: Promise<void> = Promise.resolve();
  #closed = false;
  /** Those that are about to follow. */
  #joining = 0;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** No more can follow: there are as many as one process takes, or it ends. */
  get full(): boolean {
    return this.#closed || this.#followers.size + this.#joining >= MOST_FOLLOWERS;
  }

  /**
   * Resolves once nothing more is missed, or it has ended, as it has where no more can follow; throws where the database is away.
   * `place`: the last that was told.
   */
  follow(follower: Follower, place: string | undefined): Promise<void> {
    if (this.full) {
      follower.end();
      return Promise.resolve();
    }
    this.#joining += 1;
    const joined = this.#reading
      .then(() => this.#join(follower, place))
      .finally(() => {
        this.#joining -= 1;
      });
    this.#reading = joined.catch(() => {});
    return joined;
  }

  leave(follower: Follower): void {
    this.#followers.delete(follower);
    if (this.#followers.size === 0) this.#idleSinceMs = this.#ports.clock.now();
  }

  /** Ends all of them: who comes back finds another gateway. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const follower of this.#followers) follower.end();
    await this.#reading;
  }

  async #join(follower: Follower, place: string | undefined): Promise<void> {
    const { feed } = this.#ports;
    if (this.#closed) return follower.end();
    const since = await this.#keep();
    if (this.#followers.size === 0) {
      this.#low = await feed.now();
      this.#seen.clear();
    }
    const low = this.#low;
    const isCaughtUp = place !== undefined && (await this.#catchUp(follower, readPlace(place), since));
    if (this.#closed) return follower.end();
    if (this.#timer === undefined) this.#plan();
    if (follower.gone) return;
    this.#followers.add(follower);
    if (!isCaughtUp) follower.reached(this.#placeOf(low));
  }

  /** What one follower missed while it was away; false where that is not known. */
  async #catchUp(follower: Follower, from: Place | null, since: bigint): Promise<boolean> {
    const nowMs = this.#ports.clock.now();
    if (!from || from.tx < since || nowMs - from.ms > MOST_AWAY_MS) {
      follower.gap();
      return false;
    }
    const fed = await this.#ports.feed.from(from.tx, []);
    this.#hand(fed, from.tx, [follower]);
    return true;
  }

  /** Has entries fed on. Where they were not meanwhile, all that follow have missed some. */
  async #keep(): Promise<bigint> {
    const since = await this.#ports.feed.keep();
    this.#keptMs = this.#ports.clock.now();
    if (since !== this.#since) for (const follower of this.#followers) follower.gap();
    this.#since = since;
    return since;
  }

  #plan(): void {
    this.#timer = setTimeout(() => {
      this.#reading = this.#reading.then(() => this.#poll());
    }, POLL_MS);
    this.#timer.unref();
  }

  async #poll(): Promise<void> {
    if (this.#closed) return;
    const { feed, clock, log } = this.#ports;
    try {
      const nowMs = clock.now();
      if (this.#followers.size === 0 && nowMs - this.#idleSinceMs > LINGER_MS) {
        this.#timer = undefined;
        return;
      }
      if (nowMs - this.#keptMs > KEEP_MS) {
        await this.#keep();
        await feed.prune();
      }
      if (this.#followers.size > 0) await this.#read();
    } catch (error) {
      log.error({ error: messageOf(error) }, 'following the ledger');
    }
    this.#plan();
  }

  async #read(): Promise<void> {
    const fed = await this.#ports.feed.from(this.#low, this.#seen.keys());
    this.#hand(fed, this.#low, [...this.#followers]);
    for (const { tx, entry } of fed.entries) this.#seen.set(entry.id, tx);
    this.#low = fed.next;
    for (const [id, tx] of this.#seen) if (tx < fed.next) this.#seen.delete(id);
  }

  /** Only from the last of them on all before is told as well. */
  #hand({ entries, next, more }: Fed, low: bigint, to: readonly Follower[]): void {
    const before = this.#placeOf(low);
    const after = this.#placeOf(next);
    entries.forEach(({ entry }, at) => {
      const place = at === entries.length - 1 && !more ? after : before;
      for (const follower of to) follower.take(entry, place);
    });
    for (const follower of to) {
      if (more) follower.gap();
      follower.reached(after);
    }
  }

  #placeOf(tx: bigint): string {
    return `${tx}-${this.#ports.clock.now()}`;
  }
}

interface Place {
  readonly tx: bigint;
  readonly ms: number;
}

function readPlace(place: string): Place | null {
  const match = /^(\d{1,18})-(\d{1,15})$/.exec(place);
  return match ? { tx: BigInt(match[1]!), ms: Number(match[2]) } : null;
}
