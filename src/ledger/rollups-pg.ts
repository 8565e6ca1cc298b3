/**
 * Sums of spend by hour and by day, kept as entries arrive: by the statement that writes a batch, so that a snapshot of the
 * database never shows entries without their sums. Rows are upserted in the order of their keys and tables always in the same
 * order, so that replicas wait for each other rather than deadlock.
 *
 * A rebuild takes the writers' lock alone, month by month; entries that others write meanwhile are not seen by it and add
 * their sums after it.
 */
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

/** How a transaction begins that adds to the sums. */
export const beginAdding = `begin; select pg_advisory_xact_lock_shared(${ROLLUP_LOCK})`;

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

/** Parts of a `with` that add the rows of `added`, a part before them, to every cube: by hour, and by day from its hours. */
export const addingTo = (added: string): string =>
  [
    ...cubeNames.map((cube) => `${cube}_hours as materialized (${rollupOf('hour', cube, added)})`),
    ...cubeNames.map((cube) => `${cube}_by_hour as (${upsert('hour', cube, `select * from ${cube}_hours`)})`),
    ...cubeNames.map((cube) => `${cube}_by_day as (${upsert('day', cube, days(cube))})`),
  ].join(', ');

function days(cube: Cube): string {
  const totals = sumNames.map((name) => `least(sum(${name}), ${MOST})::bigint as ${name}`).join(', ');
  const columns = cubes[cube].join(', ');
  return `select date_trunc('day', start, 'UTC') as start, dims, ${columns}, ${totals}
    from ${cube}_hours group by date_trunc('day', start, 'UTC'), dims, ${columns}`;
}
