/** The periods of scheduled reports: days, weeks from Monday and months of a time zone. */
import { offsetMs } from '../lib/time-zone.js';
import { midnight } from './request.js';

export type Every = 'day' | 'week' | 'month';

export interface Period {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The period that `ms` is in. */
export function periodAt(every: Every, timezone: string, ms: number): Period {
  const local = new Date(ms + offsetMs(ms, timezone));
  const [year, month, day] = [local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate()];
  if (every === 'month')
    return { fromMs: dayStart(year, month, 1, timezone), toMs: dayStart(year, month + 1, 1, timezone) };
  const first = every === 'week' ? day - ((local.getUTCDay() + 6) % 7) : day;
  const days = every === 'week' ? 7 : 1;
  return { fromMs: dayStart(year, month, first, timezone), toMs: dayStart(year, month, first + days, timezone) };
}

/** Days beyond the month's end are those of the next. */
function dayStart(year: number, month: number, day: number, timezone: string): number {
  const date = new Date(Date.UTC(year, month, day));
  return midnight(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), timezone);
}

/**
 * The periods that have ended and are due, oldest first: those after `lastToMs`, or only the latest where none was delivered
 * yet. No more than `most`, the newest ones.
 */
export function duePeriods(
  every: Every,
  timezone: string,
  nowMs: number,
  lastToMs: number | null,
  most = 31,
): Period[] {
  const due: Period[] = [];
  let period = periodAt(every, timezone, periodAt(every, timezone, nowMs).fromMs - 1);
  while (due.length < most && period.toMs > (lastToMs ?? period.fromMs)) {
    due.unshift(period);
    if (lastToMs === null) break;
    period = periodAt(every, timezone, period.fromMs - 1);
  }
  return due;
}
