/**
 * Places in a text, in characters (UTF-16 code units, as OpenAI counts) and in bytes of UTF-8 (as Google does). The text is measured
 * once, in pieces; a place is then found within one of them, so that many places in a long text cost little.
 */

const PIECE_CHARS = 4096;

export class TextPlaces {
  readonly #text: string;
  /** Bytes in front of each piece, and of them all. */
  readonly #bytes: number[] = [0];

  constructor(text: string) {
    this.#text = text;
    for (let piece = 0; piece * PIECE_CHARS < text.length; piece++)
      this.#bytes.push(this.#bytes[piece]! + Buffer.byteLength(this.#piece(piece)));
  }

  /** Bytes in front of the character; of the whole text where it has no such. */
  bytesAt(index: number): number {
    if (!(index > 0)) return 0;
    if (index >= this.#text.length) return this.#bytes.at(-1)!;
    const piece = Math.floor(index / PIECE_CHARS);
    return this.#bytes[piece]! + Buffer.byteLength(this.#text.slice(this.#startOf(piece), index));
  }

  /** Characters in front of the byte; of the whole text where it has no such. */
  charsAt(bytes: number): number {
    if (!(bytes > 0)) return 0;
    if (bytes >= this.#bytes.at(-1)!) return this.#text.length;
    let piece = 0;
    for (let after = this.#bytes.length - 1; after - piece > 1; ) {
      const between = (piece + after) >> 1;
      if (this.#bytes[between]! <= bytes) piece = between;
      else after = between;
    }
    const within = Buffer.from(this.#piece(piece)).subarray(0, bytes - this.#bytes[piece]!);
    return this.#startOf(piece) + within.toString('utf8').length;
  }

  #piece(piece: number): string {
    return this.#text.slice(this.#startOf(piece), this.#startOf(piece + 1));
  }

  /** No pair of surrogates is parted. */
  #startOf(piece: number): number {
    const at = Math.min(piece * PIECE_CHARS, this.#text.length);
    const parts = isBetween(this.#text.charCodeAt(at - 1), 0xd800) && isBetween(this.#text.charCodeAt(at), 0xdc00);
    return parts ? at - 1 : at;
  }
}

const isBetween = (code: number, first: number): boolean => code >= first && code < first + 0x400;
