/**
 * Where a report's figures are read. The sums by day and by hour answer what they are broken down by; the ledger itself
 * answers everything, entry by entry. A period is cut so that whole days come from the sums by day, whole hours from the sums
 * by hour, and only what is left at its two ends from the ledger. Time zones whose clocks differ from UTC by other than whole
 * hours are read from the ledger where the report is by hour, day or month. All of it adds up to the same.
 */
import { type Cube, cubes } from '../lib/spend-sums.js';
import { offsetMs } from '../lib/time-zone.js';
import type { FilterName, Grouping, ReportRequest } from './request.js';
import { isTime } from './time-column.js';

/** A piece of the period and the table that it is read from. */
export interface Segment {
  readonly source: 'day' | 'hour' | 'ledger';
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Sources {
  /** Which sums; null where only the ledger has what is asked. */
  readonly cube: Cube | null;
  readonly segments: readonly Segment[];
}

/** The column of each grouping and filter, in the sums and in the ledger. */
export const columns: Readonly<Record<Exclude<Grouping | FilterName, 'hour' | 'day' | 'month'>, string>> = {
  team: 'team',
  key: 'key_id',
  model: 'model',
  served_model: 'served_model',
  provider: 'provider',
  target: 'target',
  user: 'end_user',
  tag: 'tag',
  endpoint: 'endpoint',
  status: 'status',
  error: 'error',
  cache: 'cache',
  stream: 'stream',
  usage_source: 'usage_source',
  price_version: 'price_version',
  service_tier: 'service_tier',
  /** Null where it was sent, as far as anybody knows. */
  sent: "case when 'sent_unknown' = any(flags) then 'unknown' end",
  request_id: 'request_id',
};

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

export function sourcesOf(
  request: Pick<ReportRequest, 'fromMs' | 'toMs' | 'groupBy' | 'filters' | 'timezone'>,
): Sources {
  const { fromMs, toMs, groupBy } = request;
  const cube = cubeOf(request);
  const times = groupBy.filter(isTime);
  const alignment = times.length === 0 ? DAY_MS : alignmentOf(fromMs, toMs, request.timezone);
  const useDays = cube !== null && alignment === DAY_MS && !times.includes('hour');
  const useHours = cube !== null && alignment >= HOUR_MS;
  return { cube, segments: cut(fromMs, toMs, useDays, useHours) };
}

function cubeOf({ groupBy, filters }: Pick<ReportRequest, 'groupBy' | 'filters'>): Cube | null {
  // An entry that has two of several tags stands in two rows of the sums, and counts once.
  if (!groupBy.includes('tag') && (filters.tag?.length ?? 0) > 1) return null;
  const names = [...groupBy.filter((name) => !isTime(name)), ...(Object.keys(filters) as FilterName[])];
  const wanted = names.map((name) => columns[name as FilterName]);
  const has = (cube: Cube) => wanted.every((column) => (cubes[cube] as readonly string[]).includes(column));
  return (['team', 'main', 'user', 'tag'] as const).find(has) ?? null;
}

/** A day where the zone's clocks are UTC's all along, an hour where they differ by whole hours, else 0. */
function alignmentOf(fromMs: number, toMs: number, timezone: string): number {
  if (timezone === 'UTC') return DAY_MS;
  let alignment = DAY_MS;
  for (let ms = fromMs; ms < toMs + DAY_MS; ms += DAY_MS) {
    const offset = offsetMs(Math.min(ms, toMs), timezone);
    if (offset % HOUR_MS !== 0) return 0;
    if (offset !== 0) alignment = HOUR_MS;
  }
  return alignment;
}

function cut(fromMs: number, toMs: number, useDays: boolean, useHours: boolean): Segment[] {
  const whole = (unit: number) => [Math.ceil(fromMs / unit) * unit, Math.floor(toMs / unit) * unit] as const;
  const segments: Segment[] = [];
  const add = (source: Segment['source'], from: number, to: number) => {
    if (from < to) segments.push({ source, fromMs: from, toMs: to });
  };
  const [firstHour, lastHour] = whole(HOUR_MS);
  const [firstDay, lastDay] = whole(DAY_MS);
  if (!useHours || firstHour >= lastHour) add('ledger', fromMs, toMs);
  else {
    add('ledger', fromMs, firstHour);
    if (!useDays || firstDay >= lastDay) add('hour', firstHour, lastHour);
    else {
      add('hour', firstHour, firstDay);
      add('day', firstDay, lastDay);
      add('hour', lastDay, lastHour);
    }
    add('ledger', lastHour, toMs);
  }
  return segments;
}
