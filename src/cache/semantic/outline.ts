/**
 * What must agree of two prompts for the one to answer for the other, in some bytes of each: the form is the very same, and all
 * words of content but a few are. It says that `compare` would object, and never that it would not: words are told apart by 15
 * bits, and their order, opposites and meaning are left to the comparison.
 */
import { createHash } from 'node:crypto';
import { classes, mostPairs } from './alignment.js';
import type { ContentWord, Signature } from './signature.js';

export interface Outline {
  /** Of language, literals, numbers, grammar, and how many words of content there are. */
  readonly form: string;
  /** A code unit for each word of content, in order of their hashes; the lowest bit says that another word may stand for it. */
  readonly words: string;
  /** How many of them may be other words. */
  readonly most: number;
}

const FORM_CHARS = 12;

export function outlineOf({ script, language, literals, numbers, grammar, content }: Signature): Outline {
  const agrees = [script, language, literals, numbers, ...classes.map((kind) => grammar.get(kind) ?? '')];
  const hash = createHash('sha256').update(JSON.stringify([...agrees, content.length]));
  const codes = Uint16Array.from(content, codeOf).sort();
  return {
    form: hash.digest('base64').slice(0, FORM_CHARS),
    words: String.fromCharCode(...codes),
    most: mostPairs(content.length),
  };
}

/** Whether the words of another outline of the same form, which begin at `from` in `all`, may be the same. */
export function mayAgree({ words: own, most }: Outline, all: string, from: number): boolean {
  const many = own.length;
  let [i, j, left, right] = [0, 0, 0, 0];
  while (i < many || j < many) {
    const one = i < many ? own.charCodeAt(i) : ABOVE;
    const two = j < many ? all.charCodeAt(from + j) : ABOVE;
    if (one >> 1 === two >> 1) {
      i++;
      j++;
      continue;
    }
    // Of equal hashes the words that no other may stand for come first, so that one that is left over is left for certain.
    const over = Math.min(one, two);
    if ((over & 1) === 0) return false;
    if (one < two) {
      i++;
      left++;
    } else {
      j++;
      right++;
    }
    if (left > most || right > most) return false;
  }
  return true;
}

const ABOVE = 0x1_0000;

function codeOf({ stem, isName, at }: ContentWord): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < stem.length; i++) hash = Math.imul(hash ^ stem.charCodeAt(i), 0x01000193);
  const other = !isName && at >= 0 ? 1 : 0;
  return (((hash ^ (hash >>> 15)) & 0x7fff) << 1) | other;
}
