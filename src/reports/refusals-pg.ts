/** Refused requests in Postgres: added up by quarter hour, and read by whatever they are of. */
import type { Pool } from 'pg';
import { inTransaction } from '../store/query.js';
import { BEGIN_READING } from './begin-reading.js';
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
  const from = `refusals where ${wanted.join(' and ')}`;
  const total = { text: `select coalesce(sum(refused), 0)::text as refused from ${from}`, values: [...values] };
  const text = rowsOf(request, from, given);
  return inTransaction(
    pool,
    async (client) => {
      const summed = await client.query<{ refused: string }>(total);
      const { rows } = await client.query<Record<string, string | Date | null> & { refused: string; last_at: Date }>(
        text,
        values,
      );
      return {
        rows: rows.slice(0, MOST_REFUSAL_ROWS).map(({ refused, last_at, ...of }) => ({
          of,
          refused: Number(refused),
          lastMs: last_at.getTime(),
        })),
        more: rows.length > MOST_REFUSAL_ROWS,
        refused: Number(summed.rows[0]!.refused),
      };
    },
    BEGIN_READING,
  );
}

/**
 * Rows of all that is told apart are put together by the hash of it (`dims`), which is short, and are looked up by it when it is known
 * which ones are told.
 */
function rowsOf({ groupBy, timezone }: RefusalRequest, from: string, given: (value: unknown) => string): string {
  const isWhole = (['key', 'team', 'model', 'reason'] as const).every((name) => groupBy.includes(name));
  const groups = groupBy.flatMap((name) => {
    if (isTime(name)) return [`${timeColumn(name, () => given(timezone))} as ${name}`];
    return isWhole ? [] : [`${columns[name]} as ${name}`];
  });
  if (isWhole) groups.push('dims');
  const byTime = groupBy.find(isTime);
  const told = groupBy.map(
    (name) => `${isTime(name) || !isWhole ? `counted.${name}` : `one.${columns[name]}`} as ${name}`,
  );
  const key = isWhole ? 'one.key_id' : 'counted.key';
  return `select ${[...told, 'counted.refused', 'counted.last_at'].join(', ')}
      ${groupBy.includes('key') ? `, (select name from keys where id = ${key}) as key_name` : ''}
    from (
      select ${[...groups, 'sum(refused)::text as refused', 'max(last_at) as last_at', 'max(start) as newest'].join(', ')}
      from ${from}
      ${groups.length > 0 ? `group by ${groups.map((_, at) => at + 1).join(', ')}` : 'having count(*) > 0'}
      order by ${byTime ? `${byTime} desc, ` : ''}sum(refused) desc limit ${MOST_REFUSAL_ROWS + 1}) as counted
    ${isWhole ? 'join refusals as one on one.start = counted.newest and one.dims = counted.dims' : ''}
    order by ${byTime ? `counted.${byTime} desc, ` : ''}counted.refused::bigint desc`;
}
