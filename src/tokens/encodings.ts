/**
 * The two encodings, each read once per process. Reading one stops the event loop for about a tenth of a second, so
 * `warmTokenizers` is called before a server listens; a count that comes earlier waits for the same promise.
 */
import { type Counter, Encoding, type EncodingName, quarterBytes } from './encoding.js';

const loaded = new Map<EncodingName, Counter>([['quarter_bytes', quarterBytes]]);
const loading = new Map<EncodingName, Promise<Counter>>();

/** Reads both encodings, so that every later count of a small text is synchronous. */
export async function warmTokenizers(): Promise<void> {
  await encodingOf('o200k_base');
  await encodingOf('cl100k_base');
}

/** The encoding, at once where it has been read. */
export function encodingOf(name: EncodingName): Counter | Promise<Counter> {
  const ready = loaded.get(name);
  if (ready) return ready;
  let pending = loading.get(name);
  if (!pending) {
    pending = read(name);
    loading.set(name, pending);
  }
  return pending;
}

async function read(name: EncodingName): Promise<Counter> {
  const o200k = name === 'o200k_base';
  const ranks = o200k
    ? await import('gpt-tokenizer/bpeRanks/o200k_base')
    : await import('gpt-tokenizer/bpeRanks/cl100k_base');
  const encoding = new Encoding(ranks.default, o200k ? o200kSplit : cl100kSplit, { cased: o200k });
  // The engine compiles a pattern apart for texts with and without wide characters, on first use and again on the second.
  for (const text of ['warm', 'w\u00e4rm \u6e29', 'warm', 'w\u00e4rm \u6e29'])
    encoding.window(text, 0, { tokens: 0, beyond: 0 });
  loaded.set(name, encoding);
  return encoding;
}

// The published split patterns, put into JavaScript's syntax. White space is asked for by its property because `\s` is not
// the reference's: JavaScript's holds U+FEFF and lacks U+0085. Letters that Unicode gained after the reference was made
// (some 4,700 rare ones in version 17) may be split in another place; every other text is split alike.
const space = String.raw`\p{White_Space}`;
const contraction = "'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])";
const lead = String.raw`[^\r\n\p{L}\p{N}]?`;
const upper = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const lower = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
const digits = String.raw`\p{N}{1,3}`;
const symbols = String.raw` ?[^${space}\p{L}\p{N}]+`;
const blanks = String.raw`${space}*[\r\n]+|${space}+(?![^${space}])|${space}+`;

const o200kSplit = new RegExp(
  `${lead}${upper}*${lower}+(?:${contraction})?|${lead}${upper}+${lower}*(?:${contraction})?|${digits}|${symbols}[\\r\\n/]*|${blanks}`,
  'gu',
);
const cl100kSplit = new RegExp(`${contraction}|${lead}\\p{L}+|${digits}|${symbols}[\\r\\n]*|${blanks}`, 'gu');
