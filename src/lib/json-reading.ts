/**
 * Reads JSON in steps of well under a millisecond, so that others are served in between; `JSON.parse` of a large text holds
 * everybody up. The value is the one that `JSON.parse` makes. Where the whole is an object, the places of its fields in the
 * bytes are told as well. The bytes must be UTF-8; their depth and number of values are bounded by whoever let them in.
 */
import type { Work } from './turns.js';

/** A field of the outermost object: where its name and its value are. */
export interface ReadField {
  readonly name: string;
  /** The index of the name's opening quote. */
  readonly start: number;
  readonly valueStart: number;
  /** The index after the value's last byte. */
  readonly valueEnd: number;
}

export interface ReadLimits {
  /** Levels of objects and lists. */
  readonly depth: number;
  /** Names of one object. */
  readonly names: number;
  /** A field of the outermost object whose value is passed over where it is a list or an object: it is not kept, nor checked. */
  readonly passedOver?: string;
}

/** Why nothing was read: what is not JSON, and what is beyond a limit. */
export type ReadProblem = 'syntax' | 'ends' | 'depth' | 'names' | 'long';

const STEP_BYTES = 16 * 1024;
const STEP_VALUES = 1000;
/** A short text is read byte by byte; a longer one in segments. */
const SHORT_TEXT = 64;
/** Longest name and longest number. */
const LONGEST_WORD = 64 * 1024;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const MINUS = 0x2d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** What may come next. */
type Expected =
  | 'value'
  | 'item or end'
  | 'name or end'
  | 'name'
  | 'colon'
  | 'comma or end'
  | 'text'
  | 'passing over'
  | 'nothing';

type Holder = unknown[] | Record<string, unknown>;

const WORDS: Readonly<Record<number, readonly [word: string, value: boolean | null]>> = {
  116: ['true', true],
  102: ['false', false],
  110: ['null', null],
};

/** Thrown and caught in here: there is no way on. */
class Stop {
  readonly problem: ReadProblem;
  constructor(problem: ReadProblem) {
    this.problem = problem;
  }
}

export class JsonReading implements Work {
  readonly fields: ReadField[] = [];
  /** Of the outermost object: the index of its closing brace. */
  end = -1;
  value: unknown;
  problem: ReadProblem | undefined;
  #at = 0;
  readonly #bytes: Buffer;
  readonly #limits: ReadLimits;
  readonly #open: Holder[] = [];
  /** For each open object the name whose value comes next, and how many names it has. */
  readonly #names: string[] = [];
  readonly #counts: number[] = [];
  #expected: Expected = 'value';
  /** The text that is being read is a name. */
  #isName = false;
  #text = '';
  #first = 0;
  #start = 0;
  #valueStart = 0;
  /** Of what is passed over: how deep, and whether in a text. */
  #passedDepth = 0;
  #inText = false;

  constructor(bytes: Buffer, limits: ReadLimits) {
    this.#bytes = bytes;
    this.#limits = limits;
  }

  /** Where the reading is, or stopped. */
  get at(): number {
    return this.#at;
  }

  /** The first character of the last long text. */
  get first(): number {
    return this.#first;
  }

