/**
 * What the catalogue's tables lack of the vendors' own price lists. An entry goes when the catalogue states it itself: a test
 * tells. Dollars per million tokens, as in the catalogue.
 */
import type { ModelPrice } from '@pydantic/genai-prices';

interface Correction {
  /** The provider in the catalogue, and the model as the catalogue calls it. */
  readonly provider: string;
  readonly model: RegExp;
  readonly prices: ModelPrice;
}

const above200k = (base: number, price: number) => ({ base, tiers: [{ start: 200_000, price }] });

export const corrections: readonly Correction[] = [
  {
    // Its million-token context costs twice for input and half as much again for output.
    provider: 'anthropic',
    model: /^claude-sonnet-4-0$/,
    prices: {
      input_mtok: above200k(3, 6),
      cache_read_mtok: above200k(0.3, 0.6),
      cache_write_mtok: above200k(3.75, 7.5),
      cache_write_1h_mtok: above200k(6, 12),
      output_mtok: above200k(15, 22.5),
    },
  },
  {
    provider: 'openai',
    model: /^gpt-4o-audio-preview/,
    prices: { input_audio_mtok: 40, output_audio_mtok: 80 },
  },
  {
    provider: 'openai',
    model: /^gpt-4o-mini-audio-preview/,
    prices: { input_audio_mtok: 10, output_audio_mtok: 20 },
  },
];

/** The catalogue's prices of a model with what is known beyond them. */
export function corrected(provider: string, model: string, prices: ModelPrice): ModelPrice {
  const found = corrections.find((one) => one.provider === provider && one.model.test(model));
  return found ? { ...prices, ...found.prices } : prices;
}
