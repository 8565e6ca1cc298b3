/**
 * Calendar windows: which day, week, month (or the one endless window) holds an instant, in a time zone. A window's id is
 * part of its counter's name, so a new window is a new counter and no job resets anything.
 *
 * A window begins at the first instant whose local date is its first day. Where a clock change skips midnight that is the
 * instant of the change; where midnight comes twice it is the first one. Windows therefore touch and never overlap. Weeks
 * begin on Monday. `Intl` is asked only when the instant leaves the window that was found last.
 */

import type { LimitWindow } from '../lib/limit-spec.js';
import { offsetMs } from '../lib/time-zone.js';

export type CalendarUnit = Extract<LimitWindow, 'day' | 'week' | 'month' | 'total'>;

export interface Window {
  /** `2026-11-24` (a day, or the Monday of a week), `2026-11`, or empty for `total`. */
  readonly id: string;
  /** Milliseconds since the Unix epoch, inclusive. */
  readonly startMs: number;
  /** Milliseconds since the Unix epoch, exclusive; `Infinity` for `total`. */
  readonly endMs: number;
}

export interface Calendar {
  /** The window that holds the instant `nowMs`. The same object as long as the window is the same. */
  at(nowMs: number): Window;
}

const DAY_MS = 86_400_000;
const calendars = new Map<string, Calendar>();

/** The calendar of a unit in an IANA time zone; one object per pair. Throws a `RangeError` where the zone is unknown. */
export function calendar(per: CalendarUnit, timezone: string): Calendar {
  const name = `${per} ${timezone}`;
  let found = calendars.get(name);
  if (!found) {
    offsetMs(0, timezone); // throws where the zone is unknown
    found = makeCalendar(per, timezone);
    calendars.set(name, found);
  }
  return found;
}

function makeCalendar(per: CalendarUnit, timezone: string): Calendar {
  if (per === 'total') {
    const always: Window = { id: '', startMs: Number.NEGATIVE_INFINITY, endMs: Number.POSITIVE_INFINITY };
    return { at: () => always };
  }
  let last: Window | undefined;
  return {
    at(nowMs) {
      if (!last || nowMs < last.startMs || nowMs >= last.endMs) last = windowAt(per, timezone, nowMs);
      return last;
    },
  };
}

/** A local date as the UTC midnight of the same date: plain arithmetic then counts days and months. */
type LocalDate = number;

function windowAt(per: Exclude<CalendarUnit, 'total'>, timezone: string, nowMs: number): Window {
  const local = nowMs + offsetMs(nowMs, timezone);
  const today: LocalDate = local - (((local % DAY_MS) + DAY_MS) % DAY_MS);
  let first = firstDay(per, today);
  // Where the clock falls back over midnight the local date is yesterday's once more, but its window has not begun again.
  let endMs = startOf(timezone, step(per, first, 1));
  let startMs = startOf(timezone, first);
  while (nowMs >= endMs) {
    first = step(per, first, 1);
    startMs = endMs;
    endMs = startOf(timezone, step(per, first, 1));
  }
  const iso = new Date(first).toISOString();
  return { id: per === 'month' ? iso.slice(0, 7) : iso.slice(0, 10), startMs, endMs };
}

function firstDay(per: Exclude<CalendarUnit, 'total'>, day: LocalDate): LocalDate {
  const date = new Date(day);
  if (per === 'month') return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
  return per === 'week' ? day - ((date.getUTCDay() + 6) % 7) * DAY_MS : day;
}

function step(per: Exclude<CalendarUnit, 'total'>, first: LocalDate, by: number): LocalDate {
  const date = new Date(first);
  if (per === 'month') return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + by, 1);
  return first + by * (per === 'week' ? 7 : 1) * DAY_MS;
}

/** The first instant whose local date is `day` or later. */
function startOf(timezone: string, day: LocalDate): number {
  const early = day - offsetMs(day - DAY_MS, timezone);
  const late = day - offsetMs(day + DAY_MS, timezone);
  const candidates = early < late ? [early, late] : [late, early];
  for (const instant of candidates) if (instant + offsetMs(instant, timezone) >= day) return instant;
  return candidates[1]!;
}
