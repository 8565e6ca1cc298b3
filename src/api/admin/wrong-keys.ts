/**
 * Slows down whoever tries admin keys: from the sixth wrong one of an address within ten minutes on, each refusal waits twice
 * as long as the one before it, up to five seconds. Whoever has the right key never waits. Of this process.
 */
import { LRUCache } from 'lru-cache';
import { networkOf } from '../../lib/network-of.js';

const FREE = 5;
const FIRST_MS = 100;
const LONGEST_MS = 5_000;
const FORGOTTEN_MS = 600_000;
const MOST_ADDRESSES = 10_000;

export class WrongKeys {
  readonly #tries = new LRUCache<string, { count: number; untilMs: number }>({ max: MOST_ADDRESSES });

  /** Counts one; answers how long its refusal is to wait. `nowMs` is monotonic. */
  count(address: string, nowMs: number): number {
    const network = networkOf(address);
    const known = this.#tries.get(network);
    const count = known && known.untilMs > nowMs ? known.count + 1 : 1;
    this.#tries.set(network, { count, untilMs: nowMs + FORGOTTEN_MS });
    return count <= FREE ? 0 : Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(count - FREE - 1, 10));
  }
}
