/**
 * What stands for values that were taken out: `[EMAIL_1]`, the same for the same value within one request and its answer. Numbers
 * go by the first occurrence, so that a conversation that goes on keeps them. What the request has itself is not used.
 */
import { createHash } from 'node:crypto';
import type { Found } from './finder.js';

const LONGEST = 64;
const PLACEHOLDER = /\[[A-Z][A-Z0-9_]{0,40}_\d{1,7}\]/g;

export class Placeholders {
  readonly #byValue = new Map<string, string>();
  readonly #restored = new Map<string, string>();
  readonly #numbers = new Map<string, number>();
  /** Values that are put back are the caller's own, and no answer is changed for them. */
  readonly #own = new Set<string>();
  readonly #isTaken: (placeholder: string) => boolean;

  constructor(isTaken: (placeholder: string) => boolean) {
    this.#isTaken = isTaken;
  }

  of(type: string, value: string, restore: boolean): string {
    const known = this.#byValue.get(`${type} ${value}`);
    if (known !== undefined) return known;
    let number = this.#numbers.get(type) ?? 0;
    let placeholder: string;
    do placeholder = `[${type}_${++number}]`;
    while (this.#isTaken(placeholder));
    this.#numbers.set(type, number);
    this.#byValue.set(`${type} ${value}`, placeholder);
    if (restore) {
      this.#restored.set(placeholder, value);
      this.#own.add(value);
    }
    return placeholder;
  }

  get restores(): boolean {
    return this.#restored.size > 0;
  }

  isOwn(value: string): boolean {
    return this.#own.has(value);
  }

  /** Undefined: nothing is to be put back there. */
  valueOf(placeholder: string): string | undefined {
    return this.#restored.get(placeholder);
  }

  /** Placeholders for which something is to be put back. */
  find(text: string, from: number, found: Found): void {
    PLACEHOLDER.lastIndex = from;
    for (let match = PLACEHOLDER.exec(text); match; match = PLACEHOLDER.exec(text))
      if (this.#restored.has(match[0])) found(match.index, match.index + match[0].length, '');
  }

  /** Of all that an answer depends on beside the request as it was sent. */
  digest(): string {
    const hash = createHash('sha256');
    for (const [placeholder, value] of this.#restored) hash.update(`${placeholder}\0${value}\0`);
    return hash.digest('base64url');
  }

  static readonly longest = LONGEST;
}
