/**
 * Sums of spend by hour and by day, kept as entries arrive: by the statement that writes a batch, so that a snapshot of the
 * database never shows entries without their sums. Rows are upserted in the order of their keys and tables always in the same
 * order, so that replicas wait for each other rather than deadlock.
 *
 * A rebuild takes the writers' lock alone, month by month; entries that others write meanwhile are not seen by it and add
 * their sums after it.
 */
import { performanceDims, performanceOf, performanceSums, performanceTable } from '../lib/performance-sums.js';
import {
  type Cube,
  cubes,
  type Grain,
  MOST,
  ROLLUP_LOCK,
  rollupOf,
  rollupTable,
  sumNames,
  writtenCubes,
} from '../lib/spend-sums.js';

/** How a transaction begins that adds to the sums. */
export const beginAdding = `begin; select pg_advisory_xact_lock_shared(${ROLLUP_LOCK})`;

interface Sums {
  readonly table: string;
  readonly dims: readonly string[];
  readonly sums: readonly string[];
}

const spendSums = (grain: Grain, cube: Cube): Sums => ({
  table: rollupTable(grain, cube),
  dims: cubes[cube],
  sums: sumNames,
});
const timeSums = (grain: Grain): Sums => ({
  table: performanceTable(grain),
  dims: performanceDims,
  sums: performanceSums,
});

const upsert = ({ table, dims, sums }: Sums, rows: string): string => {
  const columns = ['start', 'dims', ...dims, ...sums].join(', ');
  const added = sums
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
    ...writtenCubes.map((cube) => `${cube}_hours as materialized (${rollupOf('hour', cube, added)})`),
    `times_hours as materialized (${performanceOf('hour', added)})`,
    ...writtenCubes.map(
      (cube) => `${cube}_by_hour as (${upsert(spendSums('hour', cube), `select * from ${cube}_hours`)})`,
    ),
    ...writtenCubes.map(
      (cube) => `${cube}_by_day as (${upsert(spendSums('day', cube), days(cube, spendSums('day', cube)))})`,
    ),
    `times_by_hour as (${upsert(timeSums('hour'), 'select * from times_hours')})`,
    `times_by_day as (${upsert(timeSums('day'), days('times', timeSums('day')))})`,
  ].join(', ');

function days(name: string, { dims, sums }: Sums): string {
  const totals = sums.map((sum) => `least(sum(${sum}), ${MOST})::bigint as ${sum}`).join(', ');
  const columns = dims.join(', ');
  return `select date_trunc('day', start, 'UTC') as start, dims, ${columns}, ${totals}
    from ${name}_hours group by date_trunc('day', start, 'UTC'), dims, ${columns}`;
}