  step(): number {
    const from = this.#at;
    try {
      if (!this.#read(Math.min(this.#bytes.length, from + STEP_BYTES))) return this.#at - from + 1;
    } catch (stop) {
      if (!(stop instanceof Stop)) throw stop;
      this.problem = stop.problem;
      this.value = undefined;
    }
    return -1;
  }

  /** Reads to about `until`; true once all is read. */
  #read(until: number): boolean {
    const bytes = this.#bytes;
    for (let values = 0; this.#at < until && values < STEP_VALUES; values++) {
      if (this.#expected === 'text') {
        this.#segment(until);
        continue;
      }
      if (this.#expected === 'passing over') {
        this.#passOver(until);
        continue;
      }
      const byte = bytes[this.#at]!;
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
        this.#at++;
        values--;
      } else this.#sign(byte);
    }
    if (this.#at < bytes.length) return false;
    if (this.#expected !== 'nothing') throw new Stop('ends');
    return true;
  }

  #sign(byte: number): void {
    switch (this.#expected) {
      case 'item or end':
        if (byte === CLOSE_BRACKET) return this.#close(byte);
        return this.#begin(byte);
      case 'value':
        return this.#begin(byte);
      case 'name or end':
        if (byte === CLOSE_BRACE) return this.#close(byte);
        return this.#beginName(byte);
      case 'name':
        return this.#beginName(byte);
      case 'colon':
        if (byte !== COLON) throw new Stop('syntax');
        this.#at++;
        this.#expected = 'value';
        return;
      case 'comma or end':
        if (byte !== COMMA) return this.#close(byte);
        this.#at++;
        this.#expected = Array.isArray(this.#open.at(-1)) ? 'value' : 'name';
        return;
      default:
        throw new Stop('syntax');
    }
  }

  #beginName(byte: number): void {
    if (byte !== QUOTE) throw new Stop('syntax');
    if (this.#open.length === 1) this.#start = this.#at;
    this.#beginText(true);
  }

  #begin(byte: number): void {
    if (this.#open.length === 1) this.#valueStart = this.#at;
    const nests = byte === OPEN_BRACE || byte === OPEN_BRACKET;
    if (nests && this.#open.length === 1 && this.#names[0] === this.#limits.passedOver && !Array.isArray(this.#open[0]))
      this.#expected = 'passing over';
    else if (byte === QUOTE) this.#beginText(false);
    else if (byte === OPEN_BRACE) this.#enter({});
    else if (byte === OPEN_BRACKET) this.#enter([]);
    else if (byte === MINUS || (byte >= 0x30 && byte <= 0x39)) this.#number();
    else this.#word(byte);
  }

  #enter(holder: Holder): void {
    if (this.#open.length >= this.#limits.depth) throw new Stop('depth');
    this.#open.push(holder);
    this.#names.push('');
    this.#counts.push(0);
    this.#at++;
    this.#expected = Array.isArray(holder) ? 'item or end' : 'name or end';
  }

  #close(byte: number): void {
    const holder = this.#open.at(-1);
    if (holder === undefined || byte !== (Array.isArray(holder) ? CLOSE_BRACKET : CLOSE_BRACE))
      throw new Stop('syntax');
    if (this.#open.length === 1) this.end = this.#at;
    this.#open.pop();
    this.#names.pop();
    this.#counts.pop();
    this.#at++;
    this.#take(holder);
  }

  #take(value: unknown): void {
    const depth = this.#open.length;
    if (depth === 0) {
      this.value = value;
      this.#expected = 'nothing';
      return;
    }
    const holder = this.#open[depth - 1]!;
    this.#expected = 'comma or end';
    if (Array.isArray(holder)) return void holder.push(value);
    const name = this.#names[depth - 1]!;
    const count = ++this.#counts[depth - 1]!;
    if (count > this.#limits.names) throw new Stop('names');
    if (name === '__proto__')
      Object.defineProperty(holder, name, { value, enumerable: true, configurable: true, writable: true });
    else holder[name] = value;
    if (depth > 1) return;
    this.fields.push({ name, start: this.#start, valueStart: this.#valueStart, valueEnd: this.#at });
  }

  #beginText(isName: boolean): void {
    const bytes = this.#bytes;
    const from = this.#at + 1;
    this.#isName = isName;
    const until = Math.min(bytes.length, from + SHORT_TEXT);
    for (let at = from; at < until; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        this.#at = at + 1;
        return this.#endText(bytes.toString('latin1', from, at));
      }
      if (byte < 0x20) throw new Stop('syntax');
      if (byte === BACKSLASH || byte > 0x7e) break;
    }
    this.#at = from;
    this.#text = '';
    this.#expected = 'text';
  }

  /** The next segment of a text, up to its end where that is near. */
  #segment(until: number): void {
    const bytes = this.#bytes;
    const from = this.#at;
    let at = from;
    let plain = true;
    while (at < until) {
      const byte = bytes[at]!;
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        plain = false;
        at += bytes[at + 1] === 0x75 ? 6 : 2;
      } else if (byte < 0x20) throw new Stop('syntax');
      else at++;
    }
    // A character of several bytes stays whole.
    while (at < bytes.length && (bytes[at]! & 0xc0) === 0x80) at++;
    at = Math.min(at, bytes.length);
    const written = bytes.toString('utf8', from, at);
    this.#text += plain ? written : unescaped(written);
    if (this.#isName && this.#text.length > LONGEST_WORD) throw new Stop('long');
    this.#at = at;
    if (bytes[at] !== QUOTE) return;
    this.#at++;
    const text = this.#text;
    this.#text = '';
    // Made of many segments it is put together when it is first looked at: that is done here, in a step of its own.
    this.#first = text.charCodeAt(0);
    this.#endText(text);
  }

  #passOver(until: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let inText = this.#inText;
    let depth = this.#passedDepth;
    while (at < until) {
      const byte = bytes[at++]!;
      if (inText) {
        if (byte === BACKSLASH) at++;
        else if (byte === QUOTE) inText = false;
      } else if (byte === QUOTE) inText = true;
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
      else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) break;
    }
    this.#at = Math.min(at, bytes.length);
    this.#inText = inText;
    this.#passedDepth = depth;
    if (depth === 0) this.#take(undefined);
  }

  #endText(text: string): void {
    if (!this.#isName) return this.#take(text);
    this.#names[this.#open.length - 1] = text;
    this.#expected = 'colon';
  }

  #number(): void {
    const bytes = this.#bytes;
    let at = this.#at;
    const longest = Math.min(bytes.length, at + LONGEST_WORD);
    while (at < longest && isOfNumber(bytes[at]!)) at++;
    if (at - this.#at >= LONGEST_WORD) throw new Stop('long');
    const written = bytes.toString('latin1', this.#at, at);
    if (!NUMBER.test(written)) throw new Stop(at === bytes.length ? 'ends' : 'syntax');
    this.#at = at;
    this.#take(Number(written));
  }

  #word(byte: number): void {
    const known = WORDS[byte];
    if (!known) throw new Stop('syntax');
    const [word, value] = known;
    if (this.#bytes.toString('latin1', this.#at, this.#at + word.length) !== word) throw new Stop('syntax');
    this.#at += word.length;
    this.#take(value);
  }
}

function unescaped(written: string): string {
  try {
    return JSON.parse(`"${written}"`) as string;
  } catch {
    throw new Stop('syntax');
  }
}

/** Digits, signs, a point and an exponent. */
const isOfNumber = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || byte === 0x2e || byte === 0x2d || byte === 0x2b || byte === 0x65 || byte === 0x45;
