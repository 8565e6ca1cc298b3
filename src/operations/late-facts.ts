/**
 * Tells the counters of limits what the ledger came to know late. A hold whose gateway was not heard of is closed at an
 * estimate; where an entry of it comes later, from the spool that the gateway left or from the gateway itself, the hold is counted
 * as the ledger has it then. A hold that is not known any more was counted in budgets that nobody can put right one by one: those
 * are made unknown, and rebuilt from the ledger.
 *
 * Everything may be told again without harm: what is counted is always what the ledger says now. While the ledger's store or
 * the counters' is away, what is to be told waits in memory, up to a bound, and is tried again every second.
 */
import type { Models } from '../catalog/model.js';
import type { Entry } from '../ledger/entry.js';
import type { SpentStore } from '../ledger/spent-pg.js';
import type { Timer } from '../lib/timer.js';
import { type Crossing, marksBeyond } from '../limits/denial.js';
import type { Limit } from '../limits/limit.js';
import type { Limits } from '../limits/limits.js';
import { inScopes } from './limit-ledger.js';

interface LateFactsDeps {
  readonly limits: Pick<Limits, 'closed' | 'recount' | 'forgetBudgets' | 'read'>;
  readonly spent: Pick<SpentStore, 'ofHolds'>;
  /** The limits that count an entry now. */
  readonly limitsOf: (entry: Entry) => Promise<readonly Limit[]>;
  readonly models: () => Pick<Models, 'get'>;
  /** Told of all marks that budgets are now beyond; some of them may have been told before. */
  readonly onMarks: (beyond: readonly Crossing[]) => void;
  readonly onError: (error: unknown, waiting: number) => void;
  readonly after: Timer;
}

const AT_ONCE = 200;
const MOST_WAITING = 100_000;
const AGAIN_MS = 1_000;

export class LateFacts {
  /** One entry of each hold. */
  readonly #waiting = new Map<string, Entry>();
  #deps: LateFactsDeps | undefined;
  #running: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #failures = 0;
  #closed = false;

  /** Entries that are in the ledger's store. Those that come before `start` wait for it. */
  add(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.hold === undefined || this.#waiting.size >= MOST_WAITING) continue;
      this.#waiting.set(entry.hold, entry);
    }
    this.#run();
  }

  start(deps: LateFactsDeps): void {
    this.#deps = deps;
    this.#run();
  }

  /** Resolves when nothing runs. What could not be told may still wait. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Resolves when what runs is done. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    await this.#running;
  }

  #run(): void {
    const deps = this.#deps;
    if (!deps || this.#closed || this.#running || this.#cancel || this.#waiting.size === 0) return;
    this.#running = this.#tellAll(deps).finally(() => {
      this.#running = undefined;
      if (this.#waiting.size === 0 || this.#closed) return;
      this.#cancel = deps.after(AGAIN_MS, () => {
        this.#cancel = undefined;
        this.#run();
      });
    });
  }

  async #tellAll(deps: LateFactsDeps): Promise<void> {
    try {
      while (this.#waiting.size > 0 && !this.#closed) {
        const some = [...this.#waiting].slice(0, AT_ONCE);
        if (!(await tell(new Map(some), deps))) return;
        for (const [hold, entry] of some) if (this.#waiting.get(hold) === entry) this.#waiting.delete(hold);
        this.#failures = 0;
      }
    } catch (error) {
      this.#failures += 1;
      if (this.#failures === 1) deps.onError(error, this.#waiting.size);
    }
  }
}

/** False where the counters' store is away. */
async function tell(some: ReadonlyMap<string, Entry>, deps: LateFactsDeps): Promise<boolean> {
  const { limits, spent, limitsOf, models } = deps;
  const found = await limits.closed([...some.keys()]);
  if (!found) return false;
  if (found.closed.length > 0) {
    const sums = await spent.ofHolds(found.closed.map(({ id }) => ({ requestId: some.get(id)!.request_id, hold: id })));
    for (const hold of found.closed) {
      const attempts = sums.get(hold.id);
      if (attempts && !(await limits.recount(hold, inScopes(attempts, models())))) return false;
    }
  }
  for (const entry of scopesOf(found.unknown.map((id) => some.get(id)!))) {
    if (!(await limits.forgetBudgets(await limitsOf(entry), entry.held_at ?? entry.at))) return false;
  }
  await tellMarks([...some.values()], deps);
  return true;
}

/** A correction is no settlement, which would tell which marks it crossed: so the counters are read. */
async function tellMarks(entries: readonly Entry[], { limits, limitsOf, onMarks }: LateFactsDeps): Promise<void> {
  for (const entry of scopesOf(entries)) {
    const marked = (await limitsOf(entry)).filter(({ kind, spec }) => kind === 'budget' && spec.warn_at.length > 0);
    const read = marked.length > 0 ? await limits.read(marked) : undefined;
    const beyond = (read ?? []).flatMap(marksBeyond);
    if (beyond.length > 0) onMarks(beyond);
  }
}

/** One entry of all that the same limits count, of the latest time. */
function scopesOf(entries: readonly Entry[]): Iterable<Entry> {
  const scopes = new Map<string, Entry>();
  for (const entry of entries) {
    const { key, team, user, model, limit_model, target, held_at = entry.at } = entry;
    const scope = JSON.stringify([key, team, user, limit_model ?? model, target]);
    const other = scopes.get(scope);
    if (!other || (other.held_at ?? other.at) < held_at) scopes.set(scope, entry);
  }
  return scopes.values();
}
