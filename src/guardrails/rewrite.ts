/**
 * Leads guards through all texts of a request or an answer, in steps, and makes the same JSON with other texts in it; what has
 * none that changed stays the same object. Neighbours of one list that hold text are read as they are and as one text, since a model reads
 * them so. A text that is JSON is read as JSON too: escapes are undone, names and numbers are looked at, and it stays JSON.
 */
import { isMedia, type TextPiece, type TextRules } from '../formats/texts.js';
import { isObject, type Json } from '../lib/json.js';
import { type Edit, editedPart, editing, type Reading, withEdits } from './edits.js';
import type { Placeholders } from './placeholders.js';
import { type Span, scanned } from './scan.js';
import type { TextGuard } from './text-guard.js';

/** JSON in a text in JSON in a text: so deep. */
const DEEPEST_TEXTS = 3;
/** A longer text is not read as JSON. */
const LONGEST_JSON = 1024 * 1024;

interface At {
  /** All is text: names and numbers too. */
  readonly free: boolean;
  readonly isTop: boolean;
  /** Of texts that are JSON, how many stand around. */
  readonly texts: number;
}

export class Rewrite {
  readonly #guards: readonly TextGuard[];
  readonly #rules: TextRules;
  readonly #reading: Reading;
  readonly #restored: Placeholders | null;
  readonly #except: readonly Pick<TextPiece, 'holder' | 'key'>[];
  /** Something was found that changes a text. */
  changed = false;

  /** `except`: texts that were read already. */
  constructor(
    guards: readonly TextGuard[],
    rules: TextRules,
    reading: Reading,
    except: readonly Pick<TextPiece, 'holder' | 'key'>[] = [],
  ) {
    this.#except = except;
    this.#guards = guards;
    this.#rules = rules;
    this.#reading = reading;
    this.#restored = reading.side === 'output' && reading.placeholders.restores ? reading.placeholders : null;
  }

  /** Yields what each step cost, in characters. */
  whole(json: Json): Generator<number, Json> {
    return this.#object(json, { free: false, isTop: true, texts: 0 });
  }

