/**
 * How deep JSON nests and how many values it holds, counted while its bytes arrive and before anything is built of them: one
 * pass, no memory. It does not say whether the bytes are JSON; what is built of bytes that pass is bounded, whatever they are.
 */
export interface JsonLimits {
  /** Levels of objects and lists. */
  readonly depth: number;
  /** Members of objects and items of lists, all together. */
  readonly values: number;
  /** Of these, members of objects, which cost most to build; as many as there are values where it is left out. */
  readonly keys?: number;
  /** Of these, objects and lists; as many as there are values where it is left out. */
  readonly holders?: number;
}

export type JsonExcess = 'too_deep' | 'too_many';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
/** So far into a text each byte is looked at; a longer one is searched for its end. */
const SHORT_TEXT = 32;

export class JsonBounds {
  readonly #limits: JsonLimits;
  #depth = 0;
  /** Openings and commas: never less than there are members and items. */
  #values = 0;
  #keys = 0;
  #holders = 0;
  #inText = false;
  #escaped = false;

  constructor(limits: JsonLimits) {
    this.#limits = limits;
  }

  /** The next bytes. Null: within the limits so far. */
  read(bytes: Uint8Array): JsonExcess | null {
    const { depth: deepest, values: most, keys: mostKeys = most, holders: mostHolders = most } = this.#limits;
    let depth = this.#depth;
    let values = this.#values;
    let keys = this.#keys;
    let holders = this.#holders;
    let inText = this.#inText;
    let escaped = this.#escaped;
    let textFrom = 0;
    let quoteAt = -1;
    let backslashAt = -1;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (inText) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inText = false;
        else if (i - textFrom >= SHORT_TEXT) {
          // Each is searched for again only once it is passed, so that all searches together read the bytes once.
          if (quoteAt < i) quoteAt = indexOrEnd(bytes, QUOTE, i);
          if (backslashAt < i) backslashAt = indexOrEnd(bytes, BACKSLASH, i);
          i = Math.min(quoteAt, backslashAt) - 1;
          textFrom = i;
        }
      } else if (byte === QUOTE) {
        inText = true;
        textFrom = i;
      } else if (byte === COMMA) {
        if (++values > most) return 'too_many';
      } else if (byte === COLON) {
        if (++keys > mostKeys) return 'too_many';
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (++depth > deepest) return 'too_deep';
        if (++values > most || ++holders > mostHolders) return 'too_many';
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    }
    this.#depth = depth;
    this.#values = values;
    this.#keys = keys;
    this.#holders = holders;
    this.#inText = inText;
    this.#escaped = escaped;
    return null;
  }
}

function indexOrEnd(bytes: Uint8Array, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at === -1 ? bytes.length : at;
}

/** The same of whole bytes. */
export const jsonExcess = (bytes: Uint8Array, limits: JsonLimits): JsonExcess | null =>
  new JsonBounds(limits).read(bytes);
