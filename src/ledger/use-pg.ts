/**
 * What keys and teams were used for, of many at once: one statement for a page of a list, however long the ledger is. Spend is
 * read from the sums by day and hour; the last use from the entries of the last hour that has sums, or that hour where retention
 * dropped them. Entries that wait in a process to be written are not seen.
 */
import type { Store } from '../store/pg.js';

export type UserKind = 'key' | 'team';

/** What one key or team was used for. */
export interface Use {
  /** Milliseconds since the Unix epoch; null: never. */
  readonly lastAtMs: number | null;
  /** Since the beginning of the month, in UTC. */
  readonly requests: number;
  readonly costNano: number;
}

/** Sums since a moment, of one key or team and one model. */
export interface UseOfModel {
  readonly id: string;
  readonly model: string;
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNano: number;
}

export interface UseStore {
  of(kind: UserKind, ids: readonly string[], monthMs: number): Promise<ReadonlyMap<string, Use>>;
  /** By model, from the whole hour in which `fromMs` lies. */
  since(kind: UserKind, ids: readonly string[], fromMs: number): Promise<readonly UseOfModel[]>;
}

const sources = { key: { cube: 'main', column: 'key_id' }, team: { cube: 'team', column: 'team' } } as const;
const DAY_MS = 86_400_000;

export const pgUseStore = ({ pool }: Pick<Store, 'pool'>): UseStore => ({
  async of(kind, ids, monthMs) {
    const { cube, column } = sources[kind];
    const { rows } = await pool.query<{ id: string; last: Date | null; requests: string | null; nusd: string | null }>(
      `select asked.id, coalesce(exact.at, hour.start) as last, month.requests::text as requests, month.nusd::text as nusd
       from unnest($1::text[]) as asked (id)
       left join lateral (select sum(requests) as requests, sum(total_nusd) as nusd from spend_day_${cube}
         where ${column} = asked.id and start >= $2) month on true
       left join lateral (select max(start) as start from spend_hour_${cube} where ${column} = asked.id) hour on true
       left join lateral (select max(at) as at from entries
         where ${column} = asked.id and at >= hour.start and at < hour.start + interval '1 hour') exact on true`,
      [ids, new Date(monthMs)],
    );
    return new Map(
      rows.map(({ id, last, requests, nusd }) => [
        id,
        { lastAtMs: last?.getTime() ?? null, requests: Number(requests ?? 0), costNano: Number(nusd ?? 0) },
      ]),
    );
  },
  async since(kind, ids, fromMs) {
    const { cube, column } = sources[kind];
    const grain = fromMs % DAY_MS === 0 ? 'day' : 'hour';
    const from = Number.isFinite(fromMs) ? new Date(Math.floor(fromMs / 3_600_000) * 3_600_000) : new Date(0);
    const { rows } = await pool.query<Record<'id' | 'model' | 'requests' | 'input' | 'output' | 'nusd', string>>(
      `select ${column} as id, model, sum(requests)::text as requests, sum(output_tokens)::text as output,
         sum(input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens)::text as input,
         sum(total_nusd)::text as nusd
       from spend_${Number.isFinite(fromMs) ? grain : 'day'}_${cube}
       where ${column} = any($1::text[]) and start >= $2 group by ${column}, model`,
      [ids, from],
    );
    return rows.map(({ id, model, requests, input, output, nusd }) => ({
      ...{ id, model, requests: Number(requests), inputTokens: Number(input), outputTokens: Number(output) },
      costNano: Number(nusd),
    }));
  },
});
