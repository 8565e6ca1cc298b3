/**
 * How fast targets answered and what became of attempts, of all gateways of the database: from the histograms by hour and by day
 * that are written with the entries. They are not broken down by key and team, for that would be as many rows as entries: of a key
 * or of teams the newest entries of the period are read instead, up to a bound, and put into the same buckets.
 */
import type { Pool } from 'pg';
import { type Bucket, percentile, performanceOf, performanceTable } from '../lib/performance-sums.js';
import { timeColumn } from './time-column.js';

export const performanceGroupings = ['hour', 'day', 'model', 'provider', 'target', 'status', 'error'] as const;
export type PerformanceGrouping = (typeof performanceGroupings)[number];

export interface PerformanceRequest {
  /** Whole hours. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly timezone: string;
  readonly groupBy: readonly PerformanceGrouping[];
  readonly model?: string | undefined;
  readonly provider?: string | undefined;
  readonly target?: string | undefined;
  readonly key?: string | undefined;
  readonly teams?: readonly string[] | undefined;
}

export interface Percentiles {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface PerformanceRow {
  readonly of: Readonly<Record<string, Date | string | number | null>>;
  readonly attempts: number;
  readonly errors: number;
  readonly cacheHits: number;
  readonly savedNano: number;
  readonly durationMs: Percentiles;
  readonly firstByteMs: Percentiles;
}

export interface Performance {
  readonly rows: readonly PerformanceRow[];
  readonly total: PerformanceRow;
  /** There are more rows than are told. */
  readonly more: boolean;
  /** Only the newest entries were read. */
  readonly sampled: boolean;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** More rows than this are not told. */
export const MOST_PERFORMANCE_ROWS = 1_000;
/** Of a key or of teams. */
export const MOST_SAMPLED = 50_000;
const MOST_BUCKETS = 200_000;

type Raw = readonly (Date | string | number | null)[];

export async function readPerformance(pool: Pool, request: PerformanceRequest): Promise<Performance> {
  const { groupBy } = request;
  const values: unknown[] = [];
  const given = (value: unknown): string => `$${values.push(value)}`;
  const { source, entries } = sourceOf(request, given);
  const wanted = (['model', 'provider', 'target'] as const).flatMap((name) =>
    request[name] === undefined ? [] : [`${name} = ${given(request[name])}`],
  );
  const groups = groupBy.map((name) =>
    name === 'hour' || name === 'day' ? timeColumn(name, () => given(request.timezone)) : name,
  );
  const numbers = [...groups, 'bucket'].map((_, at) => at + 1).join(', ');
  const { rows } = await pool.query<Raw[]>({
    text: `select ${[...groups, 'bucket'].join(', ')}, sum(durations)::float8,
        coalesce(sum(durations) filter (where status >= 400), 0)::float8,
        coalesce(sum(durations) filter (where cached), 0)::float8, sum(saved_nusd)::float8,
        coalesce(sum(durations) filter (where status < 400 and not cached), 0)::float8,
        coalesce(sum(first_bytes) filter (where status < 400 and not cached), 0)::float8
      from ${source} as kept ${wanted.length > 0 ? `where ${wanted.join(' and ')}` : ''}
      group by ${numbers} order by ${numbers} limit ${MOST_BUCKETS}`,
    values,
    rowMode: 'array',
  } as never);
  const found = folded(rows as unknown as Raw[], groupBy);
  const total = new Sum({});
  for (const sum of found) total.add(sum);
  const isTimed = groupBy.some((name) => name === 'hour' || name === 'day');
  if (!isTimed) found.sort((a, b) => b.attempts - a.attempts);
  return {
    rows: found.slice(0, MOST_PERFORMANCE_ROWS).map((sum) => sum.row()),
    total: total.row(),
    more: found.length > MOST_PERFORMANCE_ROWS || rows.length >= MOST_BUCKETS,
    sampled: entries && total.attempts >= MOST_SAMPLED,
  };
}

/** What is read: sums by day where whole days will do, sums by hour at the ends, or entries. */
function sourceOf(
  { fromMs, toMs, groupBy, timezone, key, teams }: PerformanceRequest,
  given: (value: unknown) => string,
): { source: string; entries: boolean } {
  const time = (ms: number): string => `${given(new Date(ms))}::timestamptz`;
  if (key !== undefined || teams !== undefined) {
    const of = [
      ...(key === undefined ? [] : [`key_id = ${given(key)}`]),
      ...(teams === undefined ? [] : [`team = any(${given(teams)}::text[])`]),
    ];
    const newest = `(select * from entries where at >= ${time(fromMs)} and at < ${time(toMs)} and ${of.join(' and ')}
      order by at desc limit ${MOST_SAMPLED})`;
    return { source: `(${performanceOf('hour', newest)})`, entries: true };
  }
  const firstDay = Math.ceil(fromMs / DAY_MS) * DAY_MS;
  const lastDay = Math.floor(toMs / DAY_MS) * DAY_MS;
  const byDay = firstDay < lastDay && !groupBy.includes('hour') && (timezone === 'UTC' || !groupBy.includes('day'));
  const pieces = byDay
    ? ([
        ['hour', fromMs, firstDay],
        ['day', firstDay, lastDay],
        ['hour', lastDay, toMs],
      ] as const)
    : ([['hour', fromMs, toMs]] as const);
  const parts = pieces
    .filter(([, from, to]) => from < to)
    .map(
      ([grain, from, to]) =>
        `select * from ${performanceTable(grain)} where start >= ${time(from)} and start < ${time(to)}`,
    );
  return {
    source: `(${parts.length > 0 ? parts.join(' union all ') : 'select * from performance_hour where false'})`,
    entries: false,
  };
}

/** Rows come in the order of what they are of, and of their buckets. */
function folded(rows: readonly Raw[], groupBy: readonly PerformanceGrouping[]): Sum[] {
  const sums: Sum[] = [];
  let last: string | undefined;
  for (const row of rows) {
    const of = row.slice(0, groupBy.length);
    const name = JSON.stringify(of);
    if (name !== last) sums.push(new Sum(Object.fromEntries(groupBy.map((group, at) => [group, of[at]!]))));
    last = name;
    sums.at(-1)!.take(row.slice(groupBy.length) as number[]);
  }
  return sums;
}

class Sum {
  attempts = 0;
  #errors = 0;
  #hits = 0;
  #saved = 0;
  readonly #durations = new Map<number, number>();
  readonly #firstBytes = new Map<number, number>();

