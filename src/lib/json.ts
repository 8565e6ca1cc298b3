/** Parsed JSON of unknown shape. */
export type Json = Readonly<Record<string, unknown>>;

/** An object: not null and not an array. */
export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
