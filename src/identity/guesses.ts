/**
 * Slows down whoever guesses passwords, without locking anybody out. An address that failed more than a few times is told to wait,
 * twice as long each time, up to a minute. While many fail at one account, from wherever, whoever failed there already waits
 * as long at once; an address that did not may always try, so that the owner of the account gets in. Of this process.
 */
import { LRUCache } from 'lru-cache';
import { networkOf } from '../lib/network-of.js';

const FREE = 5;
const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
const FORGOTTEN_MS = 600_000;
/** Failures at an account from when on it is held to be attacked. */
const ATTACKED = 20;
const MOST = 10_000;

interface Failures {
  readonly count: number;
  readonly untilMs: number;
  readonly nextMs: number;
}

export class Guesses {
  readonly #addresses = new LRUCache<string, Failures>({ max: MOST });
  readonly #accounts = new LRUCache<string, Failures>({ max: MOST });
  readonly #both = new LRUCache<string, Failures>({ max: MOST });

  /** How long a try has to wait; 0: it may be made. Times are monotonic. */
  waitMs(address: string, account: string, nowMs: number): number {
    const place = networkOf(address);
    const attacked = (live(this.#accounts.get(account), nowMs)?.count ?? 0) >= ATTACKED;
    const here = live(this.#addresses.get(place), nowMs);
    const both = live(this.#both.get(`${place} ${account}`), nowMs);
    const byAddress = here && here.count >= FREE ? here.nextMs - nowMs : 0;
    const byAccount = attacked && both ? both.untilMs - FORGOTTEN_MS + LONGEST_MS - nowMs : 0;
    return Math.max(0, byAddress, byAccount);
  }

  failed(address: string, account: string, nowMs: number): void {
    const place = networkOf(address);
    count(this.#addresses, place, nowMs);
    count(this.#accounts, account, nowMs);
    count(this.#both, `${place} ${account}`, nowMs);
  }

  /** It was not known whether it was right: what `failed` counted is taken back. */
  takenBack(address: string, account: string): void {
    const place = networkOf(address);
    discount(this.#addresses, place);
    discount(this.#accounts, account);
    discount(this.#both, `${place} ${account}`);
  }

  succeeded(address: string, account: string): void {
    this.#addresses.delete(networkOf(address));
    this.#both.delete(`${networkOf(address)} ${account}`);
  }
}

const live = (failures: Failures | undefined, nowMs: number): Failures | undefined =>
  failures && failures.untilMs > nowMs ? failures : undefined;

function count(of: LRUCache<string, Failures>, name: string, nowMs: number): void {
  const number = (live(of.get(name), nowMs)?.count ?? 0) + 1;
  of.set(name, { count: number, untilMs: nowMs + FORGOTTEN_MS, nextMs: nowMs + pauseMsAfter(number) });
}

function discount(of: LRUCache<string, Failures>, name: string): void {
  const known = of.get(name);
  if (!known || known.count <= 1) return void of.delete(name);
  const number = known.count - 1;
  const nextMs = known.nextMs - pauseMsAfter(known.count) + pauseMsAfter(number);
  of.set(name, { count: number, untilMs: known.untilMs, nextMs });
}

const pauseMsAfter = (number: number): number =>
  number < FREE ? 0 : Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(number - FREE, 10));
