import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { noUsage, type Usage } from '../../src/formats/usage.js';
import {
  cost,
  type Price,
  type Rates,
  ratesAt,
  ratesFrom,
  writtenPrice,
  writtenPriceAt,
} from '../../src/pricing/price.js';

const usage = (some: Partial<Usage>): Usage => ({ ...noUsage(), ...some });
const priced = (...tiers: [aboveInputTokens: number, pico: Rates][]): Price => ({
  version: 'test',
  source: 'catalogue',
  tiers: tiers.map(([aboveInputTokens, pico]) => ({ aboveInputTokens, pico })),
  untilMs: Infinity,
});
const mini = writtenPrice({ input: 0.15, cached_input: 0.075, output: '0.60' }, 'override');

test('ten tokens in and nine out of gpt-4o-mini cost 6900 nano-dollars, as in the contract', () => {
  assert.deepEqual(cost(usage({ input: 10, output: 9 }), mini), {
    input: 1500,
    cache_read: 0,
    cache_write: 0,
    output: 5400,
    total: 6900,
  });
});

test('no tokens cost nothing', () => {
  assert.equal(cost(noUsage(), mini).total, 0);
});

test('cache reads and the two kinds of cache writes are billed at their own prices', () => {
  const price = priced([
    0,
    ratesFrom({ input: 3, cache_read: 0.3, cache_write_5m: 3.75, cache_write_1h: 6, output: 15 }),
  ]);
  const claude = cost(
    usage({ input: 7, cache_read: 1000, cache_write_5m: 200, cache_write_1h: 100, output: 50 }),
    price,
  );
  assert.deepEqual(claude, {
    input: 21_000,
    cache_read: 300_000,
    cache_write: 1_350_000,
    output: 750_000,
    total: 2_421_000,
  });
});

test('each kind is rounded once, a half up, and the total is the sum of what was rounded', () => {
  const price = priced([
    0,
    ratesFrom({ input: 0.0005, cache_write_5m: 0.0002, cache_write_1h: 0.0003, output: '0.000499' }),
  ]);
  const one = cost(usage({ input: 1, cache_write_5m: 1, cache_write_1h: 1, output: 1 }), price);
  // 500 pico-dollars round up to 1 nano-dollar; 200 + 300 are one kind and round together; 499 round down.
  assert.deepEqual(one, { input: 1, cache_read: 0, cache_write: 1, output: 0, total: 2 });
});

test('the audio part of the input is billed as audio and the rest as text, never both', () => {
  const price = priced([0, ratesFrom({ input: 2.5, audio_input: 40, output: 10, audio_output: 80 })]);
  const heard = cost(usage({ input: 100, audio_input: 30, output: 50, audio_output: 20 }), price);
  assert.equal(heard.input, 70 * 2500 + 30 * 40_000);
  assert.equal(heard.output, 30 * 10_000 + 20 * 80_000);
});

test('reasoning is a part of the output: it costs the same unless it has a price of its own', () => {
  const counts = usage({ output: 100, reasoning: 40 });
  assert.equal(cost(counts, priced([0, ratesFrom({ input: 1, output: 4 })])).output, 400_000);
  assert.equal(
    cost(counts, priced([0, ratesFrom({ input: 1, output: 4, reasoning: 3 })])).output,
    60 * 4000 + 40 * 3000,
  );
});

test('parts that claim more than their whole are cut to it', () => {
  const price = priced([0, ratesFrom({ input: 1, audio_input: 10, output: 2, audio_output: 20, reasoning: 3 })]);
  const lies = cost(usage({ input: 5, audio_input: 500, output: 10, audio_output: 8, reasoning: 99 }), price);
  assert.equal(lies.input, 5 * 10_000);
  assert.equal(lies.output, 8 * 20_000 + 2 * 3000);
});

test('a request above a mark is billed at that tier altogether, and at the mark itself is not', () => {
  const price = priced(
    [0, ratesFrom({ input: 3, cache_read: 0.3, output: 15 })],
    [200_000, ratesFrom({ input: 6, cache_read: 0.6, output: 22.5 })],
  );
  assert.equal(cost(usage({ input: 200_000, output: 1 }), price).total, 200_000 * 3000 + 15_000);
  assert.equal(cost(usage({ input: 200_001, output: 1 }), price).total, 200_001 * 6000 + 22_500);
});

