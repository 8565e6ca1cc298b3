/**
 * Makes `src/tokens/token-bounds.bin`: for every token of `o200k_base`, the most tokens that any measured tokenizer of a family
 * makes of its bytes. A token that is no whole text by itself (a part of a character) has as many as it has bytes.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ranks from 'gpt-tokenizer/bpeRanks/o200k_base';
import { packageRoot } from '../../src/lib/root.js';
import { type BoundFamily, boundFamilies } from '../../src/tokens/token-bounds.js';
import { realTokenizers } from './real-tokenizers.js';

/** Claude marks the beginning and the end of a word and a capital: up to three tokens beside those of a letter. */
const WORD_MARKS = 3;
const BATCH = 5000;

const texts = ranks.map((token) => (typeof token === 'string' ? token : ''));
const tables = Object.fromEntries(boundFamilies.map((family) => [family, new Uint8Array(ranks.length)]));
for (const [rank, token] of ranks.entries()) {
  if (typeof token === 'string' || token === undefined) continue;
  const starts = [...token].filter((byte) => byte >= 0xc0).length;
  tables['open']![rank] = token.length;
  for (const family of ['claude', 'claude_4_7']) tables[family]![rank] = token.length + WORD_MARKS * starts;
}

/**
 * What a token stands between while it is measured. At the beginning of a text most put a space before it, so it stands at that of
 * a line. Claude marks words and leaves blanks at the ends of a text out: there it stands behind a letter or a sign.
 */
function surroundings(text: string, family: BoundFamily): readonly [before: string, after: string] {
  if (family === 'open') return ['\n', ''];
  return [/^\s/.test(text) ? 'a' : '.', /\s$/.test(text) ? 'a' : ''];
}

for (const { name, family, count } of realTokenizers()) {
  const table = tables[family]!;
  const startedMs = performance.now();
  const alone = new Map<string, number>([['', 0]]);
  for (const text of ['\n', 'a', '.']) alone.set(text, (await count([text]))[0] ?? 0);
  for (let from = 0; from < texts.length; from += BATCH) {
    const batch = texts.slice(from, from + BATCH);
    const around = batch.map((text) => surroundings(text, family));
    const counts = await count(batch.map((text, i) => around[i]![0] + text + around[i]![1]));
    for (const [i, total] of counts.entries()) {
      if (batch[i] === '') continue;
      const own = total - alone.get(around[i]![0])! - alone.get(around[i]![1])!;
      table[from + i] = Math.max(table[from + i]!, Math.min(255, Math.max(1, own)));
    }
  }
  console.log(`${name}: ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
}
/** Claude's marks go by words: a token that goes on where another ended can cut a word or a number at another place. */
for (const [rank, text] of texts.entries()) {
  if (!/^[\p{L}\p{N}]/u.test(text)) continue;
  // Capitals behind other letters are no word in capitals, but single letters.
  const least = /^\p{Lu}{3,}$/u.test(text) ? text.length : 0;
  for (const family of ['claude', 'claude_4_7'])
    tables[family]![rank] = Math.min(255, Math.max(least, tables[family]![rank]! + 1));
}

writeFileSync(
  join(packageRoot, 'src/tokens/token-bounds.bin'),
  Buffer.concat(boundFamilies.map((family) => tables[family]!)),
);
process.exit(0);
