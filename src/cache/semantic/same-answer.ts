/**
 * Whether two answers say the same: equal but for spaces, case and punctuation; or equal numbers; or equal JSON; else near
 * by meaning, in the same language and of like length, and short ones with the same numbers and polarity too. The last is a guess that errs
 * towards no: an answer that is told again is then one that was told before, or nearly so.
 */
import { canonical } from '../canonical.js';
import { signatureOf } from './signature.js';

export interface Answered {
  readonly text: string;
  /** Of the text's beginning; empty where there is none. */
  readonly vector: Float32Array;
  /** The vector is of all of it. */
  readonly whole: boolean;
}

const NEAR = 0.92;

export function sameAnswer(one: Answered, two: Answered): boolean {
  if (plain(one.text) === plain(two.text)) return true;
  const [number, other] = [numberOf(one.text), numberOf(two.text)];
  if (number !== null && other !== null) return number === other;
  const [json, otherJson] = [jsonOf(one.text), jsonOf(two.text)];
  if (json !== null || otherJson !== null) return json === otherJson;
  if (one.whole !== two.whole || one.vector.length === 0 || one.vector.length !== two.vector.length) return false;
  if (dot(one.vector, two.vector) < NEAR) return false;
  if (Math.max(one.text.length, two.text.length) > 2 * Math.min(one.text.length, two.text.length)) return false;
  if (!one.whole) return true;
  const [a, b] = [signatureOf(one.text), signatureOf(two.text)];
  return (
    a.numbers === b.numbers && a.grammar.get('negation') === b.grammar.get('negation') && a.language === b.language
  );
}

/** What is left of an answer when how it is written does not count. */
export const plain = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\p{P}\p{S}\s]+/gu, ' ')
    .trim();

function numberOf(text: string): number | null {
  const written = text
    .trim()
    .replace(/,(?=\d{3}\b)/g, '')
    .replace(/[.!]$/, '');
  return /^[-+]?\d+(?:\.\d+)?$/.test(written) ? Number(written) : null;
}

function jsonOf(text: string): string | null {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    return canonical(JSON.parse(text));
  } catch {
    return null;
  }
}

function dot(one: Float32Array, two: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += one[i]! * two[i]!;
  return sum;
}
