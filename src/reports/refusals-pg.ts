/** Refused requests in Postgres: added up by quarter hour, and read by whatever they are of. */
import type { Pool } from 'pg';
import type { RefusalCount, RefusalStore } from './refusals.js';
import { isTime, timeColumn } from './time-column.js';

export const refusalGroupings = ['hour', 'day', 'key', 'team', 'model', 'reason'] as const;
export type RefusalGrouping = (typeof refusalGroupings)[number];

export interface RefusalRequest {
  /** Whole quarter hours. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly timezone: string;
  readonly groupBy: readonly RefusalGrouping[];
  readonly key?: string | undefined;
  readonly model?: string | undefined;
  readonly reason?: string | undefined;
  /** Only of these. */
  readonly teams?: readonly string[] | undefined;
}

export interface RefusalRow {
  readonly of: Readonly<Record<string, Date | string | null>>;
  readonly refused: number;
  readonly lastMs: number;
}

/** More rows than this are not told. */
export const MOST_REFUSAL_ROWS = 1_000;

const columns = { key: 'key_id', team: 'team', model: 'model', reason: 'reason' } as const;

export function pgRefusalStore(pool: Pool): RefusalStore {
  return {
    async add(counts: readonly RefusalCount[]) {
      await pool.query(
        `insert into refusals (start, dims, key_id, team, model, reason, refused, last_at)
         select start, tollgate_dims(key_id, team, model, reason) as dims, key_id, team, model, reason, sum(refused), max(last_at)
         from unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[])
           as counted (start, key_id, team, model, reason, refused, last_at)
         group by start, key_id, team, model, reason order by start, dims
         on conflict (start, dims) do update set
           refused = refusals.refused + excluded.refused, last_at = greatest(refusals.last_at, excluded.last_at)`,
        [
          counts.map(({ startMs }) => new Date(startMs)),
          counts.map(({ key }) => key),
          counts.map(({ team }) => team),
          counts.map(({ model }) => model),
          counts.map(({ reason }) => reason),
          counts.map(({ refused }) => refused),
          counts.map(({ lastMs }) => new Date(lastMs)),
        ],
      );
    },
    async forget(beforeMs) {
      await pool.query('delete from refusals where start < $1', [new Date(beforeMs)]);
    },
  };
}

/** Of rows that a time is part of the newest come first, else those that were refused most. */
export async function readRefusals(
  pool: Pool,
  request: RefusalRequest,
): Promise<{ readonly rows: readonly RefusalRow[]; readonly more: boolean; readonly refused: number }> {
  const values: unknown[] = [new Date(request.fromMs), new Date(request.toMs)];
  const given = (value: unknown): string => `$${values.push(value)}`;
  const wanted = ['start >= $1', 'start < $2'];
  if (request.key !== undefined) wanted.push(`key_id = ${given(request.key)}`);
  if (request.model !== undefined) wanted.push(`model = ${given(request.model)}`);
  if (request.reason !== undefined) wanted.push(`reason = ${given(request.reason)}`);
  if (request.teams !== undefined) wanted.push(`team = any(${given(request.teams)}::text[])`);
  const total = await pool.query<{ refused: string }>(
    `select coalesce(sum(refused), 0)::text as refused from refusals where ${wanted.join(' and ')}`,
    [...values],
  );
  const groups = request.groupBy.map((name) => ({
    name,
    sql: isTime(name) ? timeColumn(name, () => given(request.timezone)) : columns[name],
  }));
  const byTime = groups.find(({ name }) => isTime(name));
  const keyed = request.groupBy.includes('key');
  const { rows } = await pool.query<Record<string, string | Date | null> & { refused: string; last_at: Date }>(
    `select counted.*${keyed ? ', keys.name as key_name' : ''} from (
       select ${groups.map(({ name, sql }) => `${sql} as ${name}, `).join('')}
         sum(refused)::text as refused, max(last_at) as last_at
       from refusals where ${wanted.join(' and ')}
       ${groups.length > 0 ? `group by ${groups.map((_, at) => at + 1).join(', ')}` : 'having count(*) > 0'}
       order by ${byTime ? `${byTime.name} desc, ` : ''}sum(refused) desc limit ${MOST_REFUSAL_ROWS + 1}) as counted
     ${keyed ? 'left join keys on keys.id = counted.key' : ''}
     order by ${byTime ? `counted.${byTime.name} desc, ` : ''}counted.refused::bigint desc`,
    values,
  );
  return {
    rows: rows.slice(0, MOST_REFUSAL_ROWS).map(({ refused, last_at, ...of }) => ({
      of,
      refused: Number(refused),
      lastMs: last_at.getTime(),
    })),
    more: rows.length > MOST_REFUSAL_ROWS,
    refused: Number(total.rows[0]!.refused),
  };
}
