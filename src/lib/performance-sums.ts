/**
 * The shape of the histograms of how fast targets answer: what they are broken down by, and how an entry is read into buckets. A
 * bucket is an eighth of an octave: a percentile that is read off it is at most 4.5 % from the true one, and buckets of hours,
 * targets and gateways add up.
 */
import { counted, type Grain, MOST } from './spend-sums.js';

const PER_OCTAVE = 8;
/** From 1/32 of a millisecond to three hours. */
const FIRST = -40;
const LAST = 190;

/** In the order in which `tollgate_dims` takes them. */
export const performanceDims = ['model', 'provider', 'target', 'status', 'error', 'cached', 'bucket'] as const;
export const performanceSums = ['durations', 'first_bytes', 'saved_nusd'] as const;

export const performanceTable = (grain: Grain): string => `performance_${grain}`;

const bucketOf = (ms: string): string =>
  `case when ${ms} is not null then
    least(${LAST}, greatest(${FIRST}, ceil(${PER_OCTAVE} * ln(greatest(${ms}, 1e-9)) / ln(2.0::float8))))::smallint end`;

/** The rows that entries add up to. `entries` is a relation or a query in parentheses. */
export function performanceOf(grain: Grain, entries: string): string {
  const dims = performanceDims.join(', ');
  const hashed = performanceDims.map((name) => `${name}::text`).join(', ');
  const totals = performanceSums.map((name) => `least(sum(${name}), ${MOST})::bigint as ${name}`).join(', ');
  return `select start, tollgate_dims(${hashed}) as dims, ${dims}, ${totals} from (
      select date_trunc('${grain}', at, 'UTC') as start, model, provider, target, status, error,
        cache in ('hit', 'semantic') as cached, duration_ms, first_byte_ms, coalesce(saved_nusd, 0) as saved, ${counted} as times
      from ${entries} as entries) as attempts
    cross join lateral (values
      (${bucketOf('duration_ms')}, times, 0, saved), (${bucketOf('first_byte_ms')}, 0, times, 0)
    ) as measured (bucket, durations, first_bytes, saved_nusd)
    where times <> 0 and bucket is not null group by start, ${dims}`;
}

/** One bucket, and how many are in it. */
export interface Bucket {
  readonly bucket: number;
  readonly count: number;
}

/** Where so much of the whole (0.95) is below, in milliseconds; null where there is nothing. Buckets in their order. */
export function percentile(buckets: readonly Bucket[], share: number): number | null {
  let total = 0;
  for (const { count } of buckets) total += Math.max(0, count);
  if (total === 0) return null;
  let left = share * total;
  for (const { bucket, count } of buckets) {
    if (count <= 0) continue;
    if (left <= count) return round(2 ** ((bucket - 1 + left / count) / PER_OCTAVE));
    left -= count;
  }
  return round(2 ** (buckets.at(-1)!.bucket / PER_OCTAVE));
}

/** Three digits tell all that a bucket knows. */
const round = (ms: number): number => Number(ms.toPrecision(3));
