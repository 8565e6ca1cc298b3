/**
 * Tokens by kind, as the ledger keeps them. `input`, `cache_read`, `cache_write_5m`, `cache_write_1h` and `output` are
 * disjoint; `reasoning`, `audio_output` and `image_output` are parts of `output`, `audio_input` and `image_input` of `input`.
 */
export interface Usage {
  input: number;
  cache_read: number;
  cache_write_5m: number;
  cache_write_1h: number;
  output: number;
  reasoning: number;
  audio_input: number;
  audio_output: number;
  /** A part of `input`; left out where there are none. */
  image_input?: number;
  /** A part of `output`; left out where there are none. */
  image_output?: number;
}

export const noUsage = (): Usage => ({
  input: 0,
  cache_read: 0,
  cache_write_5m: 0,
  cache_write_1h: 0,
  output: 0,
  reasoning: 0,
  audio_input: 0,
  audio_output: 0,
});

/** A token count from the wire: a whole number that is not negative, else 0. */
export const count = (value: unknown): number =>
  typeof value === 'number' && value > 0 && Number.isFinite(value) ? Math.floor(value) : 0;
