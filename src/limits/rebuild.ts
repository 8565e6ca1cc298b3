/**
 * Budgets that a store does not know are summed from the ledger before anything is admitted: on their first use in a
 * window, and after a store lost them. The store first counts what it knows of holds itself and says which holds these are;
 * the ledger then sums everything else, and only the process that began the rebuild last may add its sum. In this process
 * one rebuild serves all requests that wait for it. Where the ledger does not answer in time the budget stays unknown, and
 * who asked is refused, not let through.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { within } from '../lib/within.js';
import { isAmount } from './amount.js';
import type { Window } from './calendar.js';
import type { Part } from './hold.js';
import type { Limit } from './limit.js';
import type { LimitStore } from './store.js';

/**
 * What the ledger says was spent of a budget: in the unit of the limit (nano-dollars for `usd`; one per hold, not per
 * attempt, for `requests`), by entries in the window, but not those of the holds in `except`. Entries that this process has
 * not yet written to where it reads are to be written first.
 */
export type Rebuild = (limit: Limit, window: Window, except: readonly string[]) => Promise<number>;

const POLL_MS = 20;

export class Rebuilder {
  readonly #store: LimitStore;
  readonly #rebuild: Rebuild;
  readonly #timeoutMs: number;
  readonly #running = new Map<string, Promise<boolean>>();

  constructor(store: LimitStore, rebuild: Rebuild, timeoutMs: number) {
    this.#store = store;
    this.#rebuild = rebuild;
    this.#timeoutMs = timeoutMs;
  }

  /** True once all of them are known, false where one could not be rebuilt in time. */
  async ensure(parts: readonly Part[]): Promise<boolean> {
    const known = await Promise.all(parts.map((part) => this.#one(part)));
    return known.every(Boolean);
  }

  #one(part: Part): Promise<boolean> {
    let running = this.#running.get(part.key);
    if (!running) {
      running = this.#run(part).finally(() => this.#running.delete(part.key));
      this.#running.set(part.key, running);
    }
    return running;
  }

  async #run(part: Part): Promise<boolean> {
    const deadline = performance.now() + this.#timeoutMs;
    try {
      while (performance.now() < deadline) {
        const begun = await this.#store.begin(part);
        if (begun.kind === 'known') return true;
        if (begun.kind === 'away') return false;
        if (begun.kind === 'busy') {
          await sleep(POLL_MS);
          continue;
        }
        const sum = this.#rebuild(part.limit, part.window!, begun.except);
        const spent = await within(sum, this.#timeoutMs, 'the ledger did not answer');
        if (!isAmount(spent)) return false;
        await this.#store.seed(part, begun.token, spent);
      }
      return false;
    } catch {
      return false;
    }
  }
}
