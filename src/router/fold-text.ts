/**
 * A text as keywords are looked for in it: what is written in several ways in Unicode is written in one. Compatibility forms and
 * combined characters become one form (NFKC: full-width letters, ligatures, NFD), letters one case (also ß and ss, and the two
 * small sigmas), quotes and dashes those of a keyboard, white space one space; what is not seen is left out. Of a long text the
 * beginning and the end are looked at: nobody bounds a message, and what is asked for stands before or after what is quoted.
 */
const LONGEST = 32_000;

export const foldText = (text: string): string => folded(bounded(text));

const bounded = (text: string): string =>
  text.length <= LONGEST ? text : `${text.slice(0, LONGEST / 2)}\n${text.slice(-LONGEST / 2)}`;

/** What is not seen: soft hyphens, joiners, marks of direction, variation selectors. */
const UNSEEN = /\p{Default_Ignorable_Code_Point}/gu;
/** Marks on one letter; more are nobody's writing, and to order them takes the square of their number. */
const MANY_MARKS = /(\p{M}{8})\p{M}+/gu;
const SINGLE_QUOTES = /[\u2018-\u201b\u2032\u2035\u02b9\u02bb\u02bc\u2039\u203a\u0060\u00b4]/g;
const DOUBLE_QUOTES = /[\u201c-\u201f\u2033\u2036\u00ab\u00bb\u301d-\u301f]/g;
const DASHES = /[\u2010-\u2015\u2212\u2043\ufe58\ufe63]/g;
const ONLY_ASCII = /^[\0-\x7f]*$/;

function folded(text: string): string {
  // What most texts are made of needs only a part of it.
  if (ONLY_ASCII.test(text)) return text.toLowerCase().replace(/`/g, "'").replace(/\s+/g, ' ');
  const composed = text
    .replace(SINGLE_QUOTES, "'")
    .replace(DOUBLE_QUOTES, '"')
    .replace(UNSEEN, '')
    .replace(MANY_MARKS, '$1')
    .normalize('NFKC');
  // One character may stand for eighteen.
  return bounded(composed)
    .replace(DASHES, '-')
    .toUpperCase()
    .toLowerCase()
    .replace(/\u03c2/g, '\u03c3')
    .normalize('NFKC')
    .replace(/\s+/g, ' ');
}