  *text(text: string, texts = 0): Generator<number, string> {
    if (text === '' || this.#over) return text;
    const { words } = this.#reading;
    const found = texts < DEEPEST_TEXTS && text.length <= LONGEST_JSON ? jsonIn(text) : undefined;
    if (found === undefined) return (yield* this.#texts([text], this.#guards))[0]!;
    const before = words.count;
    const inner = yield* this.#value(found, '', {}, { free: true, isTop: false, texts: texts + 1 });
    yield text.length;
    if (this.#over) return text;
    // What was found in the values is not counted once more.
    const guards = words.count > before ? this.#guards.filter(({ action }) => action !== 'log') : this.#guards;
    return (yield* this.#texts([inner === found ? text : JSON.stringify(inner)], guards))[0]!;
  }

  get #over(): boolean {
    return this.#reading.words.blockedBy !== undefined;
  }

  *#value(value: unknown, key: string, holder: Json, at: At): Generator<number, unknown> {
    if (typeof value === 'string')
      return at.free || !this.#isPlain(key, holder, value) ? yield* this.text(value, at.texts) : value;
    if (typeof value === 'number' && at.free) {
      const text = yield* this.text(String(value), at.texts);
      return text === String(value) ? value : text;
    }
    if (Array.isArray(value)) return yield* this.#list(value, key, holder, at);
    return isObject(value) ? yield* this.#object(value, at) : value;
  }

  #isPlain(key: string, holder: Json, text: string): boolean {
    if (this.#rules.plain.has(key) || isMedia(key, holder, text)) return true;
    return this.#except.some((piece) => piece.holder === holder && piece.key === key);
  }

  *#object(value: Json, at: At): Generator<number, Json> {
    let next: [string, unknown][] | undefined;
    const entries = Object.entries(value);
    for (const [place, [key, member]] of entries.entries()) {
      if (this.#over) return value;
      if (at.isTop && this.#rules.apart.has(key)) continue;
      const free = at.free || (this.#rules.free.has(key) && typeof member === 'object');
      const name = at.free ? yield* this.text(key, DEEPEST_TEXTS) : key;
      const isTop = at.isTop && key === this.#rules.frame;
      const changed = yield* this.#value(member, key, value, { free, isTop, texts: at.texts });
      if (name === key && changed === member) continue;
      next ??= entries.slice();
      next[place] = [name, changed];
    }
    return next ? this.#withoutEchoes(next) : value;
  }

  #withoutEchoes(entries: [string, unknown][]): Json {
    return Object.fromEntries(
      entries.map(([key, value]) => [key, this.#rules.echoes.has(key) ? nothingOf(value) : value]),
    );
  }

  *#list(list: readonly unknown[], key: string, holder: Json, at: At): Generator<number, readonly unknown[]> {
    let next: unknown[] | undefined;
    const put = (place: number, value: unknown): void => {
      next ??= list.slice();
      next[place] = value;
    };
    for (let place = 0; place < list.length; ) {
      if (this.#over) return list;
      const run = textRun(list, place);
      if (run > 1) yield* this.#joined(list, place, run, put);
      for (const end = place + Math.max(1, run); place < end; place++) {
        const member = (next ?? list)[place];
        const changed = yield* this.#value(member, key, holder, at);
        if (changed !== member) put(place, changed);
      }
      yield 16;
    }
    return next ?? list;
  }

  /** Texts of neighbours as one: only what none of them has alone is still to be found. */
  *#joined(
    list: readonly unknown[],
    from: number,
    run: number,
    put: (place: number, value: unknown) => void,
  ): Generator<number, void> {
    const parts = (list.slice(from, from + run) as { readonly text: string }[]).map(({ text }) => text);
    const changed = yield* this.#texts(parts, this.#guards);
    for (const [n, text] of changed.entries())
      if (text !== parts[n]) put(from + n, { ...(list[from + n] as object), text });
  }

  *#texts(parts: readonly string[], guards: readonly TextGuard[]): Generator<number, readonly string[]> {
    const text = parts.length === 1 ? parts[0]! : parts.join('');
    const found = yield* scanned(text, guards, this.#restored);
    const spans = parts.length === 1 ? found : crossing(found, parts);
    if (spans.length === 0) return parts;
    const edits = yield* editing(spans, text, this.#reading);
    if (edits.length === 0) return parts;
    this.changed = true;
    return parts.length === 1 ? [withEdits(text, edits)] : partsOf(parts, text, edits);
  }
}

/** How many neighbours from `place` on hold text. */
function textRun(list: readonly unknown[], place: number): number {
  let run = 0;
  while (isObject(list[place + run]) && typeof (list[place + run] as Json)['text'] === 'string') run += 1;
  return run;
}

/** Finds that begin in one part and end in another. */
function crossing(spans: readonly Span[], parts: readonly string[]): readonly Span[] {
  const borders: number[] = [];
  let length = 0;
  for (const part of parts) borders.push((length += part.length));
  return spans.filter(({ start, end }) => borders[firstAfter(borders, start)]! < end);
}

/** The place of the first of ascending numbers that is greater than one. */
function firstAfter(ascending: readonly number[], than: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! > than) high = middle;
    else low = middle + 1;
  }
  return low;
}

function partsOf(parts: readonly string[], text: string, edits: readonly Edit[]): readonly string[] {
  let start = 0;
  let first = 0;
  return parts.map((part) => {
    const from = start;
    start += part.length;
    while (first < edits.length && edits[first]!.end <= from) first += 1;
    return editedPart(text, from, start, edits, first);
  });
}

/** The object or list that a text is; undefined: it is none. */
function jsonIn(text: string): object | undefined {
  const first = /^\s{0,64}([[{])/.exec(text.slice(0, 65))?.[1];
  if (first === undefined) return undefined;
  try {
    return JSON.parse(text) as object;
  } catch {
    return undefined;
  }
}

export const nothingOf = (value: unknown): unknown => (Array.isArray(value) ? [] : null);
