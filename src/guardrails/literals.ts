/**
 * Values that are known, wherever they stand: also beside a letter or a digit that keeps a pattern from finding them. A place in the
 * text is looked up among the sorted values, so that many of them cost little more than one.
 */
import type { Finder, Found } from './finder.js';
import { fold } from './fold.js';

const STEP = 4_096;
/** Values that are gone through in one step. */
const STEP_VALUES = 512;
/** What one of them costs, in characters. */
const COST = 32;
/** Any character that JSON writes otherwise. */
const ESCAPED = /[^ !#-[\]-~]/;

interface Value {
  readonly text: string;
  readonly type: string;
  /** The longest of the others that it begins with. */
  readonly within: Value | undefined;
}

/** Values with their types. They are looked for as guards read texts, and as JSON in a text escapes them. Yields what each step cost. */
export function* literalFinder(types: Iterable<readonly [value: string, type: string]>): Generator<number, Finder> {
  const known = new Map<string, string>();
  let count = 0;
  for (const [value, type] of types) {
    if (++count % STEP_VALUES === 0) yield STEP_VALUES * COST;
    for (const written of ESCAPED.test(value) ? [value, JSON.stringify(value).slice(1, -1)] : [value]) {
      const { text } = fold(written);
      if (text !== '' && !known.has(text)) known.set(text, type);
    }
  }
  return new LiteralFinder(yield* nested(yield* inOrder([...known.keys()]), known));
}

class LiteralFinder implements Finder {
  readonly step = STEP;
  readonly longest: number;
  readonly #values: readonly Value[];
  /** What they begin with. */
  readonly #first: ReadonlySet<number>;

  constructor(values: readonly Value[]) {
    this.#values = values;
    this.#first = new Set(values.map(({ text }) => text.charCodeAt(0)));
    this.longest = values.reduce((most, { text }) => Math.max(most, text.length), 0);
  }

  find(text: string, from: number, until: number, found: Found): void {
    for (let at = from; at < until; at++) {
      if (!this.#first.has(text.charCodeAt(at))) continue;
      const value = this.#at(text, at);
      if (!value) continue;
      found(at, at + value.text.length, value.type);
      at += value.text.length - 1;
    }
  }

  /** The longest that stands there. It is the last one that is not after what stands there, or one that this begins with. */
  #at(text: string, at: number): Value | undefined {
    const there = text.slice(at, at + this.longest);
    let low = 0;
    let high = this.#values.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#values[middle]!.text <= there) low = middle + 1;
      else high = middle;
    }
    let value = this.#values[low - 1];
    while (value && !there.startsWith(value.text)) value = value.within;
    return value;
  }
}

function* nested(sorted: readonly string[], types: ReadonlyMap<string, string>): Generator<number, Value[]> {
  const values: Value[] = [];
  const around: Value[] = [];
  for (const text of sorted) {
    while (around.length > 0 && !text.startsWith(around.at(-1)!.text)) around.pop();
    const value = { text, type: types.get(text)!, within: around.at(-1) };
    values.push(value);
    around.push(value);
    if (values.length % STEP_VALUES === 0) yield STEP_VALUES * COST;
  }
  return values;
}

/** Sorted in steps: short runs at once, which are merged two by two. */
function* inOrder(texts: readonly string[]): Generator<number, readonly string[]> {
  let runs: (readonly string[])[] = [];
  for (let at = 0; at < texts.length; at += STEP_VALUES) {
    runs.push(texts.slice(at, at + STEP_VALUES).sort());
    yield STEP_VALUES * COST;
  }
  while (runs.length > 1) {
    const longer: (readonly string[])[] = [];
    for (let n = 0; n < runs.length; n += 2) longer.push(yield* merged(runs[n]!, runs[n + 1] ?? []));
    runs = longer;
  }
  return runs[0] ?? [];
}

function* merged(one: readonly string[], other: readonly string[]): Generator<number, readonly string[]> {
  const all: string[] = [];
  for (let a = 0, b = 0; a < one.length || b < other.length; ) {
    const isFirst = b >= other.length || (a < one.length && one[a]! <= other[b]!);
    all.push(isFirst ? one[a++]! : other[b++]!);
    if (all.length % STEP_VALUES === 0) yield STEP_VALUES * COST;
  }
  return all;
}
