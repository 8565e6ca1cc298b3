/**
 * How fast targets answered and what became of attempts, of all gateways of the database: from the histograms by hour and by day
 * that are written with the entries. They are not broken down by key and team, for that would be as many rows as entries: of a key
 * or of teams the newest entries of the period are read instead, up to a bound, and put into the same buckets.
 */
import type { Pool } from 'pg';
import { type Bucket, percentile, performanceOf, performanceTable } from '../lib/performance-sums.js';
import { counted } from '../lib/spend-sums.js';
import { isTime, timeColumn } from './time-column.js';

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

const DAY_MS = 86_400_000;
/** More rows than this are not told. */
export const MOST_PERFORMANCE_ROWS = 1_000;
/** Of a key or of teams. */
const MOST_SAMPLED = 50_000;
const MOST_BUCKETS = 200_000;
/** What the histograms are made of. */
const PERFORMANCE_COLUMNS =
  'at, model, provider, target, status, error, cache, duration_ms, first_byte_ms, saved_nusd, correction, corrects';

type Raw = readonly (Date | string | number | null)[];

/** `mostSampled`: so many entries are read of a key or of teams. */
export async function readPerformance(
  pool: Pool,
  request: PerformanceRequest,
  mostSampled = MOST_SAMPLED,
): Promise<Performance> {
  const { groupBy } = request;
  const values: unknown[] = [];
  const given = (value: unknown): string => `$${values.push(value)}`;
  const { relations, source, read } = sourceOf(request, given, mostSampled);
  const groups = groupBy.map((name) => (isTime(name) ? timeColumn(name, () => given(request.timezone)) : name));
  const numbers = [...groups, 'bucket'].map((_, at) => at + 1).join(', ');
  const { rows } = await pool.query<Raw[]>({
    text: `${relations} select ${[...groups, 'bucket'].join(', ')}, sum(durations)::float8,
        coalesce(sum(durations) filter (where status >= 400), 0)::float8,
        coalesce(sum(durations) filter (where cached), 0)::float8, sum(saved_nusd)::float8,
        coalesce(sum(durations) filter (where status < 400 and not cached), 0)::float8,
        coalesce(sum(first_bytes) filter (where status < 400 and not cached), 0)::float8,
        ${read}
      from ${source} as kept group by ${numbers} order by ${numbers} limit ${MOST_BUCKETS}`,
    values,
    rowMode: 'array',
  } as never);
  const found = folded(rows as unknown as Raw[], groupBy);
  const total = new Sum({});
  for (const sum of found) total.add(sum);
  if (!groupBy.some(isTime)) found.sort((a, b) => b.attempts - a.attempts);
  return {
    rows: found.slice(0, MOST_PERFORMANCE_ROWS).map((sum) => sum.row()),
    total: total.row(),
    more: found.length > MOST_PERFORMANCE_ROWS || rows.length >= MOST_BUCKETS,
    sampled: Number((rows as unknown as Raw[])[0]?.at(-1) ?? 0) > mostSampled,
  };
}

interface Source {
  /** What the query begins with. */
  readonly relations: string;
  readonly source: string;
  /** How many entries were read, in SQL. */
  readonly read: string;
}

/** What is read: sums by day where whole days will do, sums by hour at the ends, or entries. */
function sourceOf(request: PerformanceRequest, given: (value: unknown) => string, mostSampled: number): Source {
  const { fromMs, toMs, groupBy, timezone, key, teams } = request;
  const within = (column: string, from: number, to: number): string =>
    `${column} >= ${given(new Date(from))}::timestamptz and ${column} < ${given(new Date(to))}::timestamptz`;
  const wanted = (['model', 'provider', 'target'] as const)
    .filter((name) => request[name] !== undefined)
    .map((name) => ` and ${name} = ${given(request[name])}`)
    .join('');
  if (key !== undefined || teams !== undefined) {
    const ofKey = key === undefined ? '' : ` and key_id = ${given(key)}`;
    const ofTeams = teams === undefined ? '' : ` and team = any(${given(teams)}::text[])`;
    const newest = `select ${PERFORMANCE_COLUMNS} from entries
      where ${within('at', fromMs, toMs)}${ofKey}${ofTeams}${wanted} and ${counted} <> 0
      order by at desc limit ${mostSampled + 1}`;
    return {
      relations: `with newest as materialized (${newest})`,
      source: `(${performanceOf('hour', 'newest')})`,
      read: '(select count(*) from newest)::float8',
    };
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
    .map(([grain, from, to]) => `select * from ${performanceTable(grain)} where ${within('start', from, to)}${wanted}`);
  const source = parts.length > 0 ? parts.join(' union all ') : 'select * from performance_hour where false';
  return { relations: '', source: `(${source})`, read: '0::float8' };
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
