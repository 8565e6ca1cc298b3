/**
 * What tokens cost. A price is a table of pico-dollars per token for every kind that the ledger counts, so that nothing is
 * left to decide when a request is billed: `priceTiers` fills in what a source does not state, `cost` only multiplies.
 *
 * A price may have tiers: a request whose whole input (cached tokens included) is longer than `aboveInputTokens` is billed
 * at that tier altogether, not only the tokens above the mark. A provider's service tiers (`flex`, `priority`, `batch`, ...)
 * have tables of their own; one that has none is billed as the standard one. Pure functions; no store, nothing concurrent.
 */
import { createHash } from 'node:crypto';
import { inputOf, type Usage } from '../formats/usage.js';
import { type CostNano, costNanoOf, nanoOf, picoPerToken } from '../lib/money.js';

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
  readonly image_input: number;
  readonly image_output: number;
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
  /** Tables of service tiers that are not the standard one, by the provider's name for them. */
  readonly services?: Readonly<Record<string, readonly PriceTier[]>>;
  /** A fee for each request, in nano-dollars. */
  readonly requestNano?: number;
  /** Fees for what the provider does beside the model, in nano-dollars for each time. */
  readonly toolNano?: Readonly<Partial<Record<Tool, number>>>;
  /** Kinds of audio that the source states no price of. Their rates are a bound, see `audio.ts`. */
  readonly unpriced?: readonly ('audio_input' | 'audio_output')[];
  /** From when on this price is in force, in milliseconds since the epoch; left out where it always was. */
  readonly fromMs?: number;
  /** The price is to be looked up again from this time on, in milliseconds since the epoch; Infinity where it stands. */
  readonly untilMs: number;
}

/** What a provider's own tools are called in usage and prices. */
export type Tool = keyof NonNullable<Usage['tools']>;

type Amount = number | string;

/** Rates as the configuration writes them: US dollars per million tokens. */
interface WrittenRates {
  readonly input: Amount;
  readonly output: Amount;
  readonly cached_input?: Amount | undefined;
  readonly cache_write?: Amount | undefined;
  readonly cache_write_1h?: Amount | undefined;
  readonly reasoning?: Amount | undefined;
  readonly audio_input?: Amount | undefined;
  readonly audio_output?: Amount | undefined;
  readonly image_input?: Amount | undefined;
  readonly image_output?: Amount | undefined;
}

/** A price as the configuration writes it. */
export interface WrittenPrice extends WrittenRates {
  /** In force from then on, milliseconds since the epoch; left out: always. */
  readonly from?: number | undefined;
  /** US dollars for each request. */
  readonly request?: Amount | undefined;
  /** Other rates for requests with more input tokens than `above`. */
  readonly long_context?: readonly (WrittenRates & { readonly above: number })[] | undefined;
  /** Other rates for service tiers: a table, or a multiple of the standard one. */
  readonly service_tiers?: Readonly<Record<string, WrittenRates | { readonly multiplier: number }>> | undefined;
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
  readonly image_input?: Amount | undefined;
  readonly image_output?: Amount | undefined;
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
    image_input: or(stated.image_input, input),
    image_output: or(stated.image_output, output),
  };
}

function pico(amount: Amount): number {
  const rate = picoPerToken(amount);
  if (rate === null) throw new Error(`not a price: ${amount}`);
  return rate;
}

const ratesOf = (written: WrittenRates): Rates =>
  ratesFrom({ ...written, cache_read: written.cached_input, cache_write_5m: written.cache_write });

export const scaled = (rates: Rates, by: number): Rates =>
  Object.fromEntries(Object.entries(rates).map(([kind, rate]) => [kind, Math.round(rate * by)])) as unknown as Rates;

/** A price that the configuration states. Its version names its figures: another price has another version. */
export function writtenPrice(written: WrittenPrice, source: 'override' | 'default', untilMs = Infinity): Price {
  const tiers: PriceTier[] = [
    { aboveInputTokens: 0, pico: ratesOf(written) },
    ...(written.long_context ?? []).map((tier) => ({ aboveInputTokens: tier.above, pico: ratesOf(tier) })),
  ].sort((a, b) => a.aboveInputTokens - b.aboveInputTokens);
  const services = Object.entries(written.service_tiers ?? {}).map(([name, of]): [string, PriceTier[]] => [
    name,
    'multiplier' in of
      ? tiers.map((tier) => ({ ...tier, pico: scaled(tier.pico, of.multiplier) }))
      : [{ aboveInputTokens: 0, pico: ratesOf(of) }],
  ]);
  const terms = {
    tiers,
    ...(services.length > 0 && { services: Object.fromEntries(services) }),
    ...(written.request !== undefined && { requestNano: nanoOf(written.request) ?? 0 }),
  };
  const figures = createHash('sha256').update(JSON.stringify(terms)).digest('hex').slice(0, 8);
  return {
    version: `${source === 'override' ? 'config' : 'default'}/${figures}`,
    source,
    ...terms,
    ...(written.from !== undefined && { fromMs: written.from }),
    untilMs,
  };
}

