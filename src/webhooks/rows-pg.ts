/** Values of rows: the driver hands times over as `Date`, and takes them as text. */
export const msOf = (value: Date): number => value.getTime();
export const msOrNull = (value: Date | null): number | null => value?.getTime() ?? null;
export const timeOf = (ms: number): string => new Date(ms).toISOString();
export const timeOrNull = (ms: number | null): string | null => (ms === null ? null : timeOf(ms));
