/**
 * List prices from the `@pydantic/genai-prices` package, whose data is a file of the package, or one that an operator brought: no
 * network, and a price changes only with that file or on a date that the data states. Its own calculation is in floating point, so
 * only its tables are used: they become integers here.
 *
 * A look-up scans a provider's models and takes tens of microseconds, which is too long for every request: make a
 * `standingPrice` once for each target of a configuration. It keeps what it found and looks again when the price ends.
 */
import { calcPrice, type ModelInfo, type ModelPrice } from '@pydantic/genai-prices';
import { type AudioOf, dearestAudioOf } from './audio.js';
import { catalogueInForce } from './catalogue-in-force.js';
import { isCatalogueProvider } from './catalogue-provider.js';
import { corrected } from './corrections.js';
import { type Price, type PriceTier, ratesFrom, scaled, type WrittenPrice, writtenPriceAt } from './price.js';
import { serviceMultiples } from './service-tiers.js';

/**
 * The list price of a model at a time. Undefined where the catalogue has no such provider or model, or lists the model
 * without a price per input token: an empty table would bill nothing.
 */
export function lookup(catalogueName: string | null, model: string, atMs: number): Price | undefined {
  // The package guesses a provider from the model's name where it does not know the provider that it is asked for.
  if (catalogueName === null || !isCatalogueProvider(catalogueName)) return undefined;
  const found = calcPrice({}, model, { providerId: catalogueName, timestamp: new Date(atMs) });
  if (!found) return undefined;
  const provider = found.provider.id;
  const prices = corrected(provider, found.model.id, found.model_price);
  const tiers = tiersOf(prices, dearestAudioOf(provider));
  if (!tiers) return undefined;
  const requestNano = feeNano(prices['requests_kcount']);
  const toolNano = {
    web_search: feeNano(prices['web_searches_kcount']),
    file_search: feeNano(prices['storage_searches_kcount']),
  };
  const unpriced = (['audio_input', 'audio_output'] as const).filter((kind) => prices[kinds[kind]] === undefined);
  const services = Object.entries(serviceMultiples(provider, found.model.id)).map(([name, by]) => [
    name,
    tiers.map((tier) => ({ ...tier, pico: scaled(tier.pico, by) })),
  ]);
  const fromMs = startOf(found.model, atMs);
  return {
    version: catalogueInForce().version,
    source: 'catalogue',
    tiers,
    ...(services.length > 0 && { services: Object.fromEntries(services) }),
    ...(requestNano > 0 && { requestNano }),
    ...(toolNano.web_search + toolNano.file_search > 0 && { toolNano }),
    ...(unpriced.length > 0 && { unpriced }),
    ...(fromMs !== undefined && { fromMs }),
    untilMs: nextChange(found.model, atMs),
  };
}

/** Tokens of a request and its answer; null where the catalogue does not say. */
export function contextWindowOf(catalogueName: string | null, model: string): number | null {
  if (catalogueName === null || !isCatalogueProvider(catalogueName)) return null;
  return calcPrice({}, model, { providerId: catalogueName })?.model.context_window ?? null;
}

/** Dollars for a thousand, as nano-dollars for each. */
const feeNano = (fee: ModelPrice[string]): number => (typeof fee === 'number' ? Math.round(fee * 1e6) : 0);

export interface PriceRequest {
  /** The prices that the configuration states for the model; the one in force wins. */
  readonly override: readonly WrittenPrice[];
  /** The provider's name in the catalogue; null where it has none. */
  readonly catalogueName: string | null;
  /** The upstream model. */
  readonly model: string;
  /** The configured prices of models that have no other. */
  readonly fallback: readonly WrittenPrice[];
  readonly nowMs: number;
}

/** The price of a target: what the configuration states, else the list price, else the configured default, else undefined. */
export function priceFor(request: PriceRequest): Price | undefined {
  return found(request).price;
}

function found({ override, catalogueName, model, fallback, nowMs }: PriceRequest) {
  const stated = writtenPriceAt(override, 'override', nowMs);
  if (stated.price) return stated;
  const listed = lookup(catalogueName, model, nowMs);
  const other = writtenPriceAt(fallback, 'default', nowMs);
  if (!listed) return { price: other.price, untilMs: Math.min(stated.untilMs, other.untilMs) };
  return { price: withStatedAudio(listed, other.written), untilMs: Math.min(stated.untilMs, listed.untilMs) };
}

