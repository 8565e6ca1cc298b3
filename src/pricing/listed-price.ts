/** A price as it is listed for people: US dollars for a million tokens. */
import type { Price } from './price.js';

/** Of requests that are not long, in the standard tier. */
export function inUse({ tiers }: Price): { input: number; cached_input: number; output: number } {
  const { input, cache_read, output } = tiers[0]!.pico;
  return { input: dollars(input), cached_input: dollars(cache_read), output: dollars(output) };
}

/** Pico-dollars for a token are millionths of a dollar for a million tokens. */
const dollars = (pico: number): number => pico / 1e6;
