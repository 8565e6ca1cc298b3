/**
 * Sound costs many times what text does. A model of the catalogue that states no price of audio is therefore not priced for
 * it: a request that has or asks for audio is not sent to it. Where an answer reports audio all the same, it is billed at the
 * dearest audio price that its provider has.
 */
import { findProvider } from '@pydantic/genai-prices';
import type { Price } from './price.js';

export interface AudioOf {
  /** Dollars per million tokens. */
  readonly input: number;
  readonly output: number;
}

/** The dearest audio prices that the catalogue has of a provider; zero where it has none. */
export function dearestAudioOf(provider: string): AudioOf {
  let input = 0;
  let output = 0;
  for (const { prices } of findProvider({ providerId: provider })?.models ?? []) {
    for (const price of Array.isArray(prices) ? prices.map((dated) => dated.prices) : [prices]) {
      input = Math.max(input, mostOf(price['input_audio_mtok']));
      output = Math.max(output, mostOf(price['output_audio_mtok']));
    }
  }
  return { input, output };
}

function mostOf(price: number | { readonly base: number; readonly tiers: readonly { price: number }[] } | undefined) {
  if (price === undefined) return 0;
  return typeof price === 'number' ? price : Math.max(price.base, ...price.tiers.map((tier) => tier.price));
}

/** Whether a price tells what a request with such audio costs. */
export const isPricedFor = (
  { unpriced = [] }: Pick<Price, 'unpriced'>,
  has: { readonly audioInput: boolean; readonly audioOutput: boolean },
): boolean =>
  !(has.audioInput && unpriced.includes('audio_input')) && !(has.audioOutput && unpriced.includes('audio_output'));