  readonly of: PerformanceRow['of'];

  constructor(of: PerformanceRow['of']) {
    this.of = of;
  }

  take([bucket, attempts, errors, hits, saved, durations, firstBytes]: readonly number[]): void {
    this.attempts += attempts!;
    this.#errors += errors!;
    this.#hits += hits!;
    this.#saved += saved!;
    count(this.#durations, bucket!, durations!);
    count(this.#firstBytes, bucket!, firstBytes!);
  }

  add(other: Sum): void {
    this.attempts += other.attempts;
    this.#errors += other.#errors;
    this.#hits += other.#hits;
    this.#saved += other.#saved;
    for (const [bucket, n] of other.#durations) count(this.#durations, bucket, n);
    for (const [bucket, n] of other.#firstBytes) count(this.#firstBytes, bucket, n);
  }

  row(): PerformanceRow {
    return {
      ...{ of: this.of, attempts: this.attempts, errors: this.#errors, cacheHits: this.#hits, savedNano: this.#saved },
      durationMs: percentilesOf(this.#durations),
      firstByteMs: percentilesOf(this.#firstBytes),
    };
  }
}

const count = (into: Map<number, number>, bucket: number, n: number): void => {
  if (n !== 0) into.set(bucket, (into.get(bucket) ?? 0) + n);
};

function percentilesOf(counts: ReadonlyMap<number, number>): Percentiles {
  const buckets: Bucket[] = [...counts]
    .map(([bucket, n]) => ({ bucket, count: n }))
    .sort((a, b) => a.bucket - b.bucket);
  const at = (share: number) => percentile(buckets, share);
  return { p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99) };
}

/** Whole hours around a period. */
export const wholeHours = (fromMs: number, toMs: number): readonly [fromMs: number, toMs: number] => [
  Math.floor(fromMs / HOUR_MS) * HOUR_MS,
  Math.ceil(toMs / HOUR_MS) * HOUR_MS,
];
