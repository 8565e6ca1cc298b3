/**
 * The most that a token of a request can cost before its usage is known, for holds that must never be too small: the dearest
 * kind that the request can be billed at, in the dearest tier that its input may reach.
 */
import type { Price, Rates } from './price.js';

export interface Kinds {
  /** Input may be billed as written to the provider's cache. */
  readonly cacheWrites: boolean;
  readonly audioInput: boolean;
  readonly audioOutput: boolean;
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
  for (const { aboveInputTokens, pico } of price.tiers) {
    if (aboveInputTokens > 0 && inputTokens <= aboveInputTokens) continue;
    input = Math.max(input, inputOf(pico, kinds));
    output = Math.max(output, pico.output, pico.reasoning, kinds.audioOutput ? pico.audio_output : 0);
  }
  return { input, output };
}

function inputOf(pico: Rates, { cacheWrites, audioInput }: Kinds): number {
  let most = Math.max(pico.input, pico.cache_read);
  if (cacheWrites) most = Math.max(most, pico.cache_write_5m, pico.cache_write_1h);
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
