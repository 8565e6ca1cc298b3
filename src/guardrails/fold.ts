/**
 * A text as guards read it: what looks like an ASCII character and is written otherwise becomes that character (full-width and
 * mathematical forms, digits of other scripts, dashes, spaces, tag characters), and what nobody sees is left out (zero-width
 * characters, soft hyphens, variation selectors). Letters of other scripts that look like Latin ones stay what they are. Where
 * each character came from is kept, so that the text itself can be changed.
 */

export interface Folded {
  readonly text: string;
  /** Where the character at `index` begins in the text as it was written; for the length, its length. */
  at(index: number): number;
}

const OTHER = /[^\0-\x7f]/;
const UNSEEN = /^\p{Default_Ignorable_Code_Point}$/u;
const DASH = /^\p{Pd}$|^\u2212$/u;
const SPACE = /^\p{Zs}$/u;
const DIGIT = /^\p{Nd}$/u;
const ASCII = /^[\0-\x7f]{1,8}$/;

const MOST_REMEMBERED = 20_000;
const remembered = new Map<string, string>();

function foldedChar(char: string): string {
  let known = remembered.get(char);
  if (known !== undefined) return known;
  known = lookAlike(char);
  if (remembered.size < MOST_REMEMBERED) remembered.set(char, known);
  return known;
}

function lookAlike(char: string): string {
  const code = char.codePointAt(0)!;
  // Tag characters are ASCII that no screen shows and every tokenizer reads.
  if (code >= 0xe0020 && code <= 0xe007e) return String.fromCharCode(code - 0xe0000);
  if (UNSEEN.test(char)) return '';
  if (DASH.test(char)) return '-';
  if (SPACE.test(char)) return ' ';
  if (DIGIT.test(char)) return String(digitOf(code));
  const plain = char.normalize('NFKC');
  return ASCII.test(plain) ? plain : char;
}

/** Digits of a script stand side by side, from 0 to 9. */
function digitOf(code: number): number {
  const alike = String.fromCodePoint(code).normalize('NFKC');
  if (ASCII.test(alike)) return Number(alike);
  let value = 0;
  while (value < 9 && DIGIT.test(String.fromCodePoint(code - value - 1))) value += 1;
  return value;
}

export function fold(text: string): Folded {
  if (!OTHER.test(text)) return { text, at: (index) => index };
  const places: number[] = [];
  let folded = '';
  let from = 0;
  for (const char of text) {
    const plain = char.length === 1 && char < '\x80' ? char : foldedChar(char);
    for (let n = 0; n < plain.length; n++) places.push(plain === char ? from + n : from);
    folded += plain;
    from += char.length;
  }
  return { text: folded, at: (index) => places[index] ?? text.length };
}
