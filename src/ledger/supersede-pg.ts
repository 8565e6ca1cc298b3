/**
 * Finds, in the transaction that writes a batch, which of its entries know more than the estimates that are there under their
 * ids. These are locked first: of two that bring the same, the second one sees what the first one wrote. Ids of facts, which
 * nothing supersedes, cost one look-up.
 */
import { type SQL, sql } from 'drizzle-orm';
import type pg from 'pg';
import { drizzleOn } from '../store/pg.js';
import { entries } from '../store/schema.js';
import type { Entry } from './entry.js';
import { storedEntry } from './stored-entry-pg.js';
import { superseding } from './supersede.js';

interface Superseding {
  /** Those whose ids are estimates' in the ledger. */
  readonly late: readonly Entry[];
  readonly corrections: readonly Entry[];
}

/** Whether some of these, which are in the ledger, are there as estimates. Corrections are superseded by nothing. */
export async function hasEstimates(client: pg.PoolClient, there: readonly Entry[]): Promise<boolean> {
  const told = there.filter(({ corrects }) => corrects === undefined);
  if (told.length === 0) return false;
  const found = await drizzleOn(client).select({ id: entries.id }).from(entries).where(estimatesAmong(told)).limit(1);
  return found.length > 0;
}

function estimatesAmong(told: readonly Entry[]): SQL {
  const times = sql.param(told.map(({ at }) => new Date(at).toISOString()));
  const ids = sql.param(told.map(({ id }) => id));
  return sql`${entries.estimate} is not null
    and (${entries.at}, ${entries.id}) in (select * from unnest(${times}::timestamptz[], ${ids}::text[]))`;
}

/** What entries lead to, of which some have the ids of estimates. */
export async function supersedingIn(client: pg.PoolClient, told: readonly Entry[]): Promise<Superseding> {
  const db = drizzleOn(client);
  const originals = await db
    .select()
    .from(entries)
    .where(estimatesAmong(told))
    .orderBy(entries.at, entries.id)
    .for('update');
  if (originals.length === 0) return { late: [], corrections: [] };
  const theirs = sql.param(originals.map(({ id }) => id));
  const at = sql.param(originals.map((one) => new Date(one.at).toISOString()));
  // A correction has the time of what it corrects.
  const written = (
    await db
      .select()
      .from(entries)
      .where(sql`${entries.corrects} = any(${theirs}::text[]) and ${entries.at} = any(${at}::timestamptz[])`)
  ).map(storedEntry);
  const known = new Map<string, readonly Entry[]>();
  for (const one of written) known.set(one.corrects!, [...(known.get(one.corrects!) ?? []), one]);
  const byId = new Map(originals.map((one) => [one.id, storedEntry(one)]));
  const late = told.filter(({ id }) => byId.has(id));
  const corrections: Entry[] = [];
  for (const entry of late) {
    const all = known.get(entry.id) ?? [];
    const added = superseding(byId.get(entry.id)!, all, entry);
    known.set(entry.id, [...all, ...added]);
    corrections.push(...added);
  }
  return { late, corrections };
}
