/**
 * What stands for values that were taken out: `[EMAIL_1]`, the same for the same value within one request and its answer. Numbers
 * go by the first occurrence, so that a conversation that goes on keeps them. What the request has itself is not used.
 */
import { createHash, type Hash } from 'node:crypto';
import type { Found } from './finder.js';

const LONGEST = 64;
const PLACEHOLDER = /\[[A-Z][A-Z0-9_]{0,40}_\d{1,7}\]/g;

export class Placeholders {
  readonly #byValue = new Map<string, string>();
  readonly #restored = new Map<string, string>();
  readonly #numbers = new Map<string, number>();
  /** Values that are put back are the caller's own, and no answer is changed for them. */
  readonly #own = new Set<string>();
  /** Made as they come: there may be very many. */
  #digest: Hash | undefined;
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
      this.#digest ??= createHash('sha256');
      this.#digest.update(`${placeholder}\0${value}\0`);
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

  /** What is put back, with the type of each value. */
  *restored(): Generator<readonly [value: string, type: string], void> {
    for (const [placeholder, value] of this.#restored) yield [value, typeOf(placeholder)];
  }

  /** Placeholders for which something is to be put back. */
  find(text: string, from: number, found: Found): void {
    PLACEHOLDER.lastIndex = from;
    for (let match = PLACEHOLDER.exec(text); match; match = PLACEHOLDER.exec(text))
      if (this.#restored.has(match[0])) found(match.index, match.index + match[0].length, '');
  }

  /** Of all that an answer depends on beside the request as it was sent. */
  digest(): string {
    return (this.#digest?.copy() ?? createHash('sha256')).digest('base64url');
  }

  static readonly longest = LONGEST;
}

const typeOf = (placeholder: string): string => placeholder.slice(1, placeholder.lastIndexOf('_'));

/** So much of a text is looked at in one step. */
const STEP = 16 * 1024;
/** `[` and whatever else of a placeholder is escaped in JSON that is itself in a text. */
const ESCAPED = /\\u00([0-9a-f]{2})/gi;

/** Puts all that look like placeholders in a request into `taken`, however they are spelled, in steps. */
export function* placeholdersIn(json: unknown, taken: Set<string>): Generator<number, void> {
  const open: unknown[] = [json];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === 'string') yield* placeholdersOf(value, taken);
    else if (Array.isArray(value)) for (const one of value as unknown[]) open.push(one);
    else if (typeof value === 'object' && value !== null)
      for (const [name, one] of Object.entries(value)) open.push(name, one);
  }
}

function* placeholdersOf(text: string, taken: Set<string>): Generator<number, void> {
  for (let at = 0; at < text.length; at += STEP) {
    // Each character of a placeholder may be six of an escape.
    const piece = text.slice(at, at + STEP + LONGEST * 6);
    const found = piece.includes('\\u00')
      ? [piece, piece.replace(ESCAPED, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))]
      : [piece];
    for (const one of found) for (const [placeholder] of one.matchAll(PLACEHOLDER)) taken.add(placeholder);
    yield piece.length;
  }
}
