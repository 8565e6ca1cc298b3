/**
 * The bound of a count against what real tokenizers made of the same texts: `token-counts.json` holds their counts, which
 * `bench/tokenizers` took. No tokenizer makes more of a text than its family's bound says, in any script.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import fc from 'fast-check';
import { chatCountables } from '../../src/formats/openai-chat/countables.js';
import { packageRoot } from '../../src/lib/root.js';
import type { CountingRule } from '../../src/provider/provider-type.js';
import { type Counted, countTexts } from '../../src/tokens/count.js';
import { warmTokenizers } from '../../src/tokens/encodings.js';
import { countRequest, estimate } from '../../src/tokens/estimate.js';
import { type BoundFamily, boundFamilies, boundsOf } from '../../src/tokens/token-bounds.js';

interface Fixture {
  readonly families: Readonly<Record<string, BoundFamily>>;
  readonly texts: readonly {
    readonly name: string;
    readonly text: string;
    readonly counts: Readonly<Record<string, number>>;
  }[];
}

const fixture = JSON.parse(readFileSync(join(packageRoot, 'test/fixtures/token-counts.json'), 'utf8')) as Fixture;
const rule = (bound?: BoundFamily): CountingRule => ({
  encoding: 'o200k_base',
  factor: 1.1,
  exact: false,
  ...(bound && { bound }),
});
const countOf = async (text: string, bound?: BoundFamily): Promise<Counted> =>
  countTexts([text].values(), rule(bound), { tokens: 0, flat: 0 });
const named = (name: string) => fixture.texts.find((one) => one.name === name)!;

const asked = (request: object) => ({ countables: () => chatCountables(request) });

before(warmTokenizers);

describe('no real tokenizer makes more of a text than its bound', () => {
  for (const { name, text, counts } of fixture.texts) {
    test(name, async () => {
      // Long texts, so that a token before the text counts for nothing; each repetition at another place of a window.
      const times = Math.ceil(5000 / text.length);
      for (const [tokenizer, tokens] of Object.entries(counts)) {
        const family = fixture.families[tokenizer]!;
        const { most } = await countOf(text.repeat(times), family);
        // Repeated, a text has no more tokens than so many of it, but for one where they meet.
        assert.ok(most >= tokens * times - times, `${tokenizer}: ${tokens * times} of at most ${most}`);
        assert.ok((await countOf(text, family)).most + 2 >= tokens, `${tokenizer}: ${tokens}`);
      }
    });
  }
});

test('the measurement has the scripts and the tokenizers that it says', () => {
  assert.ok(Object.keys(fixture.families).length >= 14);
  for (const family of boundFamilies) assert.ok(Object.values(fixture.families).includes(family), family);
  for (const name of [
    'Georgian',
    'Hindi',
    'Thai',
    'Burmese',
    'Tibetan',
    'Amharic',
    'Base64',
    'Control characters',
    'Emoji',
  ])
    assert.ok(named(name), name);
});

test('English prose is held at little more than it has', async () => {
  const { text, counts } = named('English');
  for (const [family, tokenizer, most] of [
    ['open', 'Llama 3.1', 1.25],
    ['claude', 'Claude 3 to 4.6', 1.35],
    ['claude_4_7', 'Claude 4.7 and later', 1.35],
  ] as const) {
    const bound = (await countOf(text, family)).most;
    assert.ok(bound <= counts[tokenizer]! * most, `${family}: ${bound} for ${counts[tokenizer]}`);
  }
});

test('rates expect what they did, and budgets the most: of Georgian at a Llama more than six times as much', async () => {
  const { text, counts } = named('Georgian');
  const { expected, most } = await countOf(text);
  assert.ok(counts['Llama 3.1']! > 4 * expected);
  assert.ok(most > counts['Llama 3.1']!);
  const request = asked({ messages: [{ role: 'user', content: text }] });
  const counted = await countRequest(request, rule(), 'llama-3');
  assert.equal(await estimate(request, rule(), 'llama-3'), counted.expected);
  assert.ok(counted.most > most);
});

test('a count by the model’s own encoding is its own bound', async () => {
  const request = asked({ messages: [{ role: 'user', content: named('Mixed').text }] });
  const { expected, most } = await countRequest(request, { encoding: 'o200k_base', factor: 1, exact: true }, 'gpt-4o');
  assert.equal(most, expected);
});

test('the frames of many short messages are bounded too', async () => {
  const messages = Array.from({ length: 500 }, () => ({ role: 'user', content: 'Hi' }));
  const { most } = await countRequest(asked({ messages }), rule(), 'llama-3');
  // A template of words: <|im_start|>user, a line break, <|im_end|>, a line break.
  assert.ok(most >= 500 * 10, String(most));
});

test('the bound is never less than what is expected, and never less than the text in any normal form needs', () => {
  fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 60 }), async (text) => {
      for (const family of boundFamilies) {
        const { expected, most } = await countOf(text, family);
        assert.ok(most >= expected);
      }
      const symbol = '\ufdfa'.repeat(20); // each becomes eighteen characters
      assert.ok((await countOf(symbol, 'claude')).most >= Buffer.byteLength(symbol.normalize('NFKC')));
    }),
    { numRuns: 50 },
  );
});

test('a text that is too long to be counted is bounded by its bytes', async () => {
  const text = 'გამარჯობა '.repeat(600_000);
  const { most } = await countOf(text);
  assert.ok(most >= 0.5 * Buffer.byteLength(text) && most <= 1.2 * Buffer.byteLength(text));
});

test('the table has a figure for every token', () => {
  for (const family of boundFamilies) {
    const { perToken } = boundsOf(family);
    assert.equal(perToken.length, 199_998);
    assert.ok(
      perToken.every((most) => most >= 1),
      family,
    );
  }
});
