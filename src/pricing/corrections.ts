/**
 * What the catalogue's tables lack of the vendors' own price lists. An entry goes when the catalogue states it itself: a test
 * tells. Dollars per million tokens, as in the catalogue.
 */
import type { ModelPrice } from '@pydantic/genai-prices';

interface Correction {
  /** As the catalogue calls it. */
  readonly model: RegExp;
  readonly prices: ModelPrice;
}

const above200k = (base: number, price: number) => ({ base, tiers: [{ start: 200_000, price }] });

/** By the provider's name in the catalogue. */
export const corrections: Readonly<Record<string, readonly Correction[]>> = {
  anthropic: [
    {
      // Its million-token context costs twice for input and half as much again for output.
      model: /^claude-sonnet-4-0$/,
      prices: {
        input_mtok: above200k(3, 6),
        cache_read_mtok: above200k(0.3, 0.6),
        cache_write_mtok: above200k(3.75, 7.5),
        cache_write_1h_mtok: above200k(6, 12),
        output_mtok: above200k(15, 22.5),
      },
    },
  ],
  google: [
    // Its large models read sound at the price of text.
    { model: /^gemini-2\.5-pro$/, prices: { input_audio_mtok: above200k(1.25, 2.5) } },
    { model: /^gemini-3(?:\.\d+)?-pro-preview$/, prices: { input_audio_mtok: above200k(2, 4) } },
  ],
  openai: [
    { model: /^gpt-4o-audio-preview/, prices: { input_audio_mtok: 40, output_audio_mtok: 80 } },
    { model: /^gpt-4o-mini-audio-preview/, prices: { input_audio_mtok: 10, output_audio_mtok: 20 } },
  ],
};

/** The catalogue's prices of a model with what is known beyond them. */
export function corrected(provider: string, model: string, prices: ModelPrice): ModelPrice {
  const known = Object.hasOwn(corrections, provider) ? corrections[provider]! : [];
  const found = known.find((one) => one.model.test(model));
  return found ? { ...prices, ...found.prices } : prices;
}
