/**
 * How deep JSON nests and how many values it holds, counted while its bytes arrive and before anything is built of them: one
 * pass, no memory. It does not say whether the bytes are JSON; what is built of bytes that pass is bounded, whatever they are.
 */
export interface JsonLimits {
  /** Levels of objects and lists. */
  readonly depth: number;
  /** Members of objects and items of lists, all together. */
  readonly values: number;
}

export type JsonExcess = 'too_deep' | 'too_many';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

export class JsonBounds {
  readonly #limits: JsonLimits;
  #depth = 0;
  /** Openings and commas: never less than there are members and items. */
  #values = 0;
  #inText = false;
  #escaped = false;

  constructor(limits: JsonLimits) {
    this.#limits = limits;
  }

  /** The next bytes. Null: within the limits so far. */
  read(bytes: Uint8Array): JsonExcess | null {
    const { depth: deepest, values: most } = this.#limits;
    let depth = this.#depth;
    let values = this.#values;
    let inText = this.#inText;
    let escaped = this.#escaped;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (inText) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inText = false;
      } else if (byte === QUOTE) inText = true;
      else if (byte === COMMA) {
        if (++values > most) return 'too_many';
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (++depth > deepest) return 'too_deep';
        if (++values > most) return 'too_many';
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    }
    this.#depth = depth;
    this.#values = values;
    this.#inText = inText;
    this.#escaped = escaped;
    return null;
  }
}

/** The same of whole bytes. */
export const jsonExcess = (bytes: Uint8Array, limits: JsonLimits): JsonExcess | null =>
  new JsonBounds(limits).read(bytes);
