/**
 * What vectors do not see. Two prompts may be close and still ask for different things: another number, another name, the
 * opposite. Each guard is a plain rule that two texts pass or not, and has a name under which its rejections are counted.
 * Deterministic, well below a tenth of a millisecond a pair, and no claim to understand language: what no guard speaks
 * against may still be wrong.
 */
import { languages, negators, numberWords, opposites, questionKinds, stopWords } from './guard-words.js';

export const guardNames = [
  'literals',
  'numbers',
  'negation',
  'opposites',
  'direction',
  'entities',
  'question',
  'language',
  'length',
  'overlap',
  'order',
] as const;
export type Guard = (typeof guardNames)[number];

/** A text as the guards read it; made once for each. */
export interface Signature {
  readonly words: readonly string[];
  readonly content: readonly string[];
  readonly contentSet: ReadonlySet<string>;
  readonly numbers: string;
  readonly literals: string;
  readonly entities: ReadonlySet<string>;
  readonly negated: boolean;
  /** Row of `opposites` -> bits of the sides that occur. */
  readonly sides: ReadonlyMap<number, number>;
  readonly direction: string | null;
  readonly question: string | null;
  readonly language: string | null;
  readonly script: string;
}

/** Word -> rows and sides. */
const sideOf = new Map<string, [row: number, bit: number][]>();
opposites.forEach((row, at) => {
  row.forEach((side, i) => {
    for (const word of side) sideOf.set(word, [...(sideOf.get(word) ?? []), [at, 1 << i]]);
  });
});

