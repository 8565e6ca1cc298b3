/**
 * Sums of spend by hour and by day, kept as entries arrive: one statement for a batch, in the transaction that writes the
 * batch, so that a snapshot of the database never shows entries without their sums. Rows are upserted in the order of their
 * keys and tables always in the same order, so that replicas wait for each other rather than deadlock.
 *
 * A rebuild takes the writers' lock alone, month by month; entries that others write meanwhile are not seen by it and add
 * their sums after it. Throws where the database is away: then the batch is not written either.
 */
import type { PoolClient } from 'pg';
import {
  type Cube,
  cubeNames,
  cubes,
  type Grain,
  MOST,
  ROLLUP_LOCK,
  rollupOf,
  rollupTable,
  sumNames,
} from '../lib/spend-sums.js';
import { costWritten, type Entry, tokensWritten } from './entry.js';

/** What of the entries the sums need, as Postgres takes them apart. */
const batch = `(select
    id, timestamptz 'epoch' + at * interval '1 millisecond' as at, key_id, team, end_user,
    coalesce(tags, '{}') as tags, endpoint, model, served_model, provider, target, status, cache,
    t[1] as input_tokens, t[2] as cache_read_tokens, t[3] as cache_write_5m_tokens, t[4] as cache_write_1h_tokens,
    t[5] as output_tokens, t[6] as reasoning_tokens, t[7] as audio_input_tokens, t[8] as audio_output_tokens,
    t[9] as image_input_tokens, t[10] as image_output_tokens,
    c[1] as input_nusd, c[2] as cache_read_nusd, c[3] as cache_write_nusd, c[4] as output_nusd, c[5] as request_nusd,
    c[6] as total_nusd, billed_nusd, corrects, requests
  from json_to_recordset($1::json) as batch (
    id text, at bigint, key_id text, team text, end_user text, tags text[], endpoint text, model text, served_model text,
    provider text, target text, status integer, cache text, t bigint[], c bigint[], billed_nusd bigint, corrects text,
    requests integer))`;

const upsert = (grain: Grain, cube: Cube, rows: string): string => {
  const table = rollupTable(grain, cube);
  const columns = ['start', 'dims', ...cubes[cube], ...sumNames].join(', ');
  const added = sumNames
    .map(
      (name) =>
        `${name} = case when ${table}.${name} >= ${MOST} then ${table}.${name} else ${table}.${name} + excluded.${name} end`,
    )
    .join(', ');
  return `insert into ${table} (${columns}) select ${columns} from (${rows}) as sums order by start, dims
    on conflict (start, dims) do update set ${added}`;
};

/** Every cube by hour from the entries, and by day from its hours. */
const addBatch = `with batch as materialized ${batch}, ${cubeNames
  .map((cube) => `${cube}_hours as materialized (${rollupOf('hour', cube, 'batch')})`)
  .join(', ')}, ${cubeNames
  .map((cube) => `${cube}_by_hour as (${upsert('hour', cube, `select * from ${cube}_hours`)})`)
  .join(', ')}, ${cubeNames.map((cube) => `${cube}_by_day as (${upsert('day', cube, days(cube))})`).join(', ')}
  select 1`;

function days(cube: Cube): string {
  const totals = sumNames.map((name) => `least(sum(${name}), ${MOST})::bigint as ${name}`).join(', ');
  const columns = cubes[cube].join(', ');
  return `select date_trunc('day', start, 'UTC') as start, dims, ${columns}, ${totals}
    from ${cube}_hours group by date_trunc('day', start, 'UTC'), dims, ${columns}`;
}

/** A step of the transaction that writes a batch. `inserted` are those that were not there before. */
export async function addToRollups(client: PoolClient, inserted: readonly Entry[]): Promise<void> {
  if (inserted.length === 0) return;
  await client.query(`select pg_advisory_xact_lock_shared(${ROLLUP_LOCK})`);
  const later = await laterAttempts(client, inserted);
  const rows = inserted.map((entry) => row(entry, later.has(entry.id)));
  await client.query({ name: 'tollgate_rollups_add', text: addBatch, values: [JSON.stringify(rows)] });
}

/** The entries that do not open their request, as the ledger found when it wrote them. Few are more than a first attempt. */
async function laterAttempts(client: PoolClient, inserted: readonly Entry[]): Promise<Set<string>> {
  const asked = inserted.filter(({ attempt, corrects }) => attempt !== 1 && corrects === undefined);
  if (asked.length === 0) return new Set();
  const { rows } = await client.query<{ id: string }>(
    `select e.id from json_to_recordset($1::json) as asked (id text, at bigint)
     join entries e on e.at = timestamptz 'epoch' + asked.at * interval '1 millisecond' and e.id = asked.id
     where e.requests = 0`,
    [JSON.stringify(asked.map(({ id, at }) => ({ id, at })))],
  );
  return new Set(rows.map(({ id }) => id));
}

function row(entry: Entry, later: boolean): object {
  return {
    id: entry.id,
    at: entry.at,
    key_id: entry.key,
    team: entry.team,
    end_user: entry.user,
    tags: entry.tags.length === 0 ? undefined : entry.tags,
    endpoint: entry.endpoint,
    model: entry.model,
    served_model: entry.served_model,
    provider: entry.provider,
    target: entry.target,
    status: entry.status,
    cache: entry.cache,
    t: tokensWritten(entry),
    c: costWritten(entry),
    billed_nusd: entry.billed_nusd,
    corrects: entry.corrects,
    requests: entry.corrects !== undefined || later ? 0 : 1,
  };
}
