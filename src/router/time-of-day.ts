/** Times of day in a time zone. The minute of a zone is worked out once and kept for as long as it lasts. */
import type { Day } from '../lib/route-spec.js';

export interface LocalMinute {
  readonly day: number;
  /** Since midnight. */
  readonly minute: number;
}

const days: readonly Day[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** The day and minute that it is somewhere. */
export function localMinutes(timezone: string): (nowMs: number) => LocalMinute {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
  });
  let known = -1;
  let last: LocalMinute = { day: 0, minute: 0 };
  return (nowMs) => {
    const minute = Math.floor(nowMs / 60_000); // zones differ by whole minutes
    if (minute !== known) {
      const parts = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
      const day = days.indexOf(parts.get('weekday')!.toLowerCase() as Day);
      last = { day, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) };
      known = minute;
    }
    return last;
  };
}

interface Window {
  readonly from: number;
  readonly to: number;
  readonly days?: readonly Day[] | undefined;
}

/** Whether it is time. A window that ends before it begins ends on the day after it began. */
export function isWithin({ from, to, days: on }: Window, { day, minute }: LocalMinute): boolean {
  const begins = (beginning: number) => !on || on.includes(days[beginning]!);
  if (from < to) return minute >= from && minute < to && begins(day);
  return (minute >= from && begins(day)) || (minute < to && begins((day + 6) % 7));
}