test('cached and written tokens count towards the mark of a tier', () => {
  const price = priced([0, ratesFrom({ input: 3, output: 15 })], [200_000, ratesFrom({ input: 6, output: 22.5 })]);
  const long = usage({ input: 1, cache_read: 100_000, cache_write_5m: 60_000, cache_write_1h: 40_000, output: 1 });
  assert.equal(cost(long, price).output, 22_500);
  assert.equal(ratesAt(price, 0).input, 3_000_000);
});

test('a kind without a price is billed as what it is a part of, never as nothing', () => {
  assert.deepEqual(ratesFrom({ input: 1, output: 4 }), {
    input: 1_000_000,
    cache_read: 1_000_000,
    cache_write_5m: 1_000_000,
    cache_write_1h: 1_000_000,
    output: 4_000_000,
    reasoning: 4_000_000,
    audio_input: 1_000_000,
    audio_output: 4_000_000,
    image_input: 1_000_000,
    image_output: 4_000_000,
  });
  assert.equal(ratesFrom({ input: 1 }).output, 1_000_000);
});

test('where cache writes have a price, the hour-long write is twice the input price unless stated', () => {
  assert.equal(ratesFrom({ input: 3, cache_write_5m: 3.75, output: 15 }).cache_write_1h, 6_000_000);
  assert.equal(ratesFrom({ input: 3, cache_write_5m: 7, output: 15 }).cache_write_1h, 7_000_000);
  assert.equal(ratesFrom({ input: 3, cache_write_5m: 3.75, cache_write_1h: 5, output: 15 }).cache_write_1h, 5_000_000);
});

test('a price of zero that is stated stays zero', () => {
  assert.equal(cost(usage({ input: 10, output: 10 }), writtenPrice({ input: 0, output: '0' }, 'override')).total, 0);
});

test('the version of a written price names its figures', () => {
  const version = (input: number | string) => writtenPrice({ input, output: 2 }, 'override').version;
  assert.match(version(1), /^config\/[0-9a-f]{8}$/);
  assert.equal(version(1), version('1.000'));
  assert.notEqual(version(1), version(1.1));
  assert.match(writtenPrice({ input: 1, output: 2 }, 'default').version, /^default\/[0-9a-f]{8}$/);
});

test('what is not a price is a fault', () => {
  assert.throws(() => writtenPrice({ input: -1, output: 1 }, 'override'), /not a price: -1/);
  assert.throws(() => writtenPrice({ input: 'NaN', output: 1 }, 'override'), /not a price/);
});

const counts = (max: number) =>
  fc
    .record({
      input: fc.nat(max),
      cache_read: fc.nat(max),
      cache_write_5m: fc.nat(max),
      cache_write_1h: fc.nat(max),
      output: fc.nat(max),
      reasoning: fc.nat(max),
      audio_input: fc.nat(max),
      audio_output: fc.nat(max),
    })
    .map((some): Usage => some);
const rates = fc.record({
  input: fc.nat(1e9),
  cache_read: fc.nat(1e9),
  cache_write_5m: fc.nat(1e9),
  cache_write_1h: fc.nat(1e9),
  output: fc.nat(1e9),
  reasoning: fc.nat(1e9),
  audio_input: fc.nat(1e9),
  audio_output: fc.nat(1e9),
  image_input: fc.nat(1e9),
  image_output: fc.nat(1e9),
});

test('no cost is negative, all are whole, and the total is their sum', () => {
  fc.assert(
    fc.property(counts(1e9), rates, (some, pico) => {
      const { total, ...kinds } = cost(some, priced([0, pico]));
      const all = Object.values(kinds);
      assert.ok(all.every((nano) => nano >= 0 && Number.isInteger(nano)));
      assert.equal(
        total,
        all.reduce((sum, nano) => sum + nano, 0),
      );
    }),
  );
});

