/**
 * JSON that goes through the gateway and is not its own: numbers stay the digits that they were written as, members stay in
 * order and under any name (`__proto__` is one like any other), and nesting is bounded. A member that comes twice counts the
 * last time.
 */
export type Json = null | boolean | string | Digits | Json[] | JsonObject;
export type JsonObject = Map<string, Json>;

/** A number as it was written. */
export class Digits {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const DEEPEST = 256;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const SPACE = /[ \t\r\n]*/y;
/** Undefined where the text is not JSON, or nested too deeply. */
export function parseJson(text: string): Json | undefined {
  const reader = new Reader(text);
  try {
    const value = reader.value(0);
    return reader.atEnd() ? value : undefined;
  } catch (error) {
    if (error === NOT_JSON) return undefined;
    throw error;
  }
}

const NOT_JSON = new Error('not JSON');

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    this.#space();
    return this.#at === this.#text.length;
  }

  value(depth: number): Json {
    if (depth > DEEPEST) throw NOT_JSON;
    this.#space();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return new Digits(this.#take(NUMBER));
    }
  }

  #object(depth: number): JsonObject {
    const object: JsonObject = new Map();
    this.#at += 1;
    this.#space();
    if (this.#skip('}')) return object;
    do {
      this.#space();
      const name = this.#string();
      this.#space();
      if (!this.#skip(':')) throw NOT_JSON;
      object.set(name, this.value(depth + 1));
      this.#space();
    } while (this.#skip(','));
    if (!this.#skip('}')) throw NOT_JSON;
    return object;
  }

  #array(depth: number): Json[] {
    const array: Json[] = [];
    this.#at += 1;
    this.#space();
    if (this.#skip(']')) return array;
    do {
      array.push(this.value(depth + 1));
      this.#space();
    } while (this.#skip(','));
    if (!this.#skip(']')) throw NOT_JSON;
    return array;
  }

  #string(): string {
    const written = this.#stringEnd();
    if (!written.includes('\\')) return written.slice(1, -1);
    try {
      return JSON.parse(written) as string;
    } catch {
      throw NOT_JSON; // an escape that is none
    }
  }

  #stringEnd(): string {
    const text = this.#text;
    if (text[this.#at] !== '"') throw NOT_JSON;
    for (let i = this.#at + 1; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code === 92) i += 1;
      else if (code < 32) throw NOT_JSON;
      else if (code === 34) {
        const written = text.slice(this.#at, i + 1);
        this.#at = i + 1;
        return written;
      }
    }
    throw NOT_JSON;
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw NOT_JSON;
    this.#at += word.length;
    return value;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined || found === '') throw NOT_JSON;
    this.#at += found.length;
    return found;
  }

  #skip(sign: string): boolean {
    if (this.#text[this.#at] !== sign) return false;
    this.#at += 1;
    return true;
  }

  #space(): void {
    SPACE.lastIndex = this.#at;
    this.#at += SPACE.exec(this.#text)![0].length;
  }
}

export function writeJson(value: Json): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Digits) return value.text;
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`;
  return `{${[...value].map(([name, inner]) => `${JSON.stringify(name)}:${writeJson(inner)}`).join(',')}}`;
}

export const isObject = (value: Json | undefined): value is JsonObject => value instanceof Map;

/** A plain value, such as one of the configuration, as JSON here. */
export function fromPlain(value: unknown): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return new Digits(JSON.stringify(value));
  if (Array.isArray(value)) return value.map(fromPlain);
  return new Map(Object.entries(value as object).map(([name, inner]) => [name, fromPlain(inner)]));
}

/** What stands before the first dot of a path, and after it; undefined where there is no dot. */
function split(path: string): readonly [head: string, rest: string] | undefined {
  const dot = path.indexOf('.');
  return dot === -1 ? undefined : [path.slice(0, dot), path.slice(dot + 1)];
}

/**
 * The value at a path with dots; a member whose whole name has dots goes first. Where the path leads into a list it is the list
 * of what its items have there.
 */
export function at(value: Json | undefined, path: string): Json | undefined {
  if (Array.isArray(value)) {
    const found = value.map((item) => at(item, path)).filter((one) => one !== undefined);
    return found.length > 0 ? found.flat() : undefined;
  }
  if (!isObject(value)) return undefined;
  if (value.has(path)) return value.get(path);
  const steps = split(path);
  return steps && at(value.get(steps[0]), steps[1]);
}

/** Takes the values at a path out, in each item of the lists on the way. */
export function remove(value: Json | undefined, path: string): void {
  if (Array.isArray(value)) for (const item of value) remove(item, path);
  if (!isObject(value) || value.delete(path)) return;
  const steps = split(path);
  if (steps) remove(value.get(steps[0]), steps[1]);
}

/** Moves what is at one path to another, in each item of the lists that both lead into. */
export function move(value: Json | undefined, from: string, to: string): void {
  if (Array.isArray(value)) for (const item of value) move(item, from, to);
  if (!isObject(value)) return;
  const [first, second] = [split(from), split(to)];
  if (!value.has(from) && first && second && first[0] === second[0])
    return move(value.get(first[0]), first[1], second[1]);
  const taken = take(value, from);
  if (taken !== undefined) put(value, to, taken);
}

function take(value: Json | undefined, path: string): Json | undefined {
  if (!isObject(value)) return undefined;
  if (value.has(path)) {
    const found = value.get(path);
    value.delete(path);
    return found;
  }
  const steps = split(path);
  if (!steps) return undefined;
  const inner = value.get(steps[0]);
  if (!Array.isArray(inner)) return take(inner, steps[1]);
  const found = inner.map((item) => take(item, steps[1])).filter((one) => one !== undefined);
  return found.length > 0 ? found.flat() : undefined;
}

/** Puts a value at a path, making objects on the way, in each item of the lists on it; what is neither is replaced. */
export function put(object: JsonObject, path: string, value: Json): void {
  const steps = object.has(path) ? undefined : split(path);
  if (!steps) return void object.set(path, value);
  const inner = object.get(steps[0]);
  if (Array.isArray(inner)) {
    for (const item of inner) if (isObject(item)) put(item, steps[1], copyOf(value));
    return;
  }
  const into: JsonObject = isObject(inner) ? inner : new Map();
  if (into !== inner) object.set(steps[0], into);
  put(into, steps[1], value);
}

/** A copy with nothing but what is at the paths, in each item of the lists on the way. */
export function only(value: Json, paths: readonly string[]): Json {
  if (Array.isArray(value)) return value.map((item) => only(item, paths));
  if (!isObject(value)) return value;
  const kept: JsonObject = new Map();
  const below = new Map<string, string[]>();
  for (const path of paths) {
    if (value.has(path)) kept.set(path, copyOf(value.get(path)!));
    const steps = value.has(path) ? undefined : split(path);
    if (!steps) continue;
    const [head, rest] = steps;
    const inner = value.get(head);
    if (!Array.isArray(inner) && !isObject(inner)) continue;
    const rests = below.get(head) ?? [];
    rests.push(rest);
    below.set(head, rests);
    const found = only(inner, rests);
    if (!isObject(found) || found.size > 0) kept.set(head, found);
  }
  return kept;
}

/** A copy that shares nothing that can be changed. */
export function copyOf(value: Json): Json {
  if (Array.isArray(value)) return value.map(copyOf);
  return isObject(value) ? new Map([...value].map(([name, inner]) => [name, copyOf(inner)])) : value;
}
