import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findProvider } from '@pydantic/genai-prices';
import { noUsage } from '../../src/formats/usage.js';
import { lookup, priceFor, standingPrice } from '../../src/pricing/catalogue.js';
import { catalogueInForce, shippedDates } from '../../src/pricing/catalogue-in-force.js';
import { cost } from '../../src/pricing/price.js';

const NOW = Date.parse('2026-11-24T08:00:00Z');
const usd = (perMillion: number) => Math.round(perMillion * 1e6);

test('gpt-4o-mini is in the catalogue at the price of the contract', () => {
  const price = lookup('openai', 'gpt-4o-mini', NOW);
  assert.ok(price);
  assert.equal(price.source, 'catalogue');
  assert.equal(cost({ ...noUsage(), input: 10, output: 9 }, price).total, 6900);
  assert.equal(price.tiers[0]!.pico.cache_read, usd(0.075));
});

test('the version names the package whose data was used', () => {
  assert.match(catalogueInForce().version, /^genai-prices\/\d+\.\d+\.\d+/);
  assert.equal(lookup('openai', 'gpt-4o', NOW)?.version, catalogueInForce().version);
  const [, version] = catalogueInForce().version.split('/');
  assert.ok(shippedDates[version!], `say in catalogue-in-force.ts when ${version} of the package came out`);
});

test('dated names of a model have its price', () => {
  assert.deepEqual(lookup('openai', 'gpt-4o-mini-2024-07-18', NOW), lookup('openai', 'gpt-4o-mini', NOW));
  assert.deepEqual(lookup('anthropic', 'claude-haiku-4-5-20251001', NOW), lookup('anthropic', 'claude-haiku-4-5', NOW));
});

test('Claude has its prices of cache reads and of both cache writes', () => {
  const rates = lookup('anthropic', 'claude-haiku-4-5', NOW)!.tiers[0]!.pico;
  assert.equal(rates.input, usd(1));
  assert.equal(rates.cache_read, usd(0.1));
  assert.equal(rates.cache_write_5m, usd(1.25));
  assert.equal(rates.cache_write_1h, usd(2));
  assert.equal(rates.output, usd(5));
});

test('a long-context price becomes a tier that bills the whole request', () => {
  const price = lookup('anthropic', 'claude-sonnet-4-5', NOW)!;
  assert.deepEqual(
    price.tiers.map((tier) => [tier.aboveInputTokens, tier.pico.input, tier.pico.cache_write_1h, tier.pico.output]),
    [
      [0, usd(3), usd(6), usd(15)],
      [200_000, usd(6), usd(12), usd(22.5)],
    ],
  );
  assert.equal(cost({ ...noUsage(), input: 200_001, output: 10 }, price).total, 200_001 * 6000 + 10 * 22_500);
});

test('a model that listens and speaks has prices of audio', () => {
  const rates = lookup('openai', 'gpt-4o-realtime-preview', NOW)!.tiers[0]!.pico;
  assert.equal(rates.audio_input, usd(40));
  assert.equal(rates.audio_output, usd(80));
  assert.equal(rates.input, usd(5));
});

test('an embedding model has a price though it lists none for output', () => {
  assert.equal(lookup('openai', 'text-embedding-3-small', NOW)!.tiers[0]!.pico.input, usd(0.02));
});

test('what the catalogue does not know has no price', () => {
  assert.equal(lookup('openai', 'no-such-model', NOW), undefined);
  assert.equal(lookup('openai', '', NOW), undefined);
  assert.equal(lookup(null, 'gpt-4o-mini', NOW), undefined);
});

test('an unknown provider has no prices, though its models carry the names of known ones', () => {
  assert.equal(lookup('my-vllm', 'gpt-4o-mini', NOW), undefined);
  assert.equal(lookup('constructor', 'gpt-4o-mini', NOW), undefined);
  assert.equal(lookup('', 'gpt-4o-mini', NOW), undefined);
});

test('a model that is listed without a price per input token has none, rather than being free', () => {
  assert.equal(lookup('openai', 'whisper-1', NOW), undefined);
  const free = findProvider({ providerId: 'mistral' })!.models.find((model) => Object.keys(model.prices).length === 0)!;
  assert.equal(lookup('mistral', free.id, NOW), undefined);
});

