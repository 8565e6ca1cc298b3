/** What a stream generated is kept whole up to a size, in little memory, in whatever pieces it came. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { GeneratedText, ofAll } from '../../src/formats/generated-text.js';

/** Halves of characters that stand alone cannot be told apart in UTF-8. */
const wellFormed = (text: string): string => Buffer.from(text).toString('utf8');

const MOST_CHARS = 128 * 1024;

function generated(pieces: Iterable<string>): GeneratedText {
  const text = new GeneratedText();
  for (const piece of pieces) text.add(piece);
  return text;
}

test('what was added is kept as it was, in any pieces, from any character on', () => {
  const piece = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.constantFrom('', '\ud83d', '\ude00', 'é'));
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 60 }),
      fc.integer({ min: 1, max: 200 }),
      fc.nat(40_000),
      fc.nat(40_000),
      (all, times, from, to) => {
        const pieces = Array.from({ length: times }, () => all).flat();
        const text = generated(pieces);
        const whole = wellFormed(pieces.join('').slice(0, MOST_CHARS));
        assert.equal(text.chars, pieces.join('').length);
        assert.equal(text.isEmpty, whole.length === 0);
        assert.equal(wellFormed(text.kept()), whole);
        assert.equal(wellFormed([...text.pieces()].join('')), whole);
        assert.equal(wellFormed(text.kept(from)), wellFormed(whole.slice(from)));
        assert.equal(wellFormed(text.kept(from, to)), wellFormed(whole.slice(from, to)));
      },
    ),
    { numRuns: 200 },
  );
});

test('of what comes after 128 Ki characters only its length is kept', () => {
  for (const size of [1, 7, 1_000, 50_000, 200_000]) {
    const text = generated(Array.from({ length: Math.ceil(300_000 / size) }, () => 'x'.repeat(size)));
    assert.equal(text.kept().length, MOST_CHARS);
    assert.equal(text.chars, Math.ceil(300_000 / size) * size);
    assert.equal(ofAll(1000, MOST_CHARS, text.chars), Math.ceil((1000 * text.chars) / MOST_CHARS));
  }
  assert.equal(ofAll(7, 2, 2), 7);
});

test('thousands of long texts that came in small pieces take little memory', () => {
  const words =
    'It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness';
  const pieces = Array.from({ length: 40_000 }, (_, i) => ` ${words.slice((i * 7) % 90, ((i * 7) % 90) + 3)}`);
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const usedBytes = (): number => {
    gc();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = usedBytes();
  const texts = Array.from({ length: 200 }, () => generated(pieces));
  const eachBytes = (usedBytes() - before) / texts.length;
  assert.equal(texts[0]!.kept(), pieces.join('').slice(0, MOST_CHARS));
  assert.ok(eachBytes < 128 * 1024, `${eachBytes} bytes each`);
});
