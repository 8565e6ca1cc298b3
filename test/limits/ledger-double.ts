/** A ledger that only knows what holds spent of which limits, and sums it as a rebuild asks. */
import type { Actuals } from '../../src/limits/amount.js';
import type { Hold } from '../../src/limits/hold.js';
import type { Limit } from '../../src/limits/limit.js';
import type { Limits } from '../../src/limits/limits.js';
import type { Rebuild } from '../../src/limits/rebuild.js';

export class LedgerDouble {
  readonly #entries = new Map<string, { readonly counters: readonly string[]; readonly usdNano: number }>();
  away = false;
  asked = 0;

  readonly rebuild: Rebuild = async (limit, _window, except) => {
    this.asked += 1;
    await new Promise((resolve) => setImmediate(resolve));
    if (this.away) throw new Error('the database is away');
    return this.sum(limit, except);
  };

  sum(limit: Limit, except: readonly string[] = []): number {
    const left = new Set(except);
    let sum = 0;
    for (const [id, { counters, usdNano }] of this.#entries) {
      if (!left.has(id) && counters.includes(limit.counter)) sum += usdNano;
    }
    return sum;
  }

  append(hold: Hold, actuals: Actuals): void {
    const counters = hold.parts.map(({ limit }) => limit.counter);
    this.#entries.set(hold.id, { counters, usdNano: actuals.usdNano });
  }

  /** What a gateway does when a request is done: entry, settlement, and that the entry is where a rebuild sees it. */
  async finish(limits: Limits, hold: Hold, actuals: Actuals): Promise<void> {
    this.append(hold, actuals);
    await limits.settle(hold, actuals, 'exact');
    limits.posted([hold.id]);
  }
}
