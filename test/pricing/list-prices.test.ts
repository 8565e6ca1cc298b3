/** What list prices say of audio, long contexts, service tiers and tools, and whose list prices an upstream has. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { calcPrice, findProvider } from '@pydantic/genai-prices';
import { noUsage } from '../../src/formats/usage.js';
import { isPricedFor } from '../../src/pricing/audio.js';
import { lookup, priceFor } from '../../src/pricing/catalogue.js';
import { catalogueProvider } from '../../src/pricing/catalogue-provider.js';
import { corrections } from '../../src/pricing/corrections.js';
import { dearest } from '../../src/pricing/dearest.js';
import { cost, type Price } from '../../src/pricing/price.js';

const NOW = Date.parse('2026-11-24T08:00:00Z');
const usd = (perMillion: number) => Math.round(perMillion * 1e6);
const listed = (provider: string, model: string): Price => {
  const price = lookup(provider, model, NOW);
  assert.ok(price, `${provider}/${model}`);
  return price;
};
const audio = { audioInput: true, audioOutput: true };

describe('audio', () => {
  test('the audio models of chat completions have the audio prices that the catalogue lacks', () => {
    const { pico } = listed('openai', 'gpt-4o-audio-preview-2025-06-03').tiers[0]!;
    assert.deepEqual([pico.input, pico.audio_input, pico.audio_output], [usd(2.5), usd(40), usd(80)]);
    const mini = listed('openai', 'gpt-4o-mini-audio-preview');
    assert.deepEqual([mini.tiers[0]!.pico.audio_input, mini.tiers[0]!.pico.audio_output], [usd(10), usd(20)]);
    assert.ok(isPricedFor(mini, audio));
  });

  test('a model without an audio price is not priced for audio, and is for text', () => {
    const price = listed('openai', 'gpt-4o-mini');
    assert.ok(isPricedFor(price, { audioInput: false, audioOutput: false }));
    assert.ok(!isPricedFor(price, { audioInput: true, audioOutput: false }));
    assert.ok(!isPricedFor(price, { audioInput: false, audioOutput: true }));
  });

  test('a model that hears and does not speak is priced for the one and not for the other', () => {
    const price = listed('google', 'gemini-2.5-flash');
    assert.ok(isPricedFor(price, { audioInput: true, audioOutput: false }));
    assert.ok(!isPricedFor(price, { audioInput: false, audioOutput: true }));
  });

  test('no model of the catalogue bills audio that it reports as text', () => {
    const tokens = { ...noUsage(), input: 1000, audio_input: 1000, output: 1000, audio_output: 1000 };
    const asText = { ...noUsage(), input: 1000, output: 1000 };
    for (const { id } of findProvider({ providerId: 'openai' })!.models) {
      const price = lookup('openai', id, NOW);
      // A model may cost more for text than any costs for audio.
      if (!price || price.tiers[0]!.pico.output > usd(80) || price.tiers[0]!.pico.input > usd(40)) continue;
      assert.ok(cost(tokens, price).total >= cost(asText, price).total, id);
      if (price.tiers[0]!.pico.input < usd(3) && price.unpriced?.length === 2)
        assert.equal(price.tiers[0]!.pico.audio_output, usd(80), id);
    }
  });

  test('the audio price of the configured default is the fallback, and a price that is stated is taken as it is', () => {
    const mini = { catalogueName: 'openai', model: 'gpt-4o-mini', nowMs: NOW, override: [] };
    const price = priceFor({ ...mini, fallback: [{ input: 1, output: 1, audio_input: 7, audio_output: 9 }] })!;
    const { pico } = price.tiers[0]!;
    assert.deepEqual([pico.input, pico.audio_input, pico.audio_output], [usd(0.15), usd(7), usd(9)]);
    assert.ok(isPricedFor(price, audio));
    const half = priceFor({ ...mini, fallback: [{ input: 1, output: 1, audio_input: 7 }] })!;
    assert.deepEqual(half.unpriced, ['audio_output']);
    assert.ok(!isPricedFor(priceFor({ ...mini, fallback: [{ input: 1, output: 1 }] })!, audio));
    const stated = priceFor({ ...mini, override: [{ input: 1, output: 2 }], fallback: [] })!;
    assert.ok(isPricedFor(stated, audio));
  });

  test('what a request with audio may come to is held at the audio price', () => {
    const kinds = { cacheWrites: false, ...audio };
    const held = dearest(listed('openai', 'gpt-4o-audio-preview'), 100, kinds);
    assert.deepEqual(held, { input: usd(40), output: usd(80) });
  });
});

describe('long contexts', () => {
  test('Claude Sonnet 4 costs more above 200,000 tokens, under each of its names', () => {
    for (const name of ['claude-sonnet-4-0', 'claude-sonnet-4-20250514', 'claude-4-sonnet']) {
      const price = listed('anthropic', name);
      const input = (tokens: number) => cost({ ...noUsage(), input: tokens, output: 100 }, price).total;
      assert.equal(input(200_000), 200_000 * 3000 + 100 * 15_000, name);
      assert.equal(input(200_001), 200_001 * 6000 + 100 * 22_500, name);
    }
  });

  test('a correction stays only as long as the catalogue lacks it', () => {
    const all = Object.entries(corrections).flatMap(([provider, some]) => some.map((one) => ({ provider, ...one })));
    for (const { provider, model, prices } of all) {
      const models = findProvider({ providerId: provider })!.models.filter(({ id }) => model.test(id));
      assert.ok(models.length > 0, `${provider} ${model}`);
      for (const { id } of models) {
        const theirs = calcPrice({}, id, { providerId: provider, timestamp: new Date(NOW) })!.model_price;
        for (const [kind, price] of Object.entries(prices))
          assert.notDeepEqual(JSON.stringify(theirs[kind]), JSON.stringify(price), `${id} ${kind}`);
      }
    }
  });
});

describe('service tiers', () => {
  const tier = (provider: string, model: string, service: string, tokens = 1_000_000) =>
    cost({ ...noUsage(), input: tokens }, listed(provider, model), { service }).total / 1e9;

  test('priority costs what it does at each model, to the cent', () => {
    assert.equal(tier('openai', 'gpt-4o-mini', 'priority'), 0.25);
    assert.equal(tier('openai', 'gpt-4o', 'priority'), 4.25);
    assert.equal(tier('openai', 'gpt-4.1', 'priority'), 3.5);
    assert.equal(tier('openai', 'gpt-5', 'priority', 100_000), 0.25);
    assert.equal(tier('openai', 'gpt-5-mini', 'priority', 100_000), 0.045);
    assert.equal(tier('openai', 'o4-mini', 'priority'), 2);
    assert.equal(tier('openai', 'o3', 'priority'), 3.5);
  });

  test('flex and batch are half, and a tier that nothing is known of is the standard one', () => {
    assert.equal(tier('openai', 'o3', 'flex'), 1);
    assert.equal(tier('anthropic', 'claude-haiku-4-5', 'batch', 100_000), 0.05);
    assert.equal(tier('anthropic', 'claude-haiku-4-5', 'priority', 100_000), 0.1);
    assert.equal(tier('groq', 'llama-3.3-70b-versatile', 'flex'), 0.59);
  });
});

describe('tools of the provider', () => {
  test('searches that an answer reports are charged, and nothing else is', () => {
    const tokens = { ...noUsage(), input: 1000 };
    const claude = listed('anthropic', 'claude-sonnet-4-5');
    const searched = cost({ ...tokens, tools: { web_search: 3 } }, claude);
    assert.equal(searched.request, 30_000_000);
    assert.equal(searched.total, cost(tokens, claude).total + 30_000_000);
    assert.equal(cost(tokens, claude).request, undefined);
    const openai = listed('openai', 'gpt-4o');
    assert.equal(cost({ ...tokens, tools: { web_search: 1, file_search: 2 } }, openai).request, 10_000_000 + 5_000_000);
    assert.equal(
      cost({ ...tokens, tools: { web_search: 2 } }, listed('groq', 'llama-3.3-70b-versatile')).request,
      undefined,
    );
  });
});

describe('OpenAI-compatible vendors', () => {
  const hosts = {
    groq: 'https://api.groq.com/openai/v1',
    together: 'https://api.together.xyz/v1',
    fireworks: 'https://api.fireworks.ai/inference/v1',
    deepseek: 'https://api.deepseek.com',
    mistral: 'https://api.mistral.ai/v1',
    'x-ai': 'https://api.x.ai/v1',
    cerebras: 'https://api.cerebras.ai/v1',
    openrouter: 'https://openrouter.ai/api/v1',
    moonshotai: 'https://api.moonshot.cn/v1',
    openai: 'https://api.openai.com/v1',
  };

  test('the host of the address tells whose prices hold', () => {
    for (const [name, url] of Object.entries(hosts)) assert.equal(catalogueProvider(null, null, url), name);
    assert.equal(catalogueProvider(null, null, 'https://api.together.ai/v1'), 'together');
  });

  test('an address of nobody in the catalogue, one without TLS, and deployments of own names tell nothing', () => {
    for (const url of [
      'http://10.0.0.7:8000/v1',
      'http://api.groq.com/openai/v1',
      'https://api.groq.com.example.org/v1',
      'https://gateway.example.org/https://api.groq.com/v1',
      'https://us.openai.azure.com/openai/v1',
      'https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1',
    ]) {
      assert.equal(catalogueProvider(null, null, url), null, url);
    }
  });

  test('what the configuration states wins, and a type that is always one provider is that one', () => {
    assert.equal(catalogueProvider('x-ai', null, hosts.groq), 'x-ai');
    assert.equal(catalogueProvider(null, 'openai', hosts.groq), 'openai');
    assert.equal(catalogueProvider('groq', 'openai', 'https://proxy.example.org'), 'groq');
    assert.equal(catalogueProvider(null, null, null), null);
  });

  test('their models have prices, by the names that they have there', () => {
    const input = (provider: string, model: string) => listed(provider, model).tiers[0]!.pico.input;
    assert.equal(input('groq', 'llama-3.3-70b-versatile'), usd(0.59));
    assert.equal(input('together', 'meta-llama/Llama-3.3-70B-Instruct-Turbo'), usd(0.88));
    assert.equal(input('cerebras', 'gpt-oss-120b'), usd(0.35));
    assert.ok(input('x-ai', 'grok-4') > 0);
    assert.ok(input('mistral', 'mistral-large-latest') > 0);
    assert.ok(input('fireworks', 'accounts/fireworks/models/deepseek-v3p2') > 0);
    assert.equal(input('deepseek', 'deepseek-chat'), usd(0.27));
  });
});
