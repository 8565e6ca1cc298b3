/**
 * The encodings' split patterns for text of ASCII alone, on its bytes: what `encodings.ts` says as regular expressions, at a
 * third of the time and without a string for each piece.
 */

/** Where the patterns differ. */
export interface AsciiRules {
  /** A word is capitals and then small letters, and has its contraction (`'ll`) with it. Else any letters, and it has not. */
  readonly cased: boolean;
}

const LETTER = 1;
const SMALL = 2;
const DIGIT = 4;
const BLANK = 8;
const BREAK = 16;

const kinds = new Uint8Array(128);
for (let byte = 0; byte < 128; byte++) {
  const char = String.fromCharCode(byte);
  if (/[A-Z]/.test(char)) kinds[byte] = LETTER;
  else if (/[a-z]/.test(char)) kinds[byte] = LETTER | SMALL;
  else if (/[0-9]/.test(char)) kinds[byte] = DIGIT;
  else if (/[\r\n]/.test(char)) kinds[byte] = BLANK | BREAK;
  else if (/[\t\v\f ]/.test(char)) kinds[byte] = BLANK;
}
const NO_SYMBOL = LETTER | DIGIT | BLANK;
const SPACE = 0x20;
const SLASH = 0x2f;
const APOSTROPHE = 0x27;

/** Writes where each piece of `bytes`, up to `length`, ends; answers how many there are. */
export function splitAscii(bytes: Uint8Array, length: number, { cased }: AsciiRules, ends: Int32Array): number {
  let count = 0;
  for (let at = 0; at < length; ) {
    at = pieceEnd(bytes, at, length, cased);
    ends[count++] = at;
  }
  return count;
}

function pieceEnd(bytes: Uint8Array, at: number, length: number, cased: boolean): number {
  const kind = kinds[bytes[at]!]!;
  if (!cased && bytes[at] === APOSTROPHE) {
    const end = contractionEnd(bytes, at, length);
    if (end > at) return end;
  }
  if (kind & LETTER) return wordEnd(bytes, at, length, cased);
  if (kind & DIGIT) return runEnd(bytes, at, Math.min(length, at + 3), DIGIT);
  const next = at + 1 < length ? kinds[bytes[at + 1]!]! : BLANK;
  if (next & LETTER && !(kind & BREAK)) return wordEnd(bytes, at + 1, length, cased);
  if (!(kind & BLANK)) return symbolsEnd(bytes, at, length, cased);
  if (bytes[at] === SPACE && !(next & NO_SYMBOL)) return symbolsEnd(bytes, at + 1, length, cased);
  return blanksEnd(bytes, at, length);
}

function wordEnd(bytes: Uint8Array, from: number, length: number, cased: boolean): number {
  if (!cased) return runEnd(bytes, from, length, LETTER);
  let at = from;
  while (at < length && (kinds[bytes[at]!]! & (LETTER | SMALL)) === LETTER) at++;
  return contractionEnd(bytes, runEnd(bytes, at, length, SMALL), length);
}

function runEnd(bytes: Uint8Array, from: number, length: number, kind: number): number {
  let at = from;
  while (at < length && kinds[bytes[at]!]! & kind) at++;
  return at;
}

function symbolsEnd(bytes: Uint8Array, from: number, length: number, cased: boolean): number {
  let at = from;
  while (at < length && !(kinds[bytes[at]!]! & NO_SYMBOL)) at++;
  while (at < length && (kinds[bytes[at]!]! & BREAK || (cased && bytes[at] === SLASH))) at++;
  return at;
}

/** Up to the last line break of the run; without one, all but the last, which goes with what follows. */
function blanksEnd(bytes: Uint8Array, from: number, length: number): number {
  const end = runEnd(bytes, from, length, BLANK);
  for (let at = end - 1; at >= from; at--) if (kinds[bytes[at]!]! & BREAK) return at + 1;
  return end === length || end === from + 1 ? end : end - 1;
}

/** Behind `'s`, `'re` and the like in any case; `at` where there is none. */
function contractionEnd(bytes: Uint8Array, at: number, length: number): number {
  if (at + 1 >= length || bytes[at] !== APOSTROPHE) return at;
  const first = bytes[at + 1]! | SPACE; // in lower case
  if (first === 0x73 || first === 0x74 || first === 0x6d || first === 0x64)
    return isLetter(bytes[at + 1]!) ? at + 2 : at;
  if (at + 2 >= length || !isLetter(bytes[at + 1]!) || !isLetter(bytes[at + 2]!)) return at;
  const second = bytes[at + 2]! | SPACE;
  const ends = first === 0x72 || first === 0x76 ? second === 0x65 : first === 0x6c && second === 0x6c;
  return ends ? at + 3 : at;
}

const isLetter = (byte: number): boolean => (kinds[byte]! & LETTER) !== 0;
