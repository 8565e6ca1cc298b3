/**
 * The same word in another form, and forms that never stand for each other. Crude and predictable: endings are cut, and what
 * is left is compared. Where two words share their beginning and differ in an ending that changes what they name (employer,
 * employee; easy, easiest; useful, useless), no nearness of meaning makes them counterparts.
 */
import { irregular } from './english.js';

export function stemOf(word: string): string {
  const base = irregular.get(word) ?? word;
  if (base.length <= 3) return base;
  const cut = base
    .replace(/(?<=[^aeiou])ies$|(?<=[^aeiou])ied$/, 'y')
    .replace(/(?<=ss|sh|ch|x|z|o)es$/, '')
    .replace(/(?<=[^s])s$/, '')
    .replace(/(?<=.{3})(?:ing|ed)$/, '')
    .replace(/([bdfglmnprt])\1$/, '$1');
  return cut.length > 3 ? cut.replace(/(?<=[^aeiou])e$/, '') : cut;
}

/** Endings that keep what a word names: numbers, persons, times, and the noun of a verb. */
const SAME_THING = new Set([
  '',
  's',
  'es',
  'e',
  'y',
  'ies',
  'ing',
  'ed',
  'd',
  'ion',
  'tion',
  'ation',
  'ment',
  'al',
  'ly',
  'ance',
  'ence',
]);
const MARKED =
  /^(?:un|in|im|ir|il|dis|non|anti|de|mis|re|pre|post|over|under|sub|super|inter|intra|hyper|hypo|micro|milli|mega|giga|nano|semi|counter|ultra)/;
const DEGREE = /(?:est|iest)$/;
const degrees = new Set([
  'best',
  'worst',
  'better',
  'worse',
  'good',
  'bad',
  'most',
  'least',
  'top',
  'last',
  'first',
  'latest',
  'main',
]);

/** Two words that must not be taken for each other, however near their vectors are. */
export function contrast(one: string, two: string): boolean {
  return (
    prefixed(one, two) ||
    prefixed(two, one) ||
    lacking(one, two) ||
    lacking(two, one) ||
    otherEnding(one, two) ||
    otherDegree(one, two)
  );
}

/** `unlock` and `lock`, and `increase` and `decrease`: one has a prefix that the other has not. */
function prefixed(one: string, two: string): boolean {
  const prefix = MARKED.exec(one)?.[0];
  if (prefix === undefined) return false;
  const rest = one.slice(prefix.length);
  if (rest.length < 3) return false;
  if (two.endsWith(rest) || two.startsWith(stemOf(rest))) return true;
  const other = MARKED.exec(two)?.[0];
  return other !== undefined && other !== prefix && shared(rest, two.slice(other.length)) >= 4;
}

/** `careless` and `careful`. */
function lacking(one: string, two: string): boolean {
  return one.endsWith('less') && two.startsWith(one.slice(0, -4)) && one.length > 6;
}

function otherEnding(one: string, two: string): boolean {
  const common = shared(one, two);
  if (common < 4 || common < 0.4 * Math.min(one.length, two.length)) return false;
  return !SAME_THING.has(one.slice(common)) || !SAME_THING.has(two.slice(common));
}

function otherDegree(one: string, two: string): boolean {
  const graded = (word: string): boolean => DEGREE.test(word) || degrees.has(word);
  return graded(one) !== graded(two) || (degrees.has(one) && degrees.has(two));
}

function shared(one: string, two: string): number {
  let at = 0;
  while (at < one.length && at < two.length && one[at] === two[at]) at++;
  return at;
}