test('every price of the catalogue can be turned into integers', () => {
  for (const name of ['openai', 'anthropic', 'google', 'mistral', 'groq', 'azure', 'aws', 'deepseek', 'openrouter']) {
    for (const model of findProvider({ providerId: name })!.models) {
      const price = lookup(name, model.id, NOW);
      if (!price) continue;
      for (const tier of price.tiers) {
        assert.ok(Object.values(tier.pico).every(Number.isSafeInteger), `${name}/${model.id}`);
        assert.ok(tier.pico.cache_write_1h >= tier.pico.cache_write_5m, `${name}/${model.id}`);
      }
    }
  }
});

/** A model of the catalogue whose price changed on a date, with that date. */
function repriced(): { provider: string; model: string; fromMs: number } {
  for (const provider of ['openai', 'anthropic', 'google', 'x-ai', 'mistral']) {
    for (const model of findProvider({ providerId: provider })!.models) {
      const dated = Array.isArray(model.prices) ? model.prices : [];
      const constraint = dated.find((price) => price.constraint?.type === 'start_date')?.constraint;
      if (dated.length === 2 && constraint?.type === 'start_date' && lookup(provider, model.id, NOW)) {
        return { provider, model: model.id, fromMs: Date.parse(constraint.start_date) };
      }
    }
  }
  throw new Error('the catalogue has no dated price');
}

test('a price that changes on a date is the old one before it and the new one from then on', () => {
  const { provider, model, fromMs } = repriced();
  const before = lookup(provider, model, fromMs - 1)!;
  const after = lookup(provider, model, fromMs)!;
  assert.notDeepEqual(before.tiers, after.tiers);
  assert.equal(before.untilMs, fromMs);
  assert.equal(after.untilMs, Infinity);
});

test('a standing price changes by itself when its date comes, and not before', () => {
  const { provider, model, fromMs } = repriced();
  const target = { override: [], catalogueName: provider, model, fallback: [] };
  const price = standingPrice({ ...target, nowMs: fromMs - 1000 });
  const old = price(fromMs - 1000);
  assert.equal(price(fromMs - 1), old);
  assert.deepEqual(price(fromMs), lookup(provider, model, fromMs));
  assert.equal(price(fromMs + 1), price(fromMs));
});

test('a price by the hour of the day ends with its hours', () => {
  const night = Date.parse('2026-11-24T20:00:00Z');
  const day = Date.parse('2026-11-24T12:00:00Z');
  const cheap = lookup('deepseek', 'deepseek-reasoner', night)!;
  const dear = lookup('deepseek', 'deepseek-reasoner', day)!;
  assert.ok(cheap.tiers[0]!.pico.output < dear.tiers[0]!.pico.output);
  assert.equal(new Date(dear.untilMs).toISOString(), '2026-11-24T16:30:00.000Z');
  assert.equal(new Date(cheap.untilMs).toISOString(), '2026-11-25T00:30:00.000Z');
});

test('the configured price wins over the catalogue, and the catalogue over the default', () => {
  const fallback = [{ input: 100, output: 100 }];
  const mini = { catalogueName: 'openai', model: 'gpt-4o-mini', nowMs: NOW, fallback };
  assert.equal(priceFor({ ...mini, override: [{ input: 1, output: 2 }] })?.source, 'override');
  assert.equal(priceFor({ ...mini, override: [{ input: 1, output: 2 }] })!.tiers[0]!.pico.input, usd(1));
  assert.equal(priceFor({ ...mini, override: [] })?.source, 'catalogue');
  const unknown = { ...mini, override: [], model: 'house-model' };
  assert.equal(priceFor(unknown)?.source, 'default');
  assert.equal(priceFor({ ...unknown, fallback: [] }), undefined);
});

test('a dated override takes over from the catalogue on its date, also for who looks back', () => {
  const fromMs = NOW + 1_000;
  const price = standingPrice({
    override: [{ input: 7, output: 7, from: fromMs }],
    catalogueName: 'openai',
    model: 'gpt-4o-mini',
    fallback: [],
    nowMs: NOW,
  });
  assert.equal(price(NOW)?.source, 'catalogue');
  assert.equal(price(fromMs - 1)?.source, 'catalogue');
  assert.equal(price(fromMs)?.source, 'override');
  assert.equal(price(fromMs)?.fromMs, fromMs);
  assert.equal(price(NOW)?.source, 'catalogue');
  assert.equal(price(fromMs + 5)?.source, 'override');
});

test("a provider's service tiers are multiples of its list price, of every kind", () => {
  const flex = { override: [], catalogueName: 'openai', model: 'gpt-4o-mini', services: { flex: 0.5 }, fallback: [] };
  const price = priceFor({ ...flex, nowMs: NOW })!;
  assert.equal(price.services?.['flex']?.[0]?.pico.cache_read, price.tiers[0]!.pico.cache_read / 2);
});
