/** Time zones by their IANA names. */

export const isTimezone = (name: string): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
};

/** Making a formatter costs a hundred times what using it does. */
const formatters = new Map<string, Intl.DateTimeFormat>();
const MOST_KEPT = 100;

function formatterOf(timezone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(timezone);
  if (formatter) return formatter;
  formatter = new Intl.DateTimeFormat('en-US', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  if (formatters.size < MOST_KEPT) formatters.set(timezone, formatter);
  return formatter;
}

/** By how many milliseconds the clocks of a time zone are ahead of UTC at an instant. */
export function offsetMs(instantMs: number, timezone: string): number {
  if (timezone === 'UTC') return 0;
  const part: Record<string, number> = {};
  for (const { type, value } of formatterOf(timezone).formatToParts(instantMs)) part[type] = Number(value);
  const local = Date.UTC(part['year']!, part['month']! - 1, part['day'], part['hour'], part['minute'], part['second']);
  return local - Math.floor(instantMs / 1000) * 1000;
}
