/**
 * Pages of the ledger, newest first. Which way to them is short depends on how many entries a filter lets through, which the
 * database cannot know of tags, of costs at the upper end and of many keys at once: so that is found out first, within a bound.
 * Where there are few they are found by what they have and put in order; where there are many, the newest entries are looked through.
 */
import { and, desc, eq, gte, inArray, lt, lte, type SQL, sql } from 'drizzle-orm';
import type { Store } from '../store/pg.js';
import { entries } from '../store/schema.js';
import type { Entry } from './entry.js';
import type { LedgerFilter, Position } from './ledger-store.js';
import { entriesAt, entryOf } from './stored-entry-pg.js';

type Reads = Pick<Store['db'], 'select' | 'execute'>;
type Db = Store['db'];

/** With so few entries of a tag, or of a cost, they are found by it and put in order. */
const FEW_TAGGED = 5_000;
const FEW_COSTING = 50_000;
/** More sums than this are not looked at. */
const FEW_SUMS = 1_000;
/** What is looked through before it is counted how many cost as much. */
const NEWEST = 20_000;

export function pageOf(
  db: Db,
  filter: LedgerFilter,
  limit: number,
  after: Position | null,
  newest = NEWEST,
): Promise<readonly Entry[]> {
  if (filter.request_id !== undefined) return pageFrom(db, filter, limit, after);
  if (filter.keys !== undefined) return pageOfKeys(db, filter, filter.keys, limit, after);
  if (filter.tag !== undefined) return fewOrMany(db, fewTagged(filter.tag), filter, limit, after);
  if ((filter.least_nusd ?? 0) > 0) return costingPage(db, filter, limit, after, newest);
  return pageFrom(db, filter, limit, after);
}

async function pageFrom(
  db: Reads,
  filter: LedgerFilter,
  limit: number,
  after: Position | null,
): Promise<readonly Entry[]> {
  const rows = await db
    .select()
    .from(entries)
    .where(and(...conditions(filter), after ? olderThan(after) : undefined))
    .orderBy(desc(entries.at), desc(entries.id))
    .limit(limit);
  return rows.map(entryOf);
}

async function fewOrMany(
  db: Db,
  few: SQL,
  filter: LedgerFilter,
  limit: number,
  after: Position | null,
): Promise<readonly Entry[]> {
  return db.transaction(
    async (tx) => {
      await tx.execute(sql`set local enable_seqscan = off`);
      const known = await tx.execute<{ few: boolean }>(few);
      await tx.execute(known.rows[0]?.few ? sql`set local enable_indexscan = off` : sql`set local enable_seqscan = on`);
      return pageFrom(tx, filter, limit, after);
    },
    { accessMode: 'read only' },
  );
}

/** The sums know how many entries have a tag; where they know nothing of it there are few entries, or none. */
const fewTagged = (tag: string): SQL =>
  sql`select count(*) < ${FEW_SUMS} and coalesce(sum(attempts), 0) < ${FEW_TAGGED} as few
    from (select attempts from spend_day_tag where tag = ${tag} limit ${FEW_SUMS}) as sums`;

/** Mostly the newest entries have enough of them; where they do not, it is found out how many there are. */
async function costingPage(
  db: Db,
  filter: LedgerFilter,
  limit: number,
  after: Position | null,
  newest: number,
): Promise<readonly Entry[]> {
  const from = await beyondNewest(db, filter, after, newest);
  const rows = await pageFrom(db, from === null ? filter : { ...filter, from }, limit, after);
  if (from === null || rows.length === limit) return rows;
  return fewOrMany(db, fewCosting(filter), filter, limit, after);
}

/** The time of the first entry beyond so many of the newest; null: there is none. */
async function beyondNewest(
  db: Db,
  { from, to }: LedgerFilter,
  after: Position | null,
  newest: number,
): Promise<number | null> {
  return db.transaction(
    async (tx) => {
      // The order of the index of times is the one that is asked for, whatever is known of the entries.
      await tx.execute(sql`set local enable_seqscan = off`);
      await tx.execute(sql`set local enable_sort = off`);
      const [row] = await tx
        .select({ at: entries.at })
        .from(entries)
        .where(and(...conditions({ from, to }), after ? olderThan(after) : undefined))
        .orderBy(desc(entries.at), desc(entries.id))
        .offset(newest)
        .limit(1);
      return row ? row.at : null;
    },
    { accessMode: 'read only' },
  );
}

/** The index of costs has those that cost something. */
const fewCosting = ({ least_nusd, most_nusd }: LedgerFilter): SQL =>
  sql`select count(*) < ${FEW_COSTING} as few from (select from ${entries}
    where ${and(sql`${entries.total_nusd} > 0`, ...costing({ least_nusd, most_nusd }))} limit ${FEW_COSTING}) as found`;

/** Of each key its newest, by the index of keys, and of these the newest. */
async function pageOfKeys(
  db: Db,
  filter: LedgerFilter,
  keys: readonly string[],
  limit: number,
  after: Position | null,
): Promise<readonly Entry[]> {
  if (keys.length === 0) return [];
  const { keys: _, ...others } = filter;
  const where = and(sql`${entries.key_id} = named.id`, ...conditions(others), after ? olderThan(after) : undefined);
  const { rows } = await db.execute<{ at: Date | string; id: string }>(
    sql`select newest.at, newest.id from unnest(${sql.param(keys)}::text[]) as named (id) cross join lateral (
      select ${entries.at}, ${entries.id} from ${entries} where ${where}
      order by ${entries.at} desc, ${entries.id} desc limit ${limit}) as newest
      order by newest.at desc, newest.id desc limit ${limit}`,
  );
  return entriesAt(db, rows);
}

const timestamp = (ms: number): SQL => sql`${new Date(ms).toISOString()}::timestamptz`;

const olderThan = ({ at, id }: Position): SQL => sql`(${entries.at}, ${entries.id}) < (${timestamp(at)}, ${id})`;

const given = <T>(value: T | undefined, condition: (value: T) => SQL): SQL | undefined =>
  value === undefined ? undefined : condition(value);

const costing = ({ least_nusd, most_nusd }: LedgerFilter): (SQL | undefined)[] => [
  given(least_nusd, (nano) => gte(entries.total_nusd, nano)),
  given(most_nusd, (nano) => lte(entries.total_nusd, nano)),
];

function conditions(filter: LedgerFilter): (SQL | undefined)[] {
  return [
    given(filter.from, (ms) => gte(entries.at, ms)),
    given(filter.to, (ms) => lt(entries.at, ms)),
    given(filter.request_id, (id) => eq(entries.request_id, id)),
    given(filter.key, (key) => eq(entries.key_id, key)),
    given(filter.keys, (keys) => inArray(entries.key_id, [...keys])),
    given(filter.team, (team) => eq(entries.team, team)),
    given(filter.teams, (teams) => inArray(entries.team, [...teams])),
    given(filter.user, (user) => eq(entries.end_user, user)),
    given(filter.model, (model) => eq(entries.model, model)),
    given(filter.provider, (provider) => eq(entries.provider, provider)),
    given(filter.target, (target) => eq(entries.target, target)),
    given(filter.status, (status) => eq(entries.status, status)),
    given(filter.error, (error) => eq(entries.error, error)),
    given(filter.cache, (cache) => eq(entries.cache, cache)),
    given(filter.tag, (tag) => sql`${entries.tags} @> array[${tag}::text] and ${entries.tags} <> '{}'`),
    ...costing(filter),
  ];
}
