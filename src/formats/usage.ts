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
  /** Not a count: the side of which the provider told no usable count; it is 0 here, and is to be counted. */
  lacks?: 'input' | 'output';
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

/** No request has so many tokens. What a provider tells beyond it is taken for this, so that every sum stays a safe integer. */
const MOST_TOKENS = 1e12;

/** A token count from the wire: a whole number from 0 to `MOST_TOKENS`, whatever stands there. */
export const count = (value: unknown): number => counted(value) ?? 0;

/** As `count`; undefined for what is no count: not a number, or negative. A number too large for JSON reads as infinite. */
export const counted = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 0 ? Math.min(MOST_TOKENS, Math.floor(value)) : undefined;

/**
 * A later report of the same answer. Reports are cumulative: a side whose figures fall, or that is not told, keeps the earlier
 * ones. The input is one figure in several kinds, so that a report which moves tokens from one kind to another is believed.
 */
export function laterUsage(before: Usage | undefined, told: Usage | undefined): Usage | undefined {
  if (!before || !told) return told ?? before;
  const input = told.lacks !== 'input' && inputOf(told) >= inputOf(before) ? told : before;
  const output = told.lacks !== 'output' && told.output >= before.output ? told : before;
  const imageInput = Math.max(told.image_input ?? 0, before.image_input ?? 0);
  const imageOutput = Math.max(told.image_output ?? 0, before.image_output ?? 0);
  const service = told.service_tier ?? before.service_tier;
  const tools = laterTools(before.tools, told.tools);
  const lacks = told.lacks === before.lacks ? told.lacks : undefined;
  return {
    input: input.input,
    cache_read: input.cache_read,
    cache_write_5m: input.cache_write_5m,
    cache_write_1h: input.cache_write_1h,
    output: output.output,
    reasoning: Math.min(output.output, Math.max(told.reasoning, before.reasoning)),
    audio_input: Math.max(told.audio_input, before.audio_input),
    audio_output: Math.max(told.audio_output, before.audio_output),
    ...(imageInput > 0 && { image_input: imageInput }),
    ...(imageOutput > 0 && { image_output: imageOutput }),
    ...(service !== undefined && { service_tier: service }),
    ...(tools && { tools }),
    ...(lacks !== undefined && { lacks }),
  };
}

function laterTools(before: Usage['tools'], told: Usage['tools']): Usage['tools'] {
  if (!before || !told) return told ?? before;
  const most = { ...before };
  for (const name of Object.keys(told) as (keyof typeof told)[])
    most[name] = Math.max(told[name] ?? 0, before[name] ?? 0);
  return most;
}

export type InputKinds = Pick<Usage, 'input' | 'cache_read' | 'cache_write_5m' | 'cache_write_1h'>;

/** Input tokens of all kinds. */
export const inputOf = ({ input, cache_read, cache_write_5m, cache_write_1h }: InputKinds): number =>
  input + cache_read + cache_write_5m + cache_write_1h;
