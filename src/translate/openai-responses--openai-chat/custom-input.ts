/**
 * The text that a custom tool was given, out of the JSON of the function that stands for it, while that still arrives in pieces.
 * Half an escape and half a pair of surrogates wait for the rest. What is no JSON is taken for the text itself.
 */
const NAMES: ReadonlySet<string> = new Set(['input', 'patch']);
const SIMPLE: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };

type State = 'begin' | 'name' | 'in_name' | 'value' | 'text' | 'other' | 'bare' | 'end';

export class CustomInput {
  #state: State = 'begin';
  /** All of it: looked at once more at the end, where nothing was found on the way. */
  #all = '';
  #held = '';
  #name = '';
  #said = false;

  /** The next piece; what of the text it completes. */
  push(piece: string): string {
    this.#all += piece;
    let out = '';
    let rest = this.#held + piece;
    this.#held = '';
    while (rest !== '') {
      if (this.#state === 'bare') {
        out += rest;
        rest = '';
      } else if (this.#state === 'text' || this.#state === 'in_name') {
        const read = this.#string(rest);
        if (this.#state === 'text') out += read.text;
        else this.#name += read.text;
        rest = read.rest;
        if (read.ended) this.#state = this.#state === 'text' ? 'end' : 'value';
        else if (rest !== '') {
          this.#held = rest;
          rest = '';
        }
      } else if (this.#state === 'end' || this.#state === 'other') rest = '';
      else rest = this.#between(rest);
    }
    if (out !== '') this.#said = true;
    return out;
  }

  /** What was not said on the way. */
  end(): string {
    if (this.#said || this.#state === 'end' || this.#state === 'text') return '';
    try {
      const parsed = JSON.parse(this.#all) as unknown;
      if (typeof parsed === 'string') return parsed;
      const texts = Object.entries((parsed ?? {}) as Record<string, unknown>).filter(
        ([, value]) => typeof value === 'string',
      );
      const named = texts.find(([name]) => NAMES.has(name)) ?? (texts.length === 1 ? texts[0] : undefined);
      if (named) return named[1] as string;
      return Object.keys((parsed ?? {}) as object).length === 0 ? '' : this.#all;
    } catch {
      return this.#all;
    }
  }

  /** Outside of strings. */
  #between(rest: string): string {
    const char = rest[0]!;
    if (char === ' ' || char === '\n' || char === '\r' || char === '\t') return rest.slice(1);
    if (this.#state === 'begin') {
      this.#state = char === '{' ? 'name' : char === '"' ? 'other' : 'bare';
      return this.#state === 'bare' ? rest : rest.slice(1);
    }
    if (this.#state === 'name') {
      this.#state = char === '"' ? 'in_name' : 'other';
      return rest.slice(1);
    }
    if (char === ':') return rest.slice(1);
    this.#state = char === '"' && NAMES.has(this.#name) ? 'text' : 'other';
    return rest.slice(1);
  }

  /** Reads a string up to its closing quote, or as far as it can be read. */
  #string(from: string): { readonly text: string; readonly rest: string; readonly ended: boolean } {
    let text = '';
    let at = 0;
    while (at < from.length) {
      const char = from[at]!;
      if (char === '"') return { text, rest: from.slice(at + 1), ended: true };
      if (char !== '\\') {
        text += char;
        at++;
        continue;
      }
      const length = escapeLength(from, at);
      if (length === 0) return { text, rest: from.slice(at), ended: false };
      text += unescaped(from.slice(at, at + length));
      at += length;
    }
    return { text, rest: '', ended: false };
  }
}

/** Characters of the escape at `at`, a pair of surrogates being one; 0: its end is not there yet. */
function escapeLength(text: string, at: number): number {
  if (at + 1 >= text.length) return 0;
  if (text[at + 1] !== 'u') return 2;
  if (at + 6 > text.length) return 0;
  if (!/^[dD][89abAB]/.test(text.slice(at + 2, at + 4))) return 6;
  const next = text.slice(at + 6, at + 8);
  if (next === '' || next === '\\') return 0;
  if (next !== '\\u') return 6;
  return at + 12 > text.length ? 0 : 12;
}

function unescaped(written: string): string {
  if (written[1] !== 'u') return SIMPLE[written[1]!] ?? written[1]!;
  const codes = written.split('\\u').slice(1);
  return codes.map((hex) => String.fromCharCode(Number.parseInt(hex, 16) || 0)).join('');
}
