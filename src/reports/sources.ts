/**
 * Where a report's figures are read. Sums answer what they are broken down by, the fewest rows first; the ledger itself answers
 * everything, entry by entry. A period is cut so that whole days come from the sums by day, whole hours from the sums by hour, and only what
 * is left at its two ends from the ledger. Where the cost of keys is all that is asked, it comes from the sums by month, which tell the cost of each
 * five days: what is asked less than such a part is added to them, or taken off. Time zones whose clocks differ from UTC by other than whole hours are read from the ledger where the report is by
 * hour, day or month. All of it adds up to the same.
 */
import { type Cube, cubes, type Grain, partDays, partName, SENT, sumTables } from '../lib/spend-sums.js';
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
  /** The columns of sums by month that add up to the cost. */
  readonly costs?: readonly string[];
}

export type Period = Pick<ReportRequest, 'fromMs' | 'toMs' | 'groupBy' | 'filters' | 'timezone'> & {
  readonly nowMs: number;
  /** The ledger has all entries since. */
  readonly keptMs: number;
};

/** The column of each grouping and filter. */
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
  sent: 'sent',
  request_id: 'request_id',
};

/** What the ledger has in the place of a column of sums, in SQL. */
export const inLedger = (column: string): string => (column === 'sent' ? SENT : column);

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** The sums of a month are about as many rows as those of so many days. */
const MONTH_MS = 3 * DAY_MS;

/** Of the sums that have what is asked, the first are the fewest rows. */
const preferred: readonly Cube[] = [
  ...(['team', 'tag_team', 'attempt', 'user_team', 'key', 'main', 'user', 'tag'] as const),
];

/** This one is younger than some ledgers: it has nothing of entries that were dropped before. */
const YOUNG: Cube = 'attempt';

/** `costAlone`: the cost is all that is asked. */
export function sourcesOf(request: Period, costAlone = false): readonly Segment[] {
  const { fromMs, toMs, groupBy, timezone, nowMs } = request;
  const times = groupBy.filter(isTime);
  const alignment = times.length === 0 ? DAY_MS : alignmentOf(fromMs, toMs, timezone);
  const hour = alignment >= HOUR_MS ? cubeOf(request, 'hour') : null;
  const day = alignment === DAY_MS && !times.includes('hour') ? cubeOf(request, 'day') : null;
  const month = costAlone && day !== null && !times.includes('day') ? cubeOf(request, 'month', true) : null;
  return joined(covered({ fromMs, toMs, sign: 1 }, { hour, day, month, nowMs }));
}

type Span = Pick<Segment, 'fromMs' | 'toMs' | 'sign'>;

interface Sources {
  readonly hour: Cube | null;
  readonly day: Cube | null;
  readonly month: Cube | null;
  readonly nowMs: number;
}

/** Each month as it is cheaper: by its parts, or in finer pieces. */
function covered({ fromMs, toMs, sign }: Span, sources: Sources): readonly Segment[] {
  const { month, nowMs } = sources;
  if (month === null) return byDay({ fromMs, toMs, sign }, sources);
  const found: Segment[] = [];
  for (let beginMs = monthOf(fromMs, 0); beginMs < toMs; beginMs = monthOf(beginMs, 1)) {
    const endMs = monthOf(beginMs, 1);
    const [from, to] = [Math.max(fromMs, beginMs), Math.min(toMs, endMs)];
    const inside = byDay({ fromMs: from, toMs: to, sign }, sources);
    const begins = [...partDays.map((day) => beginMs + (day - 1) * DAY_MS), endMs];
    const [first, end] = [nearest(begins, from, nowMs), nearest(begins, to, nowMs)];
    const isWhole = first === 0 && end === partDays.length;
    const parts: readonly Segment[] = [
      {
        ...{ sums: { grain: 'month', cube: month } as const, fromMs: beginMs, toMs: endMs, sign },
        costs: isWhole ? ['total_nusd'] : partDays.flatMap((_, i) => (i >= first && i < end ? [partName(i)] : [])),
      },
      ...byDay({ fromMs: from, toMs: begins[first]!, sign }, sources),
      ...byDay({ fromMs: begins[first]!, toMs: from, sign: -1 }, sources),
      ...byDay({ fromMs: begins[end]!, toMs: to, sign }, sources),
      ...byDay({ fromMs: to, toMs: begins[end]!, sign: -1 }, sources),
    ];
    found.push(...(first < end && readMs(parts, nowMs) < readMs(inside, nowMs) ? parts : inside));
  }
  return found;
}

