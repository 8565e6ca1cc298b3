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
  /** Not a count: the service tier that the provider says it served in, where that is not its standard one. */
  service_tier?: string;
  /** How often the provider used tools of its own that it charges for; left out where it did not. Not kept by the ledger. */
  tools?: { web_search?: number; file_search?: number };
}

/** What a provider calls its standard service, or leaves to itself to choose. */
const standard = new Set(['default', 'standard', 'auto', 'scale', 'on_demand']);

/** The service tier from the wire: undefined for the standard one and for what is no name. */
export const serviceTier = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[\w.-]{1,40}$/.test(value) && !standard.has(value) ? value : undefined;

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
