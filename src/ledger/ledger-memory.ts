/** The ledger's store in memory: the twin of `ledger-pg.ts` for tests. */
import type { Entry } from './entry.js';
import { EntryRefused, type LedgerStore, type Position } from './ledger-store.js';
import { matches } from './matches.js';
import { superseding } from './supersede.js';

export function memoryLedgerStore(): LedgerStore {
  const entries = new Map<string, Entry>();
  return {
    async insert(batch) {
      const misfit = batch.find((entry) => !fits(entry));
      if (misfit) throw new EntryRefused(`${misfit.id}: a number is not a whole number`);
      const late: Entry[] = [];
      for (const entry of batch) {
        const original = entries.get(entry.id);
        if (!original) entries.set(entry.id, entry);
        else {
          const known = [...entries.values()].filter(({ corrects }) => corrects === entry.id);
          for (const correction of superseding(original, known, entry)) entries.set(correction.id, correction);
          if (original.estimate !== undefined) late.push(entry);
        }
      }
      return late;
    },
    async page(filter, limit, after) {
      const found = [...entries.values()].filter(
        (entry) => matches(entry, filter) && (after === null || newestFirst(after, entry) < 0),
      );
      return found.sort(newestFirst).slice(0, limit);
    },
  };
}

const fits = ({ at, attempt, status, tokens, cost_nusd }: Entry): boolean =>
  [at, attempt, status, ...Object.values(tokens), ...Object.values(cost_nusd)].every(Number.isSafeInteger);

const newestFirst = (a: Position, b: Position): number => b.at - a.at || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
