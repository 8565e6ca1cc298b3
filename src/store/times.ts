/** Times in SQL: columns hold timestamps, the rest of the house has milliseconds since the Unix epoch. */

/** A parameter or a column of milliseconds as a timestamp. */
export const timeOf = (ms: string): string => `timestamptz 'epoch' + ${ms}::bigint * interval '1 millisecond'`;

/** A timestamp in milliseconds. */
export const msOf = (column: string): string => `round(extract(epoch from ${column}) * 1000)`;
