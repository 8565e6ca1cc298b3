/**
 * The most that a token of a request can cost before its usage is known, for holds that must never be too small: the dearest
 * kind that the request can be billed at, in the dearest tier that its input may reach.
 */
import type { Price, PriceTier, Rates } from './price.js';

export interface Kinds {
  /** Input may be billed as written to the provider's cache. */
  readonly cacheWrites: boolean;
  readonly audioInput: boolean;
  readonly audioOutput: boolean;
  /** The input may have images, the output may be some. */
  readonly images?: boolean;
  /** The request names a service tier: which one it is served in, only the answer tells. */
  readonly anyService?: boolean;
}

/** Pico-dollars per token. */
export interface Dearest {
  readonly input: number;
  readonly output: number;
}

/** `inputTokens`: the most that the request can have. */
export function dearest(price: Price, inputTokens: number, kinds: Kinds): Dearest {
  let input = 0;
  let output = 0;
  const consider = ({ aboveInputTokens, pico }: PriceTier) => {
    if (aboveInputTokens > 0 && inputTokens <= aboveInputTokens) return;
    input = Math.max(input, inputOf(pico, kinds));
    output = Math.max(output, pico.output, pico.reasoning, kinds.audioOutput ? pico.audio_output : 0);
    if (kinds.images) output = Math.max(output, pico.image_output);
  };
  for (const tier of price.tiers) consider(tier);
  if (kinds.anyService && price.services) for (const name in price.services) price.services[name]!.forEach(consider);
  return { input, output };
}

function inputOf(pico: Rates, { cacheWrites, audioInput, images }: Kinds): number {
  let most = Math.max(pico.input, pico.cache_read);
  if (cacheWrites) most = Math.max(most, pico.cache_write_5m, pico.cache_write_1h);
  if (images) most = Math.max(most, pico.image_input);
  return audioInput ? Math.max(most, pico.audio_input) : most;
}

/**
 * What so many input tokens cost at most, in nano-dollars. They may be billed in three kinds, each of which is rounded on its
 * own: up to half a nano-dollar each, where a token does not cost whole ones.
 */
export function inputNanoMost(tokens: number, pico: number): number {
  const whole = Math.floor(pico / 1000);
  const rest = pico - whole * 1000;
  return tokens * whole + Math.ceil((tokens * rest) / 1000) + (rest > 0 && tokens > 1 ? 1 : 0);
}
