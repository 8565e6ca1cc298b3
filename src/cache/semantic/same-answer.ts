/**
 * Whether two answers say the same: equal numbers; or equal JSON; or equal but for spaces, case and punctuation; else near
 * by meaning, in the same language and of like length. Both have the same numbers, signs and negations too. The last is a
 * guess that errs towards no: an answer that is told again is then one that was told before, or nearly so. An answer is read
 * once: what is compared is its sketch, which is small. Of two very long ones only the very same text is the same.
 */
import { createHash } from 'node:crypto';
import { canonical } from '../canonical.js';
import { numberWords } from './guard-words.js';
import { languageOf, negationOf } from './languages.js';
import { expanded, inOrder, tokensOf } from './signature.js';

/** What of an answer is compared. */
export interface AnswerSketch {
  readonly chars: number;
  /** Short enough to be compared as a whole; else its beginning is. */
  readonly whole: boolean;
  /** Hash of the text without spaces, case and punctuation. */
  readonly plain: string;
  readonly number: number | null;
  /** Hash of the JSON that it is. */
  readonly json: string | null;
  /** Hash of its numbers, signs, negations and language; null: too long to be read. */
  readonly details: string | null;
  /** What a vector is made of. */
  readonly beginning: string;
}

/** An answer of that many characters is compared as a whole. */
const WHOLE_CHARS = 1_200;
/** Longer ones are not brought into another form: that would hold up others. */
const LONGEST_CHARS = 16_000;
const NEAR = 0.92;

export function sketchOf(text: string): AnswerSketch {
  const whole = text.length <= WHOLE_CHARS;
  const short = text.length <= LONGEST_CHARS;
  return {
    chars: text.length,
    whole,
    plain: hash(short ? plain(text) : text),
    number: numberOf(text),
    json: short ? jsonOf(text) : null,
    details: short ? hash(detailsOf(text)) : null,
    // A copy: a slice of a text keeps all of it in memory.
    beginning: Buffer.from(text.slice(0, WHOLE_CHARS)).toString(),
  };
}

/** Whether two answers are the same; `by meaning`: if their vectors are near. */
export function compareAnswers(one: AnswerSketch, two: AnswerSketch): boolean | 'by meaning' {
  if (one.number !== null && two.number !== null) return one.number === two.number;
  if (one.json !== null || two.json !== null) return one.json === two.json;
  if (one.details !== two.details) return false;
  if (one.plain === two.plain) return true;
  if (one.details === null || one.whole !== two.whole) return false;
  if (Math.max(one.chars, two.chars) > 2 * Math.min(one.chars, two.chars)) return false;
  return 'by meaning';
}

export function nearByMeaning(one: Float32Array, two: Float32Array): boolean {
  if (one.length === 0 || one.length !== two.length) return false;
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += one[i]! * two[i]!;
  return sum >= NEAR;
}

const hash = (text: string): string => createHash('sha256').update(text).digest('base64');

/** What is left of an answer when how it is written does not count. */
const plain = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\p{P}\p{S}\s]+/gu, ' ')
    .trim();

/** A number of more characters may lose digits where it is read; `details` has it as it is written. */
const LONGEST_NUMBER = 15;

function numberOf(text: string): number | null {
  if (text.length > 4 * LONGEST_NUMBER) return null;
  const written = text
    .trim()
    .replace(/,(?=\d{3}\b)/g, '')
    .replace(/[.!]$/, '');
  return written.length <= LONGEST_NUMBER && /^[-+]?\d+(?:\.\d+)?$/.test(written) ? Number(written) : null;
}

function jsonOf(text: string): string | null {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    return hash(canonical(JSON.parse(text)));
  } catch {
    return null;
  }
}

/** What must be the very same, quoted words included: numbers and signs, how often it negates, and its language. */
function detailsOf(text: string): string {
  const { tokens, exact } = tokensOf(text.replace(/[’‘]/g, "'").replaceAll('`', ' '));
  const negations: string[] = [];
  for (const { word, at } of expanded(tokens)) {
    const value = numberWords.get(word);
    if (value !== undefined) exact.push({ at, what: value });
    const label = negationOf(word);
    if (label !== undefined) negations.push(label);
  }
  const language = languageOf(tokens.map(({ word }) => word));
  return JSON.stringify([inOrder(exact), negations.sort(), language]);
}
