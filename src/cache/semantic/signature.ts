/**
 * A prompt as the comparison reads it. In English every word is sorted: it means nothing, or it is grammar and has to agree,
 * or it is content and needs a counterpart. In other languages all words but articles and courtesies are content, and only
 * the very same words are counterparts.
 */
import { withoutTrailing } from '../../lib/without-trailing.js';
import {
  auxiliaries,
  contractions,
  emptyWords,
  endings,
  type GrammarClass,
  grammar,
  irregular,
  notPast,
  participleMarks,
  participles,
  pastForms,
  takesIs,
} from './english.js';
import { framed } from './english-frames.js';
import { phrases } from './english-phrases.js';
import { numberWords, opposites, units } from './guard-words.js';
import { emptyIn, languageOf, scriptOf } from './languages.js';
import { stemOf } from './word-forms.js';

/** A word that needs a counterpart. */
export interface ContentWord {
  readonly word: string;
  readonly stem: string;
  /** Where it begins in the text; -1: it does not stand there as it is. */
  readonly at: number;
  /** A name, or a word with digits in it: only itself is its counterpart. */
  readonly isName: boolean;
  /** The preposition before it, with no other content between. */
  readonly preposition: string | null;
  /** `and` or `or` is between it and the content word before it. */
  readonly joined: boolean;
}

export interface Signature {
  readonly words: readonly string[];
  readonly language: string | null;
  readonly script: string;
  /** Quoted words, addresses and code, in their order. */
  readonly literals: string;
  /** Numbers and operators, in their order. */
  readonly numbers: string;
  readonly grammar: ReadonlyMap<GrammarClass, string>;
  readonly content: readonly ContentWord[];
  /** Row of `opposites` -> bits of the sides that occur. */
  readonly sides: ReadonlyMap<number, number>;
}

/** Bounded, so that marks that are never closed cost nothing. */
const QUOTED =
  /```[^`]{1,4000}```|`[^`]{1,1000}`|"[^"]{1,1000}"|“[^“”]{1,1000}”|«[^«»]{1,1000}»|„[^„“”]{1,1000}[“”]|(?<![\p{L}\p{N}])'[^']{1,200}'(?![\p{L}\p{N}])/gu;
