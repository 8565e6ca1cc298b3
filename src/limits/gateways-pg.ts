/**
 * Whether other gateways that use the same database count limits elsewhere: without Redis each counts in its own memory, and
 * a limit can be used up once at each. A gateway renews its row every few seconds and looks who else did; `changed` is told when
 * the number changes. While the database is away what was known last stays.
 */
import { within } from '../lib/within.js';
import type { Store } from '../store/pg.js';

export interface GatewaysOptions {
  readonly store: Pick<Store, 'pool'>;
  /** This process, for as long as it lives. */
  readonly me: string;
  readonly counts: 'memory' | 'redis';
  /** Told of the number of gateways that count elsewhere, each time it changes. */
  readonly changed: (apart: number) => void;
  readonly everyMs?: number;
}

export interface Gateways {
  /** Other gateways on this database that do not share this one's counters. */
  readonly apart: number;
  /** Tells the others that this one takes requests now. */
  ready(): Promise<void>;
  /** Milliseconds since the newest of the other gateways began to take requests; undefined where there is none, or nobody can tell. */
  sinceNewestMs(): Promise<number | undefined>;
  close(): Promise<void>;
}

const EVERY_MS = 5_000;

const renewed = `
  with mine as (
    insert into gateways (id, counts, seen_at) values ($1, $2, now())
    on conflict (id) do update set counts = excluded.counts, seen_at = excluded.seen_at
  ), gone as (
    delete from gateways where id <> $1 and seen_at < now() - interval '1 minute'
  )
  select count(*)::int as apart from gateways
  where id <> $1 and seen_at > now() - interval '15 seconds' and ($2 = 'memory' or counts = 'memory')`;

const newest = `
  select (extract(epoch from now() - max(ready_at)) * 1000)::float8 as ms from gateways
  where id <> $1 and seen_at > now() - interval '15 seconds'`;
/** An end does not wait longer for an answer. */
const NEWEST_TIMEOUT_MS = 1_000;

/** Resolves once it is known who else is there, or that the database does not answer. */
export async function watchGateways({
  store,
  me,
  counts,
  changed,
  everyMs = EVERY_MS,
}: GatewaysOptions): Promise<Gateways> {
  let apart = 0;
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    try {
      const { rows } = await store.pool.query<{ apart: number }>(renewed, [me, counts]);
      const now = rows[0]!.apart;
      if (now === apart) return;
      apart = now;
      changed(apart);
    } catch {
      // The database is away: what was known stays.
    }
  };
  const timer = setInterval(() => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
  }, everyMs);
  timer.unref();
  await look();
  return {
    get apart() {
      return apart;
    },
    async ready() {
      await store.pool.query('update gateways set ready_at = now() where id = $1', [me]).catch(() => {});
    },
    async sinceNewestMs() {
      const asked = store.pool.query<{ ms: number | null }>(newest, [me]);
      const told = await within(asked, NEWEST_TIMEOUT_MS, 'the database did not answer').catch(() => undefined);
      return told?.rows[0]?.ms ?? undefined;
    },
    async close() {
      clearInterval(timer);
      await looking;
      await store.pool.query('delete from gateways where id = $1', [me]).catch(() => {});
    },
  };
}

/** What operators are told of it; undefined where all share one state. */
export function apartNotice(apart: number): string | undefined {
  if (apart === 0) return undefined;
  const others = apart === 1 ? 'another gateway that uses' : `${apart} other gateways that use`;
  return `This gateway does not share limits with ${others} the same database: each admits the whole of every limit. Set redis.url, the same at each, to share them.`;
}

/** What a caller whose budget is used up is told of it: another gateway may say something else. */
export const COUNTED_APART =
  'This is what this gateway counted: others that serve the same keys count on their own, since they share no Redis.';
