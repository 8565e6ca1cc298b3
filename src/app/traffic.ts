/** Refused requests, counted on their way and kept in the database, how fast targets answered, read from it, and who follows the ledger. */

import { pgEntryFeed } from '../ledger/feed-pg.js';
import { LedgerTail } from '../ledger/tail.js';
import type { Clock } from '../lib/clock.js';
import { messageOf } from '../lib/thrown.js';
import { type PerformanceRequest, readPerformance } from '../reports/performance-pg.js';
import { RefusalTally } from '../reports/refusals.js';
import { pgRefusalStore, type RefusalRequest, readRefusals } from '../reports/refusals-pg.js';
import type { Store } from '../store/pg.js';
import type { Log } from '../telemetry/log.js';

const HOUR_MS = 3_600_000;
const KEPT_MS = 90 * 24 * HOUR_MS;

interface TrafficDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** What other processes of this gateway counted is in the database when this resolves. */
  readonly flushOthers: () => Promise<unknown> | undefined;
}

export function startTraffic({ store: { pool, db }, clock, log, flushOthers }: TrafficDeps) {
  const store = pgRefusalStore(pool);
  const tally = new RefusalTally({ store, clock, log });
  const forget = () =>
    store
      .forget(clock.now() - KEPT_MS)
      .catch((error: unknown) => log.error({ error: messageOf(error) }, 'upkeep of refused requests'));
  const tail = new LedgerTail({ feed: pgEntryFeed({ pool, db }), clock, log });
  const timer = setInterval(() => void forget(), HOUR_MS);
  timer.unref();
  return {
    store,
    tally,
    admin: {
      tail,
      refusals: async (request: RefusalRequest) => {
        await tally.flush();
        await flushOthers()?.catch(() => {});
        return readRefusals(pool, request);
      },
      keyNames: async (ids: readonly string[]): Promise<ReadonlyMap<string, string>> => {
        if (ids.length === 0) return new Map();
        const { rows } = await pool.query<{ id: string; name: string }>(
          'select id, name from keys where id = any($1)',
          [ids],
        );
        return new Map(rows.map(({ id, name }) => [id, name]));
      },
      keysNamed: async (name: string, teams: readonly string[] | null, most: number): Promise<readonly string[]> => {
        const { rows } = await pool.query<{ id: string }>(
          `select id from keys where strpos(lower(name), lower($1)) > 0 and ($2::text[] is null or team = any($2))
           order by id desc limit $3`,
          [name, teams, most],
        );
        return rows.map(({ id }) => id);
      },
      performance: (request: PerformanceRequest) => readPerformance(pool, request),
    },
    endTails: () => tail.close(),
    close: async () => {
      clearInterval(timer);
      await tally.close();
    },
  };
}
