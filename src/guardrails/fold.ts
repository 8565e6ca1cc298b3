/**
 * A text as guards read it: what looks like an ASCII character and is written otherwise becomes that character (full-width and
 * mathematical forms, digits of other scripts, dashes, spaces, tag characters), and what nobody sees is left out (zero-width
 * characters, soft hyphens, variation selectors). An escape of JSON (`\u0040`) is the character that it says, also where the text is
 * no JSON: models read it, and so do programs. Letters of other scripts that look like Latin ones stay what they are. Where each
 * character came from is kept, so that the text itself can be changed.
 */

export interface Folded {
  readonly text: string;
  /** Where the character at `index` begins in the text as it was written; for the length, its length. */
  at(index: number): number;
}

const BACKSLASH = 0x5c;
const MOST_BACKSLASHES = 8;
const HEX = /^[0-9a-fA-F]{4}$/;
const OTHER = /[^\0-\x7f]/;
const UNSEEN = /^\p{Default_Ignorable_Code_Point}$/u;
const DASH = /^\p{Pd}$|^\u2212$/u;
const SPACE = /^\p{Zs}$/u;
const DIGIT = /^\p{Nd}$/u;
const ASCII = /^[\0-\x7f]{1,4}$/;

/** Of a character: it is left out, or it becomes several. Else a code. */
const NOTHING = -1;
const SEVERAL = -2;
const UNKNOWN = -3;
/** No character that looks like ASCII becomes more than that. */
const MOST_EACH = 4;

const codes = new Int32Array(0x10000).fill(UNKNOWN);

function codeOf(code: number): number {
  const known = codes[code]!;
  if (known !== UNKNOWN) return known;
  const plain = lookAlike(String.fromCharCode(code));
  return (codes[code] = plain.length === 1 ? plain.charCodeAt(0) : plain === '' ? NOTHING : SEVERAL);
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
  const hasEscapes = text.includes('\\u');
  if (!hasEscapes && !OTHER.test(text)) return { text, at: (index) => index };
  const folding = new Folding(text.length);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH && hasEscapes) {
      const length = escapeLength(text, at);
      if (length === 0) folding.put(code, at);
      else folding.putAll(escaped(text.slice(at + length - 4, at + length)), at, 0);
      at += Math.max(0, length - 1);
    } else if (code < 0x80) folding.put(code, at);
    else if (code >= 0xd800 && code <= 0xdfff) {
      const char = String.fromCodePoint(text.codePointAt(at)!);
      folding.putAll(char.length === 2 ? lookAlike(char) : char, at, char.length);
      at += char.length - 1;
    } else {
      const plain = codeOf(code);
      if (plain >= 0) folding.put(plain, at);
      else if (plain === SEVERAL) folding.putAll(lookAlike(text[at]!), at, 1);
    }
  }
  return folding;
}

/** Backslashes (one more for each text around it), `u`, and four digits; 0: it is none. */
function escapeLength(text: string, at: number): number {
  let end = at + 1;
  while (end < at + MOST_BACKSLASHES && text.charCodeAt(end) === BACKSLASH) end++;
  return text[end] === 'u' && HEX.test(text.slice(end + 1, end + 5)) ? end + 5 - at : 0;
}

function escaped(hex: string): string {
  const code = Number.parseInt(hex, 16);
  if (code >= 0xd800 && code <= 0xdfff) return String.fromCharCode(code);
  const plain = codeOf(code);
  if (plain >= 0) return String.fromCharCode(plain);
  return plain === SEVERAL ? lookAlike(String.fromCharCode(code)) : '';
}

class Folding implements Folded {
  readonly #codes: Uint16Array;
  readonly #places: Uint32Array;
  readonly #end: number;
  #length = 0;
  #text: string | undefined;

  constructor(length: number) {
    this.#end = length;
    this.#codes = new Uint16Array(length * MOST_EACH);
    this.#places = new Uint32Array(length * MOST_EACH);
  }

  put(code: number, place: number): void {
    this.#codes[this.#length] = code;
    this.#places[this.#length++] = place;
  }

  /** `length`: of what it stands for; where it is the same, each stands where it stood. */
  putAll(plain: string, place: number, length: number): void {
    for (let n = 0; n < plain.length; n++) this.put(plain.charCodeAt(n), plain.length === length ? place + n : place);
  }

  get text(): string {
    return (this.#text ??= Buffer.from(this.#codes.buffer, 0, this.#length * 2).toString('utf16le'));
  }

  at(index: number): number {
    return index < this.#length ? this.#places[index]! : this.#end;
  }
}
