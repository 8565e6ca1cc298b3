/**
 * What tokens cost. A price is a table of pico-dollars per token for every kind that the ledger counts, so that nothing is
 * left to decide when a request is billed: `priceTiers` fills in what a source does not state, `cost` only multiplies.
 *
 * A price may have tiers: a request whose whole input (cached tokens included) is longer than `aboveInputTokens` is billed
 * at that tier altogether, not only the tokens above the mark. Pure functions; no store and nothing concurrent.
 */
import { createHash } from 'node:crypto';
import { type CostNano, costNanoOf, picoPerToken } from '../lib/money.js';
import type { Usage } from '../protocol/usage.js';

/** Pico-dollars (1e-12 USD) per token. */
export interface Rates {
  readonly input: number;
  readonly cache_read: number;
  readonly cache_write_5m: number;
  readonly cache_write_1h: number;
  readonly output: number;
  readonly reasoning: number;
  readonly audio_input: number;
  readonly audio_output: number;
}

export interface PriceTier {
  /** The tier is in force where the request's input is longer than this. 0 for the first tier, which is always in force. */
  readonly aboveInputTokens: number;
  readonly pico: Rates;
}

export interface Price {
  /** Names the data that the price came from; entries keep it. */
  readonly version: string;
  readonly source: 'override' | 'catalogue' | 'default';
  /** At least one, by rising `aboveInputTokens`. */
  readonly tiers: readonly PriceTier[];
  /** The price is to be looked up again from this time on, in milliseconds since the epoch; Infinity where it stands. */
  readonly untilMs: number;
}

type Amount = number | string;

/** A price as the configuration writes it: US dollars per million tokens. */
export interface WrittenPrice {
  readonly input: Amount;
  readonly output: Amount;
  readonly cached_input?: Amount | undefined;
  readonly cache_write?: Amount | undefined;
  readonly cache_write_1h?: Amount | undefined;
  readonly audio_input?: Amount | undefined;
  readonly audio_output?: Amount | undefined;
}

/** What a source states; each kind in US dollars per million tokens. */
export interface StatedRates {
  readonly input: Amount;
  readonly cache_read?: Amount | undefined;
  readonly cache_write_5m?: Amount | undefined;
  readonly cache_write_1h?: Amount | undefined;
  readonly output?: Amount | undefined;
  readonly reasoning?: Amount | undefined;
  readonly audio_input?: Amount | undefined;
  readonly audio_output?: Amount | undefined;
}

/**
 * The whole table. What is not stated is billed as the kind that it is a part of, so that nothing is free by omission. Where
 * writing to the cache has a price of its own, the hour-long write is twice the input price, as vendors who tell the two
 * apart have it.
 */
export function ratesFrom(stated: StatedRates): Rates {
  const input = pico(stated.input);
  const or = (amount: Amount | undefined, fallback: number) => (amount === undefined ? fallback : pico(amount));
  const write5m = or(stated.cache_write_5m, input);
  const output = or(stated.output, input);
  return {
    input,
    cache_read: or(stated.cache_read, input),
    cache_write_5m: write5m,
    cache_write_1h: or(
      stated.cache_write_1h,
      stated.cache_write_5m === undefined ? input : Math.max(write5m, 2 * input),
    ),
    output,
    reasoning: or(stated.reasoning, output),
    audio_input: or(stated.audio_input, input),
    audio_output: or(stated.audio_output, output),
  };
}

function pico(amount: Amount): number {
  const rate = picoPerToken(amount);
  if (rate === null) throw new Error(`not a price: ${amount}`);
  return rate;
}

/** A price that the configuration states. Its version names its figures: another price has another version. */
export function writtenPrice(written: WrittenPrice, source: 'override' | 'default'): Price {
  const rates = ratesFrom({
    ...written,
    cache_read: written.cached_input,
    cache_write_5m: written.cache_write,
  });
  const figures = createHash('sha256').update(JSON.stringify(rates)).digest('hex').slice(0, 8);
  return {
    version: `${source === 'override' ? 'config' : 'default'}/${figures}`,
    source,
    tiers: [{ aboveInputTokens: 0, pico: rates }],
    untilMs: Infinity,
  };
}

/** The tier that a request with so many input tokens of all kinds is billed at. */
export function ratesAt(price: Price, inputTokens: number): Rates {
  let rates = price.tiers[0]!.pico;
  for (const tier of price.tiers) if (inputTokens > tier.aboveInputTokens) rates = tier.pico;
  return rates;
}

/**
 * What a usage costs: each kind exact and rounded once, a half up. The audio part of the input and the audio and reasoning
 * parts of the output are billed at their own rates and the rest as text; parts that claim more than the whole are cut to it.
 */
export function cost(usage: Usage, price: Price): CostNano {
  const rates = ratesAt(price, usage.input + usage.cache_read + usage.cache_write_5m + usage.cache_write_1h);
  const audioIn = Math.min(usage.audio_input, usage.input);
  const audioOut = Math.min(usage.audio_output, usage.output);
  const reasoning = Math.min(usage.reasoning, usage.output - audioOut);

  const input = costNanoOf(usage.input - audioIn, rates.input, audioIn, rates.audio_input);
  const cacheRead = costNanoOf(usage.cache_read, rates.cache_read);
  const cacheWrite = costNanoOf(usage.cache_write_5m, rates.cache_write_5m, usage.cache_write_1h, rates.cache_write_1h);
  const text = usage.output - audioOut - reasoning;
  const output = costNanoOf(text, rates.output, audioOut, rates.audio_output, reasoning, rates.reasoning);
  return {
    input,
    cache_read: cacheRead,
    cache_write: cacheWrite,
    output,
    total: input + cacheRead + cacheWrite + output,
  };
}
