/** Words in eight bits: what they tell is what their vectors tell, and near a floor they tell nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { WordVectors } from '../../../src/cache/semantic/word-vectors.js';

const DIMS = 32;
const vector = fc
  .array(fc.integer({ min: -1_000, max: 1_000 }), { minLength: DIMS, maxLength: DIMS })
  .filter((numbers) => numbers.some((number) => number !== 0))
  .map((numbers) => {
    const length = Math.hypot(...numbers);
    return Float32Array.from(numbers, (number) => number / length);
  });
const dot = (one: Float32Array, two: Float32Array): number => one.reduce((sum, value, i) => sum + value * two[i]!, 0);

describe('the words of a text in eight bits', () => {
  it('are never said to be near, or not, against what their vectors say', () => {
    fc.assert(
      fc.property(vector, vector, fc.double({ min: -0.02, max: 0.02, noNaN: true }), (word, other, beside) => {
        const similarity = dot(word, other);
        const floor = similarity + beside;
        const told = new WordVectors(word, 3, [
          [0, other],
          [7, word],
        ]).isNear(7, other, floor);
        assert.ok(told === undefined || told === similarity >= floor);
        if (Math.abs(beside) > 0.015) assert.notEqual(told, undefined);
      }),
      { numRuns: 2_000 },
    );
  });

  it('tell nothing of a word that they do not have, and take a fifth of the memory', () => {
    const word = new Float32Array(384).fill(384 ** -0.5);
    const words = new WordVectors(
      word,
      30,
      Array.from({ length: 28 }, (_, i) => [4 * i, word] as const),
    );
    assert.equal(words.isNear(1, word, 0.5), undefined);
    assert.equal(words.isNear(4, word, 0.5), true);
    assert.ok(words.bytes < (30 * 384 * 4) / 3);
  });
});
