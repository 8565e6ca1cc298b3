/**
 * Whether two prompts ask for the same, word by word. What stands in one and has no counterpart in the other forbids it, in
 * both directions: grammar has to agree, numbers, signs, names and quoted words have to be the very same, and every other
 * word needs the same word in the other prompt, or one that a model of language takes for the same in its place. Which words
 * are left to the model is what `compare` answers; how near they are is asked of the embedding process.
 */
import type { GrammarClass } from './english.js';
import type { ContentWord, Signature } from './signature.js';
import { contrast } from './word-forms.js';

export const objections = [
  'language',
  'literals',
  'numbers',
  'negation',
  'quantity',
  'modality',
  'tense',
  'person',
  'question',
  'relation',
  'opposites',
  'words',
  'order',
  'counterpart',
] as const;
export type Objection = (typeof objections)[number];

/** Two words, by their places in the two texts. */
export type WordPair = readonly [one: number, two: number];

export type Comparison =
  | { readonly objection: Objection }
  /** The same, if the model takes these for the same. */
  | { readonly pairs: readonly WordPair[] };

/** More words than that in other words is another prompt. */
const MOST_PAIRS = 3;
/** In a longer text the vector of a word says less of the word and more of the text: only the same words count. */
const LONG_PROMPT = 20;

export const classes: readonly GrammarClass[] = [
  'negation',
  'quantity',
  'modality',
  'tense',
  'person',
  'question',
  'relation',
];

/** How many of so many words of content may be other words. */
export const mostPairs = (words: number): number => (words > LONG_PROMPT ? 0 : MOST_PAIRS);

export function compare(one: Signature, two: Signature): Comparison {
  if (one.script !== two.script || one.language !== two.language) return { objection: 'language' };
  if (one.literals !== two.literals) return { objection: 'literals' };
  if (one.numbers !== two.numbers) return { objection: 'numbers' };
  for (const kind of classes) {
    if ((one.grammar.get(kind) ?? '') !== (two.grammar.get(kind) ?? '')) return { objection: kind };
  }
  if (opposed(one.sides, two.sides)) return { objection: 'opposites' };
  const matched = sameWords(one.content, two.content);
  const left = one.content.flatMap((word, i) => (matched.has(i) ? [] : [{ word, i }]));
  const taken = new Set(matched.values());
  const right = two.content.flatMap((word, j) => (taken.has(j) ? [] : [{ word, j }]));
  if (left.length !== right.length || left.length > mostPairs(one.content.length)) return { objection: 'words' };
  const pairs: WordPair[] = [];
  for (const [k, { word, i }] of left.entries()) {
    const { word: other, j } = right[k]!;
    if (!mayStandFor(word, other)) return { objection: 'words' };
    matched.set(i, j);
    pairs.push([word.at, other.at]);
  }
  if (!inOrder(one.content, two.content, matched)) return { objection: 'order' };
  return { pairs };
}

/** Index in the one -> index in the other, of words that are the same but for their form. */
function sameWords(one: readonly ContentWord[], two: readonly ContentWord[]): Map<number, number> {
  const places = new Map<string, number[]>();
  for (let j = two.length - 1; j >= 0; j--) {
    const { stem } = two[j]!;
    const all = places.get(stem);
    if (all) all.push(j);
    else places.set(stem, [j]);
  }
  const matched = new Map<number, number>();
  for (const [i, { stem }] of one.entries()) {
    const j = places.get(stem)?.pop();
    if (j !== undefined) matched.set(i, j);
  }
  return matched;
}

/** Whether the model is asked at all. */
function mayStandFor(one: ContentWord, two: ContentWord): boolean {
  return !one.isName && !two.isName && one.at >= 0 && two.at >= 0 && !contrast(one.word, two.word);
}

function opposed(one: ReadonlyMap<number, number>, two: ReadonlyMap<number, number>): boolean {
  for (const [row, bits] of one) {
    const other = two.get(row);
    if (other !== undefined && bits !== other) return true;
  }
  return false;
}

/**
 * The counterparts stand in the same order. Two neighbours may change places where grammar says that it is the same (`capital
 * of France` and `France's capital`, `rice and beans` and `beans and rice`), and what a preposition begins may stand first or
 * last (`In my app, I see ...` and `I see ... in my app`).
 */
function inOrder(
  one: readonly ContentWord[],
  two: readonly ContentWord[],
  matched: ReadonlyMap<number, number>,
): boolean {
  return withNeighbours(one, two, matched) || withFront(one, two, matched);
}

function withNeighbours(
  one: readonly ContentWord[],
  two: readonly ContentWord[],
  matched: ReadonlyMap<number, number>,
): boolean {
  for (let i = 0; i < one.length; i++) {
    const j = matched.get(i)!;
    if (j === i) continue;
    if (j !== i + 1 || matched.get(i + 1) !== i) return false;
    const [a, b] = [one[i + 1]!, two[i + 1]!];
    const links = [a.preposition, b.preposition];
    const genitive = links.includes(null) && (links.includes('of') || links.includes('in')) && !a.joined && !b.joined;
    if (!genitive && !(a.joined && b.joined)) return false;
    i += 1;
  }
  return true;
}

function withFront(
  one: readonly ContentWord[],
  two: readonly ContentWord[],
  matched: ReadonlyMap<number, number>,
): boolean {
  const many = one.length;
  const moved = matched.get(0) ?? 0;
  for (let i = 0; i < many; i++) if (matched.get(i) !== (i + moved) % many) return false;
  const alike = (a: ContentWord | undefined, b: ContentWord | undefined): boolean =>
    a !== undefined && b !== undefined && a.preposition !== null && a.preposition === b.preposition;
  return alike(one[many - moved], two[0]) || alike(one[0], two[moved]);
}
