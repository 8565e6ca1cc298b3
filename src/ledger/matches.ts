/** Whether an entry is one of those that a filter asks for. */
import type { Entry } from './entry.js';
import type { LedgerFilter } from './ledger-store.js';

export function matches(entry: Entry, filter: LedgerFilter): boolean {
  const { from, to, tag, teams, keys, least_nusd, most_nusd, ...equal } = filter;
  if (from !== undefined && entry.at < from) return false;
  if (to !== undefined && entry.at >= to) return false;
  if (teams !== undefined && (entry.team === null || !teams.includes(entry.team))) return false;
  if (keys !== undefined && !keys.includes(entry.key)) return false;
  if (tag !== undefined && !entry.tags.includes(tag)) return false;
  if (least_nusd !== undefined && entry.cost_nusd.total < least_nusd) return false;
  if (most_nusd !== undefined && entry.cost_nusd.total > most_nusd) return false;
  return Object.entries(equal).every(([name, value]) => value === undefined || entry[name as keyof Entry] === value);
}