/** Addresses, paths, options, names of code: what stands between two spaces and looks like one of them. */
const CODE = /^--?[a-z]|:\/\/|^www\.|\w@\w|\w_\w|\w\/\w|^[~.]?\/\w|\w\.[a-z_]|\w\(/i;
const LONGEST_WORD = 60;
const TOKEN =
  /(\p{L}[\p{L}\p{M}\p{N}]*(?:'\p{L}+)?)|([$€£¥₹]?\p{N}+(?:[.,:]\p{N}+)*(?:[\p{L}\p{M}%°]+)?)|([^\s\p{L}\p{N}\p{M}])/gu;
/** Marks of punctuation that mean nothing where they do not stand beside digits. */
const PUNCTUATION = new Set([...'.,;:!?\'"()[]…–—-“”„«»¿¡']);
const FREE_ALWAYS = new Set([...'.,;?\'"…“”„«»¿¡']);

interface Token {
  readonly word: string;
  readonly at: number;
  readonly written: string;
  readonly starts: boolean;
}

export function signatureOf(text: string): Signature {
  const { plain, literals } = withoutLiterals(text.replace(/[’‘]/g, "'"));
  const { tokens, exact } = tokensOf(plain);
  const language = languageOf(tokens.map(({ word }) => word));
  const script = scriptOf(text);
  const words = tokens.map(({ word }) => word);
  const reading = language === 'en' ? english(tokens, exact) : verbatim(tokens, language);
  return {
    ...{ words, language, script, literals, sides: sidesIn(words) },
    numbers: inOrder(exact),
    ...reading,
  };
}

/** What is quoted, addressed or code, cut out so that all else stays in its place. */
function withoutLiterals(text: string): { plain: string; literals: string } {
  const found: { at: number; what: string }[] = [];
  const cut = (plain: string, pattern: RegExp, isLiteral: (what: string) => boolean): string => {
    let rest = '';
    let end = 0;
    for (const { 0: what, index: at } of plain.matchAll(pattern)) {
      if (!isLiteral(what)) continue;
      found.push({ at, what: withoutTrailing(what, '.,;:!?') });
      rest += plain.slice(end, at) + ' '.repeat(what.length);
      end = at + what.length;
    }
    return rest + plain.slice(end);
  };
  const unquoted = cut(text, QUOTED, () => true);
  const plain = cut(unquoted, /\S+/g, (what) => what.length > LONGEST_WORD || CODE.test(what));
  found.sort((a, b) => a.at - b.at);
  return { plain, literals: found.map(({ what }) => what).join('\0') };
}

interface Exact {
  readonly at: number;
  readonly what: string;
}

export const inOrder = (exact: readonly Exact[]): string =>
  exact
    .toSorted((a, b) => a.at - b.at)
    .map(({ what }) => what)
    .join(' ');

/** Words in their order, and the numbers and signs between them, which must be the very same. */
export function tokensOf(plain: string): { tokens: Token[]; exact: Exact[] } {
  const tokens: Token[] = [];
  const exact: Exact[] = [];
  let starts = true;
  for (const match of plain.matchAll(TOKEN)) {
    const [written, word, number, sign] = match;
    const at = match.index;
    if (word !== undefined) {
      const meridiem = /^[ap]m$/i.test(word) && exact.at(-1)?.at === at - 1 - (exact.at(-1)?.what.length ?? 0);
      if (meridiem) exact.push({ at, what: word.toLowerCase() });
      else tokens.push({ word: word.toLowerCase(), at, written, starts });
      starts = false;
    } else if (number !== undefined) {
      exact.push({ at, what: plainNumber(number) });
      starts = false;
    } else {
      if (!isFree(sign!, plain, at)) exact.push({ at, what: sign! });
      if (/[.!?:;,\n]/.test(sign!)) starts = true;
    }
  }
  return { tokens, exact };
}

const plainNumber = (written: string): string =>
  written
    .toLowerCase()
    .replace(/,(?=\p{N}{3}(?!\p{N}))/gu, '')
    .replace(/^0+(?=\p{N})/u, '');

/** A hyphen between words and a bracket round them are free; beside digits they are a sign. */
function isFree(sign: string, plain: string, at: number): boolean {
  if (FREE_ALWAYS.has(sign)) return true;
  if (!PUNCTUATION.has(sign)) return false;
  const beside = `${plain[at - 1] ?? ' '}${plain[at + 1] ?? ' '}`;
  if (sign === '!' || sign === ':') return !/\p{N}/u.test(beside[0]!) || sign === ':';
  if (sign === '-' || sign === '–' || sign === '—') {
    const around = plain.slice(Math.max(0, at - 2), at + 3);
    return !/\p{N}/u.test(around);
  }
  return !/[\p{N}+*/=^-]/u.test(beside);
}

type Reading = Pick<Signature, 'grammar' | 'content'>;

const noGrammar: ReadonlyMap<GrammarClass, string> = new Map();

function verbatim(tokens: readonly Token[], language: string | null): Reading {
  const empty = emptyIn(language);
  const content = tokens
    .filter(({ word }) => !empty.has(word))
    .map(({ word, at }) => ({ word, stem: word, at, isName: true, preposition: null, joined: false }));
  return { grammar: noGrammar, content };
}

function english(tokens: readonly Token[], exact: Exact[]): Reading {
  const read = phrased(framed(expanded(tokens)));
  const labels = new Map<GrammarClass, string[]>();
  const add = (kind: GrammarClass, label: string): void => {
    const all = labels.get(kind);
    if (all) all.push(label);
    else labels.set(kind, [label]);
  };
  const content: ContentWord[] = [];
  const names = namesIn(tokens);
  let preposition: string | null = null;
  let joined = false;
  let asks = false;
  for (const [i, token] of read.entries()) {
    const { word } = token;
    if (token.starts && auxiliaries.has(word) && !['not', 'never'].includes(read[i + 1]?.word ?? ''))
      add('question', '#yesno');
    const known = grammar.get(word);
    if (known && !names.has(token.at)) {
      const [kind, label] = known;
      if (kind === 'question') asks = true;
      // "Where can I", "how do you": whoever asks, and that it can be done, is no part of the question.
      if (
        !(
          asks &&
          (label === 'can' || label === '#may') &&
          read[i - 1] &&
          grammar.get(read[i - 1]!.word)?.[0] === 'question'
        )
      )
        add(kind, label);
      if (kind === 'relation' || kind === 'question') preposition = label;
      if (label === 'or') joined = true;
      continue;
    }
    if (prepositions.has(word)) preposition = word;
    if (word === 'and') joined = true;
    if (speaker.has(word)) add('person', 'i');
    if (emptyWords.has(word) && !names.has(token.at)) continue;
    // "Why do floods happen", "what causes floods": that they do is what both ask about.
    if (happening.has(word) && labels.get('question')?.includes('why')) continue;
    const value = numberWords.get(word);
    if (value !== undefined) {
      exact.push({ at: token.at, what: value });
      continue;
    }
    if (isPast(read, i)) add('tense', 'past');
    const isName = names.has(token.at) || /\p{N}/u.test(word);
    content.push({
      word,
      stem: units.get(word) ?? stemOf(word),
      at: token.at,
      isName: isName || units.has(word),
      preposition,
      joined,
    });
    preposition = null;
    joined = false;
  }
  return { grammar: new Map([...labels].map(([kind, all]) => [kind, joinedLabels(kind, all)])), content };
}

/** Of persons the order counts, of negations how many there are, of all else which. Nobody but the speaker is nobody. */
function joinedLabels(kind: GrammarClass, all: readonly string[]): string {
  if (kind === 'person') return all.some((label) => label !== 'i') ? all.join(' ') : '';
  return (kind === 'negation' ? [...all] : [...new Set(all)]).sort().join(' ');
}

const happening: ReadonlySet<string> = new Set(['happen', 'happens', 'occur', 'occurs']);
const speaker: ReadonlySet<string> = new Set(['i', 'me', 'we', 'us', 'myself']);
const prepositions: ReadonlySet<string> = new Set(['of', 'in', 'on', 'at', 'to', 'for', 'into', 'onto', 'as']);

/** Contractions as the words that they stand for. */
export function expanded(tokens: readonly Token[]): Token[] {
  return tokens.flatMap((token): Token[] => {
    const { word } = token;
    const whole = contractions.get(word);
    if (whole) return whole.map((part, i) => ({ ...token, word: part, starts: token.starts && i === 0 }));
    const apostrophe = word.indexOf("'");
    if (apostrophe === -1) return [token];
    const [base, ending] = [word.slice(0, apostrophe), word.slice(apostrophe)];
    const rest = { ...token, starts: false };
    if (ending === "'t" && base.endsWith('n'))
      return [
        { ...token, word: base.slice(0, -1) },
        { ...rest, word: 'not' },
      ];
    if (ending === "'s" && takesIs.has(base))
      return [
        { ...token, word: base },
        { ...rest, word: 'is' },
      ];
    return [{ ...token, word: base }, ...(endings.get(ending) ?? []).map((part) => ({ ...rest, word: part }))];
  });
}

/** Phrases as what they are read as. */
function phrased(tokens: readonly Token[]): Token[] {
  const read: Token[] = [];
  let starts = false;
  for (let i = 0; i < tokens.length; ) {
    const token = tokens[i]!;
    starts ||= token.starts;
    const phrase = phrases
      .get(token.word)
      ?.find(
        ({ words, startOnly }) => (!startOnly || starts) && words.every((word, k) => tokens[i + k]?.word === word),
      );
    if (phrase) {
      for (const word of phrase.becomes) read.push({ ...token, word, starts: false, at: -1 });
      // What follows a courtesy begins the sentence.
      if (phrase.becomes.length > 0) starts = false;
      i += phrase.words.length;
      continue;
    }
    read.push({ ...token, starts });
    if (!courtesies.has(token.word)) starts = false;
    i += 1;
  }
  return read;
}

const courtesies: ReadonlySet<string> = new Set([
  'please',
  'kindly',
  'hello',
  'hi',
  'hey',
  'thanks',
  'so',
  'and',
  'then',
  'also',
]);

const endsAsPast = (word: string): boolean => word.length > 4 && word.endsWith('ed') && !notPast.has(word);

/** A past: a form of its own that no auxiliary makes a participle, or a participle after `have`. */
function isPast(read: readonly Token[], i: number): boolean {
  const { word } = read[i]!;
  if (!pastForms.has(word) && !irregular.has(word) && !endsAsPast(word)) return false;
  const before = read.slice(Math.max(0, i - 3), i).map((token) => token.word);
  if (before.some((one) => one === 'has' || one === 'have' || one === 'having'))
    return pastForms.has(word) || participles.has(word) || endsAsPast(word);
  return (pastForms.has(word) || endsAsPast(word)) && !before.some((one) => participleMarks.has(one));
}

/** Places of names, as far as writing shows them: capitals inside a sentence, acronyms, capitals inside a word. */
function namesIn(tokens: readonly Token[]): ReadonlySet<number> {
  const capital = ({ written, starts }: Token): boolean =>
    !starts && /^\p{Lu}/u.test(written) && !/^I(?:'|$)/.test(written);
  const inner = tokens.filter(({ starts }) => !starts);
  // A title, or a text in capitals: they tell nothing.
  const titled = inner.length > 3 && inner.filter(capital).length > 0.8 * inner.length;
  const shouted = tokens.every(({ written }) => written === written.toUpperCase());
  const isName = (token: Token): boolean =>
    !courtesies.has(token.word) &&
    ((!shouted && /^\p{Lu}{2,}|\p{Ll}\p{Lu}/u.test(token.written)) || (!titled && capital(token)));
  return new Set(tokens.filter(isName).map(({ at }) => at));
}

/** Word -> rows and sides. */
const sideOf = new Map<string, [row: number, bit: number][]>();
opposites.forEach((row, at) => {
  row.forEach((side, i) => {
    for (const word of side) sideOf.set(word, [...(sideOf.get(word) ?? []), [at, 1 << i]]);
  });
});

function sidesIn(words: readonly string[]): ReadonlyMap<number, number> {
  const sides = new Map<number, number>();
  for (const word of words)
    for (const [row, bit] of sideOf.get(word) ?? []) sides.set(row, (sides.get(row) ?? 0) | bit);
  return sides;
}
