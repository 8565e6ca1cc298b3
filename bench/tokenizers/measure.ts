/**
 * What real tokenizers make of texts beside the gateway's two counts of them: prints the table of docs/limits.md and writes
 * the counts to `test/fixtures/token-counts.json`. Then searches for texts that a real tokenizer cuts finer than the bound.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ranks from 'gpt-tokenizer/bpeRanks/o200k_base';
import { packageRoot } from '../../src/lib/root.js';
import { type Counted, countTexts } from '../../src/tokens/count.js';
import { warmTokenizers } from '../../src/tokens/encodings.js';
import { type BoundFamily, boundFamilies } from '../../src/tokens/token-bounds.js';
import { type RealTokenizer, realTokenizers } from './real-tokenizers.js';
import { drawn, texts } from './texts.js';

await warmTokenizers();
const tokenizers = realTokenizers();

async function boundOf(text: string, bound: BoundFamily): Promise<number> {
  const counted: Counted = await countTexts(
    [text].values(),
    { encoding: 'o200k_base', factor: 1, exact: false, bound },
    { tokens: 0, flat: 0 },
  );
  return counted.most;
}

const names = Object.keys(texts);
const all = Object.values(texts);
const counts = new Map<RealTokenizer, number[]>();
for (const tokenizer of tokenizers) counts.set(tokenizer, await tokenizer.count(all));

const fixture = names.map((name, i) => ({
  name,
  text: texts[name]!,
  counts: Object.fromEntries(tokenizers.map((tokenizer) => [tokenizer.name, counts.get(tokenizer)![i]!])),
}));
writeFileSync(
  join(packageRoot, 'test/fixtures/token-counts.json'),
  `${JSON.stringify({ families: Object.fromEntries(tokenizers.map(({ name, family }) => [name, family])), texts: fixture }, null, 1)}\n`,
);

const tenths = (value: number): string => value.toFixed(2);
console.log(
  `| text | bytes | o200k_base | ${boundFamilies.flatMap((family) => [`${family} most measured`, 'bound']).join(' | ')} |`,
);
for (const [i, name] of names.entries()) {
  const text = texts[name]!;
  const plain = (
    await countTexts([text].values(), { encoding: 'o200k_base', factor: 1, exact: true }, { tokens: 0, flat: 0 })
  ).most;
  const cells: string[] = [];
  for (const family of boundFamilies) {
    const of = tokenizers.filter((tokenizer) => tokenizer.family === family);
    const most = of.reduce((a, b) => (counts.get(a)![i]! >= counts.get(b)![i]! ? a : b));
    const bound = await boundOf(text, family);
    const over = counts.get(most)![i]! > bound ? ' !!!' : '';
    cells.push(`${tenths(counts.get(most)![i]! / plain)} ${most.name}`, `${tenths(bound / plain)}${over}`);
  }
  console.log(`| ${name} | ${Buffer.byteLength(text)} | ${plain} | ${cells.join(' | ')} |`);
}

/** Random sequences of the encoding's own tokens, of one kind and of all kinds: the bound without its margin against the count. */
const words = ranks.filter((token): token is string => typeof token === 'string');
const kinds: Readonly<Record<string, readonly string[]>> = {
  'any tokens': words,
  'tokens of letters': words.filter((word) => /^[a-zA-Z]+$/.test(word)),
  'words of letters': words.filter((word) => /^ [a-zA-Z]+$/.test(word)),
  'short tokens': words.filter((word) => word.length <= 2),
  'signs and blanks': words.filter((word) => /^[^\p{L}\p{N}]+$/u.test(word)),
  'words in capitals': words.filter((word) => /^ ?[A-Z][A-Za-z]*$/.test(word)),
  digits: words.filter((word) => /^[0-9]+$/.test(word)),
  'not Latin': words.filter((word) => /[^\p{Script=Latin}\p{Script=Common}]/u.test(word)),
};
for (const [kind, from] of Object.entries(kinds)) {
  const samples = Array.from({ length: 600 }, (_, seed) => drawn(seed % 2 === 0 ? 4 : 60, from, seed + 1));
  for (const tokenizer of tokenizers) {
    const real = await tokenizer.count(samples);
    let worst = 0;
    let least = '';
    let over = 0;
    for (const [i, sample] of samples.entries()) {
      const bound = await boundOf(sample, tokenizer.family);
      const ratio = (real[i]! - 2) / bound; // a tokenizer may put a token or two before a text
      if (ratio > 1) over++;
      if (ratio > worst) [worst, least] = [ratio, sample];
    }
    const shown = worst > 0.95 ? ` ${JSON.stringify(least.slice(0, 60))}` : '';
    console.log(`${kind}, ${tokenizer.name}: at most ${tenths(worst)} of the bound, ${over} over it${shown}`);
  }
}
process.exit(0);
