/** The groupings that are times. */
export const isTime = <N extends string>(name: N): name is N & ('hour' | 'day' | 'month') =>
  name === 'hour' || name === 'day' || name === 'month';

/** A time as rows are grouped by it: an hour (UTC) as an instant, a day as its date in a time zone. */
export const timeColumn = (name: 'hour' | 'day', timezone: () => string): string =>
  name === 'hour' ? `date_trunc('hour', start, 'UTC')` : `to_char(start at time zone ${timezone()}, 'YYYY-MM-DD')`;