/** What the configured default says of audio holds where the catalogue says nothing. */
function withStatedAudio(price: Price, written: WrittenPrice | undefined): Price {
  const { unpriced = [], ...known } = price;
  const left = unpriced.filter((kind) => written?.[kind] === undefined);
  if (!written || left.length === unpriced.length) return price;
  const rates = ratesFrom({ input: written.input, output: written.output, ...audioOf(written) });
  const tiers = price.tiers.map((tier) => {
    const pico = { ...tier.pico };
    for (const kind of unpriced) if (!left.includes(kind)) pico[kind] = rates[kind];
    return { ...tier, pico };
  });
  return { ...known, tiers, ...(left.length > 0 && { unpriced: left }) };
}

const audioOf = ({ audio_input, audio_output }: WrittenPrice) => ({ audio_input, audio_output });

/**
 * The price of a target over time: looks up at once, and again only when a price has ended or another catalogue is in force. A time before the first look-up
 * is looked up each time.
 */
export function standingPrice(target: PriceRequest): (nowMs: number) => Price | undefined {
  let standing = found(target);
  let sinceMs = target.nowMs;
  let catalogue = catalogueInForce();
  return (nowMs) => {
    if (nowMs < sinceMs) return priceFor({ ...target, nowMs });
    if (nowMs >= standing.untilMs || catalogue !== catalogueInForce()) {
      catalogue = catalogueInForce();
      standing = found({ ...target, nowMs });
      sinceMs = nowMs;
    }
    return standing.price;
  };
}

const kinds = {
  input: 'input_mtok',
  cache_read: 'cache_read_mtok',
  cache_write_5m: 'cache_write_mtok',
  cache_write_1h: 'cache_write_1h_mtok',
  output: 'output_mtok',
  reasoning: 'output_reasoning_mtok',
  audio_input: 'input_audio_mtok',
  audio_output: 'output_audio_mtok',
  image_input: 'input_image_mtok',
  image_output: 'output_image_mtok',
} as const;

/** One tier for every mark that any kind's price has. */
function tiersOf(prices: ModelPrice, audio: AudioOf): PriceTier[] | undefined {
  if (prices['input_mtok'] === undefined) return undefined;
  const marks = new Set([0]);
  for (const key of Object.values(kinds)) {
    const price = prices[key];
    if (typeof price === 'object') for (const tier of price.tiers) marks.add(tier.start);
  }
  return [...marks]
    .sort((a, b) => a - b)
    .map((mark) => {
      const at = (kind: keyof typeof kinds) => rateAt(prices[kinds[kind]], mark);
      return {
        aboveInputTokens: mark,
        pico: ratesFrom({
          input: at('input') ?? 0,
          cache_read: at('cache_read'),
          cache_write_5m: at('cache_write_5m'),
          cache_write_1h: at('cache_write_1h'),
          output: at('output'),
          reasoning: at('reasoning'),
          audio_input: at('audio_input') ?? dearer(audio.input, at('input')),
          audio_output: at('audio_output') ?? dearer(audio.output, at('output') ?? at('input')),
          image_input: at('image_input'),
          image_output: at('image_output'),
        }),
      };
    });
}

/** Audio never costs less than text. */
const dearer = (audio: number, text: number | undefined): number => Math.max(audio, text ?? 0);

/** A kind's price for inputs just above `mark`. */
function rateAt(price: ModelPrice[string], mark: number): number | undefined {
  if (typeof price !== 'object') return price;
  let rate = price.base;
  let start = -1;
  for (const tier of price.tiers) {
    if (tier.start <= mark && tier.start > start) {
      rate = tier.price;
      start = tier.start;
    }
  }
  return rate;
}

const DAY_MS = 86_400_000;

/** The latest date before `atMs` on which the data gave the model another price. */
function startOf(model: ModelInfo, atMs: number): number | undefined {
  if (!Array.isArray(model.prices)) return undefined;
  const starts = model.prices.flatMap(({ constraint }) =>
    constraint?.type === 'start_date' ? [Date.parse(constraint.start_date)] : [],
  );
  const past = starts.filter((ms) => ms <= atMs);
  return past.length === 0 ? undefined : Math.max(...past);
}

/** The next time after `atMs` at which the data may give the model another price: a start date, or an hour of the day. */
function nextChange(model: ModelInfo, atMs: number): number {
  if (!Array.isArray(model.prices)) return Infinity;
  const midnight = Math.floor(atMs / DAY_MS) * DAY_MS;
  let next = Infinity;
  const consider = (ms: number) => {
    if (ms > atMs && ms < next) next = ms;
  };
  for (const { constraint } of model.prices) {
    if (constraint?.type === 'start_date') consider(Date.parse(constraint.start_date));
    if (constraint?.type === 'time_of_date') {
      for (const time of [constraint.start_time, constraint.end_time]) {
        const today = Date.parse(`${new Date(midnight).toISOString().slice(0, 10)}T${time}`);
        for (const day of [-DAY_MS, 0, DAY_MS]) consider(today + day);
      }
    }
  }
  return next;
}
