/** What is held for a request's tokens is never less than what any usage of them is billed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noUsage } from '../../src/formats/usage.js';
import { cost as holdCost } from '../../src/limits/amount.js';
import { dearest, inputNanoMost } from '../../src/pricing/dearest.js';
import { cost, type Price, writtenPrice } from '../../src/pricing/price.js';

/** Numbers that are the same in every run. */
function randoms(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test('no split of the tokens into kinds costs more than what is held for them', () => {
  const below = randoms(42);
  const amount = () => (below(4) === 0 ? below(20) / 1000 : below(20_000) / 1000);
  for (let i = 0; i < 20_000; i++) {
    const written = writtenPrice(
      {
        input: amount(),
        output: amount(),
        cached_input: amount(),
        cache_write: amount(),
        audio_input: amount(),
        audio_output: amount(),
      },
      'override',
    );
    const second = writtenPrice({ input: amount(), output: amount() }, 'override');
    const price: Price =
      i % 2 === 0
        ? written
        : { ...written, tiers: [...written.tiers, { aboveInputTokens: 50, pico: second.tiers[0]!.pico }] };
    const most = below(200);
    const output = below(100);
    const parts = [below(most + 1), below(most + 1), below(most + 1)].sort((a, b) => a - b) as [number, number, number];
    const tokens = {
      ...noUsage(),
      input: parts[0],
      cache_read: parts[1] - parts[0],
      cache_write_5m: parts[2] - parts[1],
      cache_write_1h: 0,
      audio_input: below(parts[0] + 1),
      output,
      audio_output: below(output + 1),
    };
    const pico = dearest(price, most, { cacheWrites: true, audioInput: true, audioOutput: true });
    const held = inputNanoMost(most, pico.input) + holdCost(output, pico.output);
    const billed = cost(tokens, price).total;
    assert.ok(billed <= held, `${billed} billed and ${held} held: ${JSON.stringify({ tokens, price, most })}`);
  }
});

test('a kind that the request cannot have is not held for', () => {
  const price = writtenPrice({ input: 1, output: 2, cache_write: 5, audio_input: 7, audio_output: 9 }, 'override');
  const none = { cacheWrites: false, audioInput: false, audioOutput: false };
  assert.deepEqual(dearest(price, 10, none), { input: 1_000_000, output: 2_000_000 });
  assert.equal(dearest(price, 10, { ...none, cacheWrites: true }).input, 5_000_000);
  assert.equal(dearest(price, 10, { ...none, audioInput: true }).input, 7_000_000);
  assert.equal(dearest(price, 10, { ...none, audioOutput: true }).output, 9_000_000);
  assert.equal(inputNanoMost(10, 1_000_000), 10_000, 'whole nano-dollars are exact');
});