const URLS = /\b(?:https?:\/\/|www\.)\S+|\b[\w.+-]+@[\w-]+\.[\w.]+/gi;
const QUOTED = /```[\s\S]*?```|`[^`]+`|"[^"]{2,}"|“[^”]{2,}”/g;
const CODE = /\b(?:[a-z]+_[a-z_]+|[a-z]+[A-Z]\w*|\w+\.\w+\(|\w+\(\)|--[a-z][\w-]+)/g;
const NUMBER = /[$€£¥]?\d+(?:[.,:/-]\d+)*(?:st|nd|rd|th|%|[a-z]{1,2}\b)?/gi;

export function signatureOf(text: string): Signature {
  const literals = [...matches(text, URLS), ...matches(text, QUOTED), ...matches(text, CODE)].sort().join('\0');
  const plain = text.replace(URLS, ' ').replace(/[’‘]/g, "'");
  const lower = plain.toLowerCase();
  const words = lower.match(/[\p{L}\p{N}]+(?:'[\p{L}]+)?/gu) ?? [];
  const content = words
    .map((word) => word.replace(/'.*$/, ''))
    .filter((word) => !stopWords.has(word))
    .map(stem);
  return {
    words,
    content,
    contentSet: new Set(content),
    numbers: numbersIn(lower, words),
    literals,
    entities: entitiesIn(plain),
    negated: words.filter((word) => negators.has(word) || word.endsWith("n't")).length % 2 === 1,
    sides: sidesIn(words),
    direction: directionIn(lower),
    question: questionKinds.find(([, pattern]) => pattern.test(lower))?.[0] ?? null,
    language: languageOf(words),
    script: scriptOf(text),
  };
}

/** The first guard that speaks against the two sharing an answer; null where none does. */
export function objection(one: Signature, two: Signature, strict: boolean): Guard | null {
  if (one.script !== two.script || (one.language && two.language && one.language !== two.language)) return 'language';
  if (one.literals !== two.literals) return 'literals';
  if (one.numbers !== two.numbers) return 'numbers';
  if (one.negated !== two.negated) return 'negation';
  if (opposed(one.sides, two.sides)) return 'opposites';
  if (one.direction !== null && two.direction !== null && one.direction !== two.direction) return 'direction';
  if (swapped(one.entities, two.entities)) return 'entities';
  if (one.question && two.question && one.question !== two.question) return 'question';
  const [short, long] = [one.content.length, two.content.length].sort((a, b) => a - b) as [number, number];
  if (long > 4 && long > short * 2.5) return 'length';
  const common = [...one.contentSet].filter((word) => two.contentSet.has(word)).length;
  const all = one.contentSet.size + two.contentSet.size - common;
  if (strict && all > 0 && common / all < 0.1) return 'overlap';
  const reordered = inverted(one.content, two.content);
  if (reordered && (common === all || (strict && common / all >= 0.8))) return 'order';
  return null;
}

const matches = (text: string, pattern: RegExp): string[] => text.match(pattern) ?? [];

/** So crude that it is predictable: enough to see the same word in another form. */
const stem = (word: string): string =>
  word.length > 4 ? word.replace(/(?:ies|ied)$/, 'y').replace(/(?:ing|ed|es|s)$/, '') : word;

function numbersIn(lower: string, words: readonly string[]): string {
  const digits = matches(lower, NUMBER).map((written) => written.replace(/^0+(?=\d)/, '').replace(/,(?=\d{3}\b)/g, ''));
  const spelled = words.flatMap((word) => numberWords.get(word) ?? []);
  return [...new Set([...digits, ...spelled])].sort().join(' ');
}

/** Names as far as writing shows them: capitals inside a sentence, acronyms, letters mixed with digits. */
function entitiesIn(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  const letters = text.replace(/[^\p{L}]/gu, '');
  const shouted = letters.length > 0 && letters === letters.toUpperCase();
  let first = true;
  for (const [token] of text.matchAll(/[\p{L}\p{N}][\p{L}\p{N}'-]*|[.!?:\n]/gu)) {
    if (/^[.!?:\n]$/.test(token)) {
      first = true;
      continue;
    }
    const mixed = /\p{L}/u.test(token) && /\p{N}/u.test(token);
    const capital = /^\p{Lu}/u.test(token) && !/^I(?:'|$)/.test(token);
    const acronym = /^\p{Lu}{2,}$/u.test(token);
    if (mixed || (!shouted && (acronym || (capital && !first)))) found.add(token.toLowerCase().replace(/'s$/, ''));
    first = false;
  }
  return found;
}

/** Each names something that the other does not. */
function swapped(one: ReadonlySet<string>, two: ReadonlySet<string>): boolean {
  const lacks = (from: ReadonlySet<string>, name: string): boolean => !from.has(name);
  return [...one].some((name) => lacks(two, name)) && [...two].some((name) => lacks(one, name));
}

function sidesIn(words: readonly string[]): ReadonlyMap<number, number> {
  const sides = new Map<number, number>();
  for (const word of words) {
    for (const [row, bit] of sideOf.get(word) ?? []) sides.set(row, (sides.get(row) ?? 0) | bit);
  }
  return sides;
}

function opposed(one: ReadonlyMap<number, number>, two: ReadonlyMap<number, number>): boolean {
  for (const [row, bits] of one) {
    const other = two.get(row);
    if (other !== undefined && (bits & other) === 0) return true;
  }
  return false;
}

function directionIn(lower: string): string | null {
  const found =
    /\bfrom (?:my |the |a |an )?([\p{L}\p{N}]+)(?: [\p{L}\p{N}]+){0,3}? (?:to|into) (?:my |the |a |an )?([\p{L}\p{N}]+)/u.exec(
      lower,
    );
  return found ? `${found[1]}>${found[2]}` : null;
}

/** Two words that both texts have, in the other order. */
function inverted(one: readonly string[], two: readonly string[]): boolean {
  const common = [...new Set(one)].filter((word) => two.includes(word));
  const order = common.map((word) => two.indexOf(word));
  return order.some((place, i) => i > 0 && place < order[i - 1]!);
}

function languageOf(words: readonly string[]): string | null {
  let best: string | null = null;
  let most = 1;
  for (const [name, small] of languages) {
    const hits = new Set(words.filter((word) => small.has(word))).size;
    if (hits > most) [best, most] = [name, hits];
    else if (hits === most && best) best = null;
  }
  return best;
}

const SCRIPTS = [
  'Latin',
  'Cyrillic',
  'Greek',
  'Arabic',
  'Hebrew',
  'Han',
  'Hiragana',
  'Katakana',
  'Hangul',
  'Devanagari',
  'Thai',
] as const;
const scripts = SCRIPTS.map((name) => [name, new RegExp(`\\p{Script=${name}}`, 'gu')] as const);

/** The script of most letters. */
function scriptOf(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return 'Latin';
  let best = 'Latin';
  let most = 0;
  for (const [name, pattern] of scripts) {
    const count = matches(text, pattern).length;
    if (count > most) [best, most] = [name, count];
  }
  return best;
}