test('a cost equals its calculation in big integers, also beyond the range of exact floating point', () => {
  fc.assert(
    fc.property(counts(1_000_000_000), rates, (some, pico) => {
      const audio = BigInt(Math.min(some.audio_input, some.input));
      const product = (BigInt(some.input) - audio) * BigInt(pico.input) + audio * BigInt(pico.audio_input);
      assert.equal(BigInt(cost(some, priced([0, pico])).input), (product + 500n) / 1000n);
    }),
  );
  const huge = cost(usage({ input: 999_999_999, output: 1 }), priced([0, ratesFrom({ input: 999.999999, output: 1 })]));
  assert.equal(BigInt(huge.input), (999_999_999n * 999_999_999n + 500n) / 1000n);
});

test('more tokens never cost less', () => {
  fc.assert(
    fc.property(counts(1e6), fc.nat(1e6), rates, (some, more, pico) => {
      const price = priced([0, pico]);
      for (const kind of ['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output'] as const) {
        // Without parts: a part that grows may be cheaper than the text that it displaces.
        const fits = { ...some, audio_input: 0, audio_output: 0, reasoning: 0 };
        assert.ok(cost({ ...fits, [kind]: fits[kind] + more }, price).total >= cost(fits, price).total);
      }
    }),
  );
});

test('two requests together cost what they cost apart, but for the rounding of each kind', () => {
  fc.assert(
    fc.property(counts(1e6), counts(1e6), rates, (one, other, pico) => {
      const price = priced([0, pico]);
      const whole = (some: Usage): Usage => ({ ...some, audio_input: 0, audio_output: 0, reasoning: 0 });
      const both = Object.fromEntries(
        Object.entries(whole(one)).map(([kind, tokens]) => [
          kind,
          Number(tokens) + Number(whole(other)[kind as keyof Usage]),
        ]),
      ) as unknown as Usage;
      const apart = cost(whole(one), price).total + cost(whole(other), price).total;
      assert.ok(Math.abs(cost(both, price).total - apart) <= 4);
    }),
  );
});

test('images, long inputs, service tiers and fees are billed at their own prices', () => {
  const price = writtenPrice(
    {
      input: 1,
      output: 4,
      image_input: 10,
      image_output: 40,
      request: '0.005',
      long_context: [{ above: 1000, input: 2, output: 8 }],
      service_tiers: { flex: { multiplier: 0.5 }, priority: { input: 3, output: 9 } },
    },
    'override',
  );
  const some = usage({ input: 100, image_input: 60, output: 50, image_output: 20, reasoning: 10 });
  assert.deepEqual(cost(some, price), {
    input: 40 * 1000 + 60 * 10_000,
    cache_read: 0,
    cache_write: 0,
    output: 30 * 4000 + 20 * 40_000,
    request: 5_000_000,
    total: 640_000 + 920_000 + 5_000_000,
  });
  const long = usage({ input: 1000, cache_read: 1, output: 10 });
  assert.equal(cost(long, price, { answered: false }).total, 1000 * 2000 + 2000 + 10 * 8000);
  assert.equal(
    cost(usage({ input: 10, output: 10 }), price, { service: 'flex', answered: false }).total,
    5_000 + 20_000,
  );
  assert.equal(cost(usage({ input: 10, output: 10 }), price, { service: 'priority', answered: false }).total, 120_000);
  assert.equal(cost(usage({ input: 10, output: 10 }), price, { service: 'other', answered: false }).total, 50_000);
});

test('of several dated prices the latest that has begun is in force, until the next', () => {
  const prices = [
    { input: 3, output: 3, from: 3_000 },
    { input: 1, output: 1 },
    { input: 2, output: 2, from: 2_000 },
  ];
  const at = (ms: number) => writtenPriceAt(prices, 'override', ms);
  const rate = (ms: number) => at(ms).price?.tiers[0]?.pico.input;
  assert.deepEqual([rate(0), rate(1_999), rate(2_000), rate(3_000)], [1_000_000, 1_000_000, 2_000_000, 3_000_000]);
  assert.deepEqual([at(0).untilMs, at(2_500).untilMs, at(9_000).untilMs], [2_000, 3_000, Infinity]);
  assert.equal(writtenPriceAt([{ input: 1, output: 1, from: 5 }], 'override', 4).price, undefined);
  assert.equal(writtenPriceAt([{ input: 1, output: 1, from: 5 }], 'override', 4).untilMs, 5);
});
