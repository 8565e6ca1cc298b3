/** Reads the ledger from old to new with what was corrected since, for those who correct it again. */
import { sql } from 'drizzle-orm';
import type { Store } from '../store/pg.js';
import { entries } from '../store/schema.js';
import type { Entry } from './entry.js';
import type { Position } from './ledger-store.js';
import type { Scanned } from './scan.js';
import { storedEntry } from './stored-entry-pg.js';

export const scanLedger =
  ({ db }: Pick<Store, 'db'>) =>
  async (fromMs: number, toMs: number, after: Position | null, limit: number): Promise<readonly Scanned[]> => {
    const from = sql`${new Date(fromMs).toISOString()}::timestamptz`;
    const to = sql`${new Date(toMs).toISOString()}::timestamptz`;
    const beyond = after
      ? sql`and (${entries.at}, ${entries.id}) > (${new Date(after.at).toISOString()}::timestamptz, ${after.id})`
      : sql``;
    const rows = await db
      .select()
      .from(entries)
      .where(sql`${entries.at} >= ${from} and ${entries.at} < ${to} and ${entries.corrects} is null ${beyond}`)
      .orderBy(entries.at, entries.id)
      .limit(limit);
    const found = rows.map(storedEntry);
    const corrections = await correctionsOf(
      db,
      found.map(({ id }) => id),
      fromMs,
      toMs,
    );
    return found.map((entry) => ({ entry, corrections: corrections.get(entry.id) ?? [] }));
  };

type Corrections = Map<string, Entry[]>;

async function correctionsOf(
  db: Store['db'],
  ids: readonly string[],
  fromMs: number,
  toMs: number,
): Promise<Corrections> {
  const found: Corrections = new Map();
  if (ids.length === 0) return found;
  // A correction has the time of what it corrects.
  const rows = await db
    .select()
    .from(entries)
    .where(
      sql`${entries.corrects} = any(${sql.param(ids)}::text[]) and ${entries.at} >= ${new Date(fromMs).toISOString()}::timestamptz
        and ${entries.at} < ${new Date(toMs).toISOString()}::timestamptz`,
    );
  for (const row of rows) {
    const correction = storedEntry(row);
    const list = found.get(correction.corrects!) ?? [];
    list.push(correction);
    found.set(correction.corrects!, list);
  }
  return found;
}
