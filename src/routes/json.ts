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

/** The value at a path with dots; a member whose whole name has dots goes first. */
export function at(value: Json | undefined, path: string): Json | undefined {
  if (!isObject(value)) return undefined;
  if (value.has(path)) return value.get(path);
  const dot = path.indexOf('.');
  return dot === -1 ? undefined : at(value.get(path.slice(0, dot)), path.slice(dot + 1));
}

/** Takes a value out; answers it, or undefined where there is none. */
export function take(value: Json | undefined, path: string): Json | undefined {
  if (!isObject(value)) return undefined;
  if (value.has(path)) {
    const found = value.get(path);
    value.delete(path);
    return found;
  }
  const dot = path.indexOf('.');
  return dot === -1 ? undefined : take(value.get(path.slice(0, dot)), path.slice(dot + 1));
}

/** Puts a value at a path, making objects on the way; what is no object on the way is replaced. */
export function put(object: JsonObject, path: string, value: Json): void {
  const dot = path.indexOf('.');
  if (dot === -1 || object.has(path)) return void object.set(path, value);
  const name = path.slice(0, dot);
  let inner = object.get(name);
  if (!isObject(inner)) object.set(name, (inner = new Map()));
  put(inner, path.slice(dot + 1), value);
}

/** A copy that shares nothing that can be changed. */
export function copyOf(value: Json): Json {
  if (Array.isArray(value)) return value.map(copyOf);
  return isObject(value) ? new Map([...value].map(([name, inner]) => [name, copyOf(inner)])) : value;
}
