/**
 * Entries of all gateways in the order in which they were committed. Neither their times nor a counter has that order, so each is
 * known by its transaction, and what is read again from the oldest transaction that may still be running is told apart by its id:
 * nothing is missed, and nothing waits for a transaction that takes long. The statement that writes entries feeds them only while
 * `entry_tails` says so, so that the feed costs nothing where nobody reads it. A statement that began before `entry_tails` said so
 * feeds nothing and may end later: whoever begins to read waits for those that hold the lock that writing takes, which they take
 * before they look. Only from then on none is missing.
 */
import { setTimeout as after } from 'node:timers/promises';
import type { Store } from '../store/pg.js';
import type { EntryFeed, Fed } from './feed.js';
import { entriesAt } from './stored-entry-pg.js';

/** A part of the statement that writes entries. */
export const feedingFrom = (added: string): string =>
  `fed as (insert into entry_feed (tx, at, id) select pg_current_xact_id(), at, id from ${added}
    where (select until > now() from entry_tails))`;

const KEPT_MINUTES = 10;
const FED_MINUTES = 3;
/** The feed is on, and it is not known yet since when none is missing. */
const UNSETTLED = 2n ** 62n;
/** How often it is looked who writes, and how many times: no statement takes as long. */
const LOOK_MS = 20;
const MOST_LOOKS = 100;
/** What one reading takes. */
const MOST_READ = 1_000;

export function pgEntryFeed({ pool, db }: Pick<Store, 'pool' | 'db'>): EntryFeed {
  const first = async <T extends object>(text: string): Promise<T> => (await pool.query<T>(text)).rows[0]!;

  /** Statements that write the ledger just now; `among`: of these. */
  async function writing(among: readonly string[] | null): Promise<readonly string[]> {
    const { rows } = await pool.query<{ one: string }>(
      `select distinct virtualtransaction as one from pg_locks
       where locktype = 'relation' and database = (select oid from pg_database where datname = current_database())
         and relation = 'entry_feed'::regclass and mode = 'RowExclusiveLock' and granted
         and ($1::text[] is null or virtualtransaction = any($1))`,
      [among],
    );
    return rows.map(({ one }) => one);
  }

  /** Waits for what may not have seen that entries are fed. Answers the transaction since which none is missing. */
  async function settled(): Promise<string> {
    let before = await writing(null);
    for (let tries = 0; before.length > 0; tries++) {
      if (tries === MOST_LOOKS) return String(UNSETTLED);
      await after(LOOK_MS, undefined, { ref: false });
      before = await writing(before);
    }
    await pool.query(
      `update entry_tails set since = pg_current_xact_id() where since = '${UNSETTLED}' and until > now()`,
    );
    return (await first<{ since: string }>('select since::text from entry_tails')).since;
  }

  return {
    async keep() {
      const { since } = await first<{ since: string }>(
        `insert into entry_tails (until, since) values (now() + interval '${FED_MINUTES} minutes', '${UNSETTLED}')
         on conflict (single) do update set until = excluded.until,
           since = case when entry_tails.until > now() then entry_tails.since else excluded.since end
         returning since::text`,
      );
      return BigInt(since === String(UNSETTLED) ? await settled() : since);
    },
    async now() {
      return BigInt((await first<{ tx: string }>('select pg_snapshot_xmin(pg_current_snapshot())::text as tx')).tx);
    },
    async from(tx, seen): Promise<Fed> {
      const { rows } = await pool.query<{ next: string; tx: string | null; at: Date; id: string }>(
        `select horizon.next, fed.* from (select pg_snapshot_xmin(pg_current_snapshot())::text as next) as horizon
         left join lateral (
           select tx::text, at, id from entry_feed where tx >= $1::text::xid8 and id <> all($2::text[])
           order by entry_feed.tx, at, id limit ${MOST_READ + 1}) as fed on true`,
        [String(tx), [...seen]],
      );
      const fed = rows.filter((row) => row.tx !== null);
      const taken = fed.slice(0, MOST_READ);
      const found = new Map((await entriesAt(db, taken)).map((entry) => [entry.id, entry]));
      return {
        next: BigInt(rows[0]!.next),
        more: fed.length > MOST_READ,
        entries: taken.flatMap((row) => {
          const entry = found.get(row.id);
          return entry ? [{ tx: BigInt(row.tx!), entry }] : [];
        }),
      };
    },
    async prune() {
      await pool.query(`delete from entry_feed where fed_at < now() - interval '${KEPT_MINUTES} minutes'`);
    },
  };
}
