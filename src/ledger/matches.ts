/** Whether an entry is one of those that a filter asks for. */
import type { Entry } from './entry.js';
import type { LedgerFilter } from './ledger-store.js';

export function matches(entry: Entry, { from, to, tag, teams, ...equal }: LedgerFilter): boolean {
  if (from !== undefined && entry.at < from) return false;
  if (to !== undefined && entry.at >= to) return false;
  if (teams !== undefined && (entry.team === null || !teams.includes(entry.team))) return false;
  if (tag !== undefined && !entry.tags.includes(tag)) return false;
  return Object.entries(equal).every(([name, value]) => value === undefined || entry[name as keyof Entry] === value);
}