/** Prices as the configuration has them: none, one, or several with dates. */
export const writtenPrices = (written: WrittenPrice | readonly WrittenPrice[] | null): readonly WrittenPrice[] =>
  written === null ? [] : isList(written) ? written : [written];

const isList = (written: WrittenPrice | readonly WrittenPrice[]): written is readonly WrittenPrice[] =>
  Array.isArray(written);

/**
 * The one of several dated prices that is in force. Where none is yet, undefined, and `untilMs` says when the first will be.
 */
export function writtenPriceAt(
  written: readonly WrittenPrice[],
  source: 'override' | 'default',
  nowMs: number,
): { readonly price: Price | undefined; readonly written: WrittenPrice | undefined; readonly untilMs: number } {
  const from = (price: WrittenPrice) => price.from ?? Number.NEGATIVE_INFINITY;
  let current: WrittenPrice | undefined;
  let untilMs = Infinity;
  for (const price of written) {
    if (from(price) > nowMs) untilMs = Math.min(untilMs, from(price));
    else if (current === undefined || from(price) >= from(current)) current = price;
  }
  return { price: current && writtenPrice(current, source, untilMs), written: current, untilMs };
}

/** The rates that a request with so many input tokens of all kinds, served in a service tier, is billed at. */
export function ratesAt(price: Price, inputTokens: number, service?: string): Rates {
  const tiers = (service !== undefined && price.services?.[service]) || price.tiers;
  let rates = tiers[0]!.pico;
  for (const tier of tiers) if (inputTokens > tier.aboveInputTokens) rates = tier.pico;
  return rates;
}

/**
 * What a usage costs: each kind exact and rounded once, a half up. The audio and image parts of the input and the audio,
 * image and reasoning parts of the output are billed at their own rates and the rest as text; parts that claim more than the
 * whole are cut to it. `answered`: a request that was not is charged no fee.
 */
export function cost(usage: Usage, price: Price, { service, answered = true }: Circumstances = {}): CostNano {
  const rates = ratesAt(price, inputOf(usage), service);
  const audioIn = Math.min(usage.audio_input, usage.input);
  const imageIn = Math.min(usage.image_input ?? 0, usage.input - audioIn);
  const audioOut = Math.min(usage.audio_output, usage.output);
  const imageOut = Math.min(usage.image_output ?? 0, usage.output - audioOut);
  const reasoning = Math.min(usage.reasoning, usage.output - audioOut - imageOut);

  const input = costNanoOf(
    usage.input - audioIn - imageIn,
    rates.input,
    audioIn,
    rates.audio_input,
    imageIn,
    rates.image_input,
  );
  const cacheRead = costNanoOf(usage.cache_read, rates.cache_read);
  const cacheWrite = costNanoOf(usage.cache_write_5m, rates.cache_write_5m, usage.cache_write_1h, rates.cache_write_1h);
  const output = costNanoOf(
    usage.output - audioOut - imageOut - reasoning,
    rates.output,
    audioOut,
    rates.audio_output,
    reasoning,
    rates.reasoning,
    imageOut,
    rates.image_output,
  );
  const request = (answered ? (price.requestNano ?? 0) : 0) + toolsNano(usage.tools, price.toolNano);
  return {
    input,
    cache_read: cacheRead,
    cache_write: cacheWrite,
    output,
    ...(request > 0 && { request }),
    total: input + cacheRead + cacheWrite + output + request,
  };
}

/** What the provider did beside the model, by its own count. */
function toolsNano(times: Usage['tools'], nanoEach: Price['toolNano']): number {
  if (!times || !nanoEach) return 0;
  let total = 0;
  for (const tool in times) total += (times[tool as Tool] ?? 0) * (nanoEach[tool as Tool] ?? 0);
  return total;
}

interface Circumstances {
  /** The service tier that the provider says it served in. */
  readonly service?: string | undefined;
  readonly answered?: boolean | undefined;
}
