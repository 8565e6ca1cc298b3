import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { WINDOW_CHARS } from '../../src/tokens/encoding.js';
import { encodingOf, warmTokenizers } from '../../src/tokens/encodings.js';
import { countText } from '../../src/tokens/estimate.js';
import {
  encodingNames,
  knownToReference,
  ordinaryTexts,
  pathological,
  pseudoRandom,
  referenceCount,
} from './reference.js';

before(warmTokenizers);

for (const encoding of encodingNames) {
  for (const [name, text] of Object.entries(ordinaryTexts)) {
    test(`${encoding} counts ${name} exactly as the reference does`, async () => {
      assert.equal(await countText(text, encoding), referenceCount(text, encoding));
    });
  }

  test(`${encoding} counts ordinary texts of many windows exactly`, async () => {
    for (const [name, text] of Object.entries(ordinaryTexts)) {
      // Every repetition shifts against the windows, so that they end at every place of the text.
      const long = text.repeat(Math.ceil((6 * WINDOW_CHARS) / text.length));
      assert.equal(await countText(long, encoding), referenceCount(long, encoding), name);
    }
  });

  for (const [name, make] of Object.entries(pathological)) {
    test(`${encoding} counts a long run of ${name} to 0.2 % of the reference`, async () => {
      const text = make(9000);
      const expected = referenceCount(text, encoding);
      const counted = await countText(text, encoding);
      assert.ok(Math.abs(counted - expected) <= expected * 0.002, `${counted} instead of ${expected}`);
    });
  }

  test(`${encoding} counts any short text exactly`, () => {
    const unit = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }).filter(knownToReference),
      fc.string({ unit: 'grapheme', maxLength: 6 }),
      fc.constantFrom(
        'word',
        ' the',
        "'s",
        "'LL",
        'ÀÉ',
        '中',
        '1234',
        ' \n',
        '\r\n',
        '\u0085',
        '\ufeff',
        '\ud83d',
        '//',
        '<|endoftext|>',
      ),
    );
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 30 }), (parts) => {
        const text = parts.join('');
        assert.equal(countText(text, encoding), referenceCount(text, encoding));
      }),
      { numRuns: 500 },
    );
  });

  test(`${encoding} counts any text of ASCII exactly`, () => {
    // Few characters, so that what the patterns look for meets often; the last one draws from all.
    const unit = fc.oneof(
      fc.constantFrom(..." \t\n\r\v\f/'aAbBsStTrReEvVlLmMdD.!-(012"),
      fc.constantFrom("'s", "'RE", "'Ll", "'ve", '\r\n', '  ', ' word', 'Word', '//'),
      fc.integer({ min: 0, max: 127 }).map((code) => String.fromCharCode(code)),
    );
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 60 }), (parts) => {
        const text = parts.join('');
        assert.equal(countText(text, encoding), referenceCount(text, encoding));
      }),
      { numRuns: 3000 },
    );
  });
}

test('a window ends where the text can be split, and nothing is counted twice or left out', async () => {
  const encoding = await encodingOf('o200k_base');
  const words = pseudoRandom(20_000, (unit) => " abcdeé中A1'\n.".charAt(unit * 14));
  const tally = { tokens: 0, beyond: 0 };
  let windows = 0;
  for (let at = 0; at < words.length; windows++) {
    const end = encoding.window(words, at, tally);
    assert.ok(end > at && end - at <= WINDOW_CHARS);
    at = end;
  }
  assert.equal(tally.tokens, referenceCount(words, 'o200k_base'));
  assert.ok(windows < (2 * words.length) / WINDOW_CHARS);
});

test('a contraction on the edge of a window stays whole', async () => {
  for (let shift = -4; shift <= 4; shift++) {
    const text = `${'a '.repeat(WINDOW_CHARS / 2 + shift)}don't they'll`;
    for (const encoding of encodingNames) assert.equal(await countText(text, encoding), referenceCount(text, encoding));
  }
});

test('a pair of surrogates on the edge of a window stays whole', async () => {
  const encoding = await encodingOf('o200k_base');
  for (const before of ['', '!']) {
    const text = before + '😀'.repeat(WINDOW_CHARS);
    const end = encoding.window(text, 0, { tokens: 0, beyond: 0 });
    assert.equal((end - before.length) % 2, 0);
    assert.ok(end > WINDOW_CHARS - 2);
  }
});

test('a window makes progress on any text', async () => {
  const encoding = await encodingOf('o200k_base');
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', ' ', '\n', '中', '!', '😀', '\ud800'), { minLength: 1, maxLength: 5 }),
      (unit) => {
        const text = unit.join('').repeat(3000);
        const end = encoding.window(text, 0, { tokens: 0, beyond: 0 });
        assert.ok(end > 0 && end <= Math.min(text.length, WINDOW_CHARS));
      },
    ),
    { numRuns: 50 },
  );
});

test('both encodings are read once', async () => {
  await warmTokenizers();
  for (const name of encodingNames) {
    const first = encodingOf(name);
    assert.ok(!(first instanceof Promise));
    assert.equal(encodingOf(name), first);
  }
});

test('the empty text has no tokens', () => {
  assert.equal(countText('', 'o200k_base'), 0);
});
