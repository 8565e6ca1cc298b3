/** What a report of spend is asked to be: a period, what its rows are of, what is counted, and its format. Contract section 7. */

import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import { isTimezone, offsetMs } from '../lib/time-zone.js';

/** What rows may be of; each is also the name of a column. */
export const groupings = [
  ...(['hour', 'day', 'month'] as const),
  ...(['team', 'key', 'model', 'served_model', 'provider', 'target', 'user', 'tag', 'endpoint'] as const),
  ...(['status', 'error', 'cache', 'stream', 'usage_source', 'price_version', 'service_tier', 'sent'] as const),
] as const;
export type Grouping = (typeof groupings)[number];

/** What may be asked for: entries that have one of these values. */
export const filterNames = [
  ...(['team', 'key', 'model', 'served_model', 'provider', 'target', 'user', 'tag', 'endpoint'] as const),
  ...([
    'status',
    'error',
    'cache',
    'stream',
    'usage_source',
    'price_version',
    'service_tier',
    'sent',
    'request_id',
  ] as const),
] as const;
export type FilterName = (typeof filterNames)[number];

export const formats = ['json', 'csv', 'parquet', 'focus'] as const;
export type Format = (typeof formats)[number];

export interface ReportRequest {
  /** Milliseconds since the Unix epoch, inclusive. */
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly groupBy: readonly Grouping[];
  readonly filters: Readonly<Partial<Record<FilterName, readonly string[]>>>;
  /** IANA time zone of hours, days and months. */
  readonly timezone: string;
  readonly format: Format;
  /** So many rows, the dearest first; left out: all, in the order of what they are of. */
  readonly top?: number | undefined;
}

/** As a query string has it. Dates without a time begin at midnight of the time zone. */
export interface WrittenRequest {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly group_by?: string | undefined;
  readonly timezone?: string | undefined;
  readonly format?: Format | undefined;
  readonly top?: number | undefined;
  readonly filters: ReportRequest['filters'];
}

const MOST_GROUPS = 8;
const LONGEST_MS = 20 * 366 * 86_400_000;

export interface Period {
  readonly fromMs: number;
  readonly toMs: number;
  readonly timezone: string;
}

/** `since`: where no beginning is told. */
export function readPeriod(
  written: Pick<WrittenRequest, 'from' | 'to' | 'timezone'>,
  nowMs: number,
  since: (timezone: string) => number,
): Result<Period> {
  const timezone = written.timezone ?? 'UTC';
  if (!isTimezone(timezone)) return problem('timezone', 'not an IANA time zone, such as Europe/Berlin.');
  const fromMs = written.from === undefined ? since(timezone) : instantOf(written.from, timezone);
  const toMs = written.to === undefined ? nowMs : instantOf(written.to, timezone);
  const words = 'not a date or a time with a zone, such as 2026-11-01 or 2026-11-01T00:00:00Z.';
  if (fromMs === null) return problem('from', words);
  if (toMs === null) return problem('to', words);
  if (toMs < fromMs) return problem('to', 'it lies before `from`.');
  if (toMs - fromMs > LONGEST_MS) return problem('from', 'a report is of at most 20 years.');
  return ok({ fromMs, toMs, timezone });
}

/** The shortest period around this one that begins and ends with a step, counted from 1970. */
export const widened = (fromMs: number, toMs: number, stepMs: number): readonly [fromMs: number, toMs: number] => [
  Math.floor(fromMs / stepMs) * stepMs,
  Math.ceil(toMs / stepMs) * stepMs,
];

/** Names with commas between them: each one that is known, and once. */
export function readGroups<G extends string>(written: string | undefined, known: readonly G[]): Result<readonly G[]> {
  const names = (written ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  const unknown = names.find((name) => !(known as readonly string[]).includes(name));
  if (unknown !== undefined) return problem('group_by', `\`${unknown}\` is none of ${known.join(', ')}.`);
  if (new Set(names).size < names.length) return problem('group_by', 'something is named twice.');
  if (names.length > MOST_GROUPS) return problem('group_by', `at most ${MOST_GROUPS} at once.`);
  return ok(names as G[]);
}

/** Left out: from the beginning of this month in the time zone until now, by team and model, in UTC, as JSON. */
export function readRequest(written: WrittenRequest, nowMs: number): Result<ReportRequest> {
  const groupBy = readGroups(written.group_by, groupings);
  if (!groupBy.ok) return groupBy;
  const period = readPeriod(written, nowMs, (timezone) => monthStart(nowMs, timezone));
  if (!period.ok) return period;
  const { fromMs, toMs, timezone } = period.value;
  const { filters } = written;
  const status = filters.status?.find((value) => !/^\d{3}$/.test(value));
  if (status !== undefined) return problem('status', 'not an HTTP status, such as 200.');
  const stream = filters.stream?.find((value) => value !== 'true' && value !== 'false');
  if (stream !== undefined) return problem('stream', 'expected true or false.');
  return ok({
    fromMs,
    toMs,
    groupBy: groupBy.value,
    filters,
    timezone,
    format: written.format ?? 'json',
    top: written.top,
  });
}

const problem = (param: string, words: string): { readonly ok: false; readonly refusal: Refusal } =>
  refused(refuse('invalid_value', `\`${param}\`: ${words}`, { param })) as { ok: false; refusal: Refusal };

/** Null where the text is no time of the years 1970 to 2199. */
function instantOf(written: string, timezone: string): number | null {
  const date = /^(\d{4})-(\d\d)-(\d\d)$/.exec(written);
  const whole = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/.test(written);
  const ms = date
    ? midnight(Number(date[1]), Number(date[2]), Number(date[3]), timezone)
    : whole
      ? Date.parse(written)
      : Number.NaN;
  return ms >= 0 && ms < 7_258_118_400_000 ? ms : null;
}

/** When a day begins in a time zone: NaN for a day that there is not. Where midnight is skipped, the first moment after it. */
export function midnight(year: number, month: number, day: number, timezone: string): number {
  const wanted = Date.UTC(year, month - 1, day);
  const date = new Date(wanted);
  if (date.getUTCDate() !== day || date.getUTCMonth() !== month - 1) return Number.NaN;
  // The zone's offset a day around: one of the guesses is the first moment whose local date is the wanted one.
  const guesses = [-1, 0, 1].map((days) => wanted - offsetMs(wanted + days * 86_400_000, timezone));
  const right = guesses.filter((ms) => ms + offsetMs(ms, timezone) >= wanted);
  return Math.min(...right);
}

/** The first moment of the month that `ms` is in. */
export function monthStart(ms: number, timezone: string): number {
  const local = new Date(ms + offsetMs(ms, timezone));
  return midnight(local.getUTCFullYear(), local.getUTCMonth() + 1, 1, timezone);
}