/** Which of these times is nearest to another one. What lies in the future is no distance: nothing is there. */
function nearest(times: readonly number[], ms: number, nowMs: number): number {
  const way = (time: number): number => Math.min(Math.max(time, ms), nowMs) - Math.min(Math.min(time, ms), nowMs);
  return times.reduce((best, time, i) => (way(time) < way(times[best]!) ? i : best), 0);
}

/** How much is read, in time of sums by day. What lies in the future costs nothing: nothing is there. */
function readMs(segments: readonly Segment[], nowMs: number): number {
  let ms = 0;
  for (const { sums, fromMs, toMs } of segments)
    ms += sums?.grain === 'month' ? MONTH_MS : Math.max(0, Math.min(toMs, nowMs) - fromMs);
  return ms;
}

/** The beginning of the month (UTC) that is so many after that of a time. */
function monthOf(ms: number, after: number): number {
  const at = new Date(ms);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + after);
}

function byDay({ fromMs, toMs, sign }: Span, sources: Sources): readonly Segment[] {
  if (fromMs >= toMs) return [];
  const [first, last] = wholeWithin(fromMs, toMs, DAY_MS);
  if (sources.day === null || first >= last) return byHour({ fromMs, toMs, sign }, sources);
  return [
    ...byHour({ fromMs, toMs: first, sign }, sources),
    { sums: { grain: 'day', cube: sources.day }, fromMs: first, toMs: last, sign },
    ...byHour({ fromMs: last, toMs, sign }, sources),
  ];
}

function byHour({ fromMs, toMs, sign }: Span, { hour }: Sources): readonly Segment[] {
  const [first, last] = wholeWithin(fromMs, toMs, HOUR_MS);
  const all: readonly Segment[] =
    hour === null || first >= last
      ? [{ sums: null, fromMs, toMs, sign }]
      : [
          { sums: null, fromMs, toMs: first, sign },
          { sums: { grain: 'hour', cube: hour }, fromMs: first, toMs: last, sign },
          { sums: null, fromMs: last, toMs, sign },
        ];
  return all.filter((one) => one.fromMs < one.toMs);
}

/** Segments of one kind that lie beside each other are one. */
function joined(segments: readonly Segment[]): readonly Segment[] {
  const last = new Map<string, Segment>();
  const all: Segment[] = [];
  for (const segment of segments) {
    const kind = [segment.sums?.grain, segment.sums?.cube, segment.sign, segment.costs].join(' ');
    const before = last.get(kind);
    const isNext = before !== undefined && before.toMs === segment.fromMs;
    const one = isNext ? { ...before, toMs: segment.toMs } : segment;
    if (isNext) all[all.indexOf(before)] = one;
    else all.push(one);
    last.set(kind, one);
  }
  return all;
}

function wholeWithin(fromMs: number, toMs: number, unitMs: number): readonly [fromMs: number, toMs: number] {
  return [Math.ceil(fromMs / unitMs) * unitMs, Math.floor(toMs / unitMs) * unitMs];
}

/** `costAlone`: the cost is all that has to be there. Of single keys an index has all that is asked. */
function cubeOf({ groupBy, filters, fromMs, keptMs }: Period, grain: Grain, costAlone = false): Cube | null {
  // An entry that has two of several tags stands in two rows of the sums, and counts once.
  if (!groupBy.includes('tag') && (filters.tag?.length ?? 0) > 1) return null;
  const names = [...groupBy.filter((name) => !isTime(name)), ...(Object.keys(filters) as FilterName[])];
  const wanted = names.map((name) => columns[name as FilterName]);
  const has = (cube: Cube) =>
    // An entry stands once for each of its tags.
    ((cubes[cube] as readonly string[]).includes('tag') ? wanted.includes('tag') : true) &&
    (cube !== 'key' || (costAlone && filters.key === undefined)) &&
    !(cube === YOUNG && fromMs < keptMs) &&
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
