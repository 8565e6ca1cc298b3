/**
 * Where a report's figures are read. Sums answer what they are broken down by, the fewest rows first; the ledger itself answers
 * everything, entry by entry. A period is cut so that whole days come from the sums by day, whole hours from the sums by hour, and only what
 * is left at its two ends from the ledger. Where the cost of keys is all that is asked, whole months come from the sums by month: of a month
 * of which more is asked than not, the whole is read and the rest taken off. Time zones whose clocks differ from UTC by other than whole hours are read from the ledger where the report is by
 * hour, day or month. All of it adds up to the same.
 */
import { type Cube, cubes, type Grain, sumTables } from '../lib/spend-sums.js';
import { offsetMs } from '../lib/time-zone.js';
import type { FilterName, Grouping, ReportRequest } from './request.js';
import { isTime } from './time-column.js';

/** A piece of the period, and the sums that it is read from: null for the ledger. */
export interface Segment {
  readonly sums: { readonly grain: Grain; readonly cube: Cube } | null;
  readonly fromMs: number;
  readonly toMs: number;
  /** -1: it is taken off. */
  readonly sign: 1 | -1;
}

export type Period = Pick<ReportRequest, 'fromMs' | 'toMs' | 'groupBy' | 'filters' | 'timezone'> & {
  readonly nowMs: number;
};

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
/** The sums of a month are about as many rows as those of so many days. */
const WHOLE_MONTH_MS = 3 * DAY_MS;

/** Of the sums that have what is asked, the first are the fewest rows. */
const preferred: readonly Cube[] = ['team', 'tag_team', 'outcome', 'key', 'main', 'user', 'tag'];

/** `costAlone`: the cost is all that is asked. */
export function sourcesOf(request: Period, costAlone = false): readonly Segment[] {
  const { fromMs, toMs, groupBy, timezone, nowMs } = request;
  const times = groupBy.filter(isTime);
  const alignment = times.length === 0 ? DAY_MS : alignmentOf(fromMs, toMs, timezone);
  const hour = alignment >= HOUR_MS ? cubeOf(request, 'hour') : null;
  const day = alignment === DAY_MS && !times.includes('hour') ? cubeOf(request, 'day') : null;
  const month = costAlone && day !== null && !times.includes('day') ? cubeOf(request, 'month') : null;
  const segments: Segment[] = [];
  const add = (sums: Segment['sums'], from: number, to: number, sign: 1 | -1): void => {
    if (from < to) segments.push({ sums, fromMs: from, toMs: to, sign });
  };
  const byHour = (from: number, to: number, sign: 1 | -1): void => {
    const [first, last] = wholeWithin(from, to, HOUR_MS);
    if (hour === null || first >= last) return add(null, from, to, sign);
    add(null, from, first, sign);
    add({ grain: 'hour', cube: hour }, first, last, sign);
    add(null, last, to, sign);
  };
  const byDay = (from: number, to: number, sign: 1 | -1): void => {
    const [first, last] = wholeWithin(from, to, DAY_MS);
    if (day === null || first >= last) return byHour(from, to, sign);
    byHour(from, first, sign);
    add({ grain: 'day', cube: day }, first, last, sign);
    byHour(last, to, sign);
  };
  if (month === null) byDay(fromMs, toMs, 1);
  else
    for (const piece of byMonth(fromMs, toMs, nowMs)) {
      if (!piece.isWhole) byDay(piece.fromMs, piece.toMs, 1);
      else {
        add({ grain: 'month', cube: month }, piece.beginMs, piece.endMs, 1);
        byDay(piece.beginMs, piece.fromMs, -1);
        byDay(piece.toMs, piece.endMs, -1);
      }
    }
  return segments;
}

interface MonthPiece {
  readonly fromMs: number;
  readonly toMs: number;
  /** Of the months in which it lies. */
  readonly beginMs: number;
  readonly endMs: number;
  /** Less is to be taken off whole months than would be to be added up. */
  readonly isWhole: boolean;
}

/** What lies in the future costs nothing to take off: nothing is there. */
function byMonth(fromMs: number, toMs: number, nowMs: number): readonly MonthPiece[] {
  const pieces: MonthPiece[] = [];
  for (let beginMs = monthOf(fromMs, 0); beginMs < toMs; beginMs = monthOf(beginMs, 1)) {
    const endMs = monthOf(beginMs, 1);
    const [from, to] = [Math.max(fromMs, beginMs), Math.min(toMs, endMs)];
    const restMs = from - beginMs + Math.max(0, Math.min(endMs, nowMs) - to);
    const isWhole = restMs + WHOLE_MONTH_MS < to - from;
    const last = pieces.at(-1);
    // Whole months beside each other are one piece, and so are others.
    if (last && last.isWhole === isWhole && (!isWhole || (last.toMs === last.endMs && from === beginMs)))
      pieces[pieces.length - 1] = { ...last, toMs: to, endMs };
    else pieces.push({ fromMs: from, toMs: to, beginMs, endMs, isWhole });
  }
  return pieces;
}

/** The beginning of the month (UTC) that is so many after that of a time. */
function monthOf(ms: number, after: number): number {
  const at = new Date(ms);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + after);
}

function wholeWithin(fromMs: number, toMs: number, unitMs: number): readonly [fromMs: number, toMs: number] {
  return [Math.ceil(fromMs / unitMs) * unitMs, Math.floor(toMs / unitMs) * unitMs];
}

function cubeOf({ groupBy, filters }: Pick<Period, 'groupBy' | 'filters'>, grain: Grain): Cube | null {
  // An entry that has two of several tags stands in two rows of the sums, and counts once.
  if (!groupBy.includes('tag') && (filters.tag?.length ?? 0) > 1) return null;
  const names = [...groupBy.filter((name) => !isTime(name)), ...(Object.keys(filters) as FilterName[])];
  const wanted = names.map((name) => columns[name as FilterName]);
  const has = (cube: Cube) =>
    sumTables.some(([of, table]) => of === grain && table === cube) &&
    wanted.every((column) => (cubes[cube] as readonly string[]).includes(column));
  return preferred.find(has) ?? null;
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
