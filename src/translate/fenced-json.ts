/**
 * Takes the Markdown fence off JSON that a model was asked to write bare, in pieces as they come. A beginning that may
 * become a fence, and an end that may be one, are held back until it is known.
 */
const FENCE = '```';
/** A closing fence with the white space around it is short; what is longer is text. */
const LONGEST_END = 64;

export class FencedJson {
  #state: 'beginning' | 'fenced' | 'bare' = 'beginning';
  #held = '';

  push(text: string): string {
    if (this.#state === 'bare') return text;
    this.#held += text;
    if (this.#state === 'beginning' && !this.#begin()) return '';
    return this.#release(this.#state === 'fenced' ? endStart(this.#held) : this.#held.length);
  }

  /** What is left when no more text comes. */
  end(): string {
    const held = this.#held;
    this.#held = '';
    return this.#state === 'fenced' && held.trim() === FENCE ? '' : held;
  }

  /** True once it is known whether there is a fence. */
  #begin(): boolean {
    const begun = this.#held.trimStart();
    if (!begun.startsWith(FENCE)) {
      if (FENCE.startsWith(begun)) return false;
      this.#state = 'bare';
      return true;
    }
    const line = begun.indexOf('\n');
    if (line === -1) return false;
    this.#state = 'fenced';
    this.#held = begun.slice(line + 1);
    return true;
  }

  #release(end: number): string {
    const text = this.#held.slice(0, end);
    this.#held = this.#held.slice(end);
    return text;
  }
}

/** Where the end begins that may turn out to be a closing fence. */
function endStart(text: string): number {
  let at = skipBack(text, text.length, isSpace, LONGEST_END);
  at = skipBack(text, at, (char) => char === '`', FENCE.length);
  return skipBack(text, at, isSpace, Math.max(0, LONGEST_END - (text.length - at)));
}

function skipBack(text: string, from: number, is: (char: string) => boolean, most: number): number {
  let at = from;
  while (at > 0 && from - at < most && is(text[at - 1]!)) at--;
  return at;
}

const isSpace = (char: string): boolean => char === '\n' || char === '\r' || char === ' ' || char === '\t';
