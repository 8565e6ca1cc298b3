/**
 * What a stream generated, for whoever counts it. So much of it is kept as nearly no answer is longer than; of what comes after
 * that only its length, so that a stream without an end holds no memory. It comes in pieces of a few characters, each of which
 * takes as much memory as fifty: they are put together as they come. What is kept of a long answer is compressed, so that
 * thousands of them take little while they wait for callers that do not read.
 */
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';

const MOST_CHARS = 128 * 1024;
/** Pieces are put together when they have so many characters, and compressed when there are so many bytes. */
const RECENT_CHARS = 1024;
const BLOCK_BYTES = 16 * 1024;
const FIRST_BYTES = 2 * 1024;
const FASTEST = { level: constants.Z_BEST_SPEED, memLevel: 7 };
const NONE = Buffer.alloc(0);

interface Packed {
  readonly bytes: Buffer;
  readonly chars: number;
}

export class GeneratedText {
  readonly #packed: Packed[] = [];
  #packedChars = 0;
  /** What came since, in UTF-8, but for what is recent. */
  #bytes = NONE;
  #used = 0;
  #recent = '';
  #keptChars = 0;
  /** All characters that came, those included that are not kept. */
  chars = 0;

  get isEmpty(): boolean {
    return this.chars === 0;
  }

  /** What is kept, from a character to another one. */
  kept(from = 0, to = MOST_CHARS): string {
    let text = '';
    let at = 0;
    for (const { bytes, chars } of this.#packed) {
      if (at + chars > from && at < to) text += part(inflateRawSync(bytes).toString('utf8'), from - at, to - at);
      at += chars;
    }
    if (at >= to) return text;
    return text + part(this.#bytes.toString('utf8', 0, this.#used) + this.#recent, from - at, to - at);
  }

  /**
   * What is kept, in pieces, each unpacked when its turn comes: who counts hundreds at once has only a piece of each. They begin with
   * a space where they can, so that what is one token stays one.
   */
  *pieces(): Generator<string> {
    let text = '';
    for (const { bytes } of this.#packed) {
      text += inflateRawSync(bytes).toString('utf8');
      const end = text.lastIndexOf(' ');
      yield end > 0 ? text.slice(0, end) : text;
      text = end > 0 ? text.slice(end) : '';
    }
    yield text + this.#bytes.toString('utf8', 0, this.#used) + this.#recent;
  }

  add(text: string): void {
    this.chars += text.length;
    const room = MOST_CHARS - this.#keptChars;
    if (room === 0) return;
    const taken = text.length <= room ? text : text.slice(0, room);
    this.#recent += taken;
    this.#keptChars += taken.length;
    if (this.#recent.length >= RECENT_CHARS || taken.length === room) this.#putTogether(taken.length === room);
  }

  #putTogether(isAll: boolean): void {
    const text = this.#recent;
    // Of a character that is two halves the second one is still to come.
    const whole = isAll || !isFirstHalf(text.charCodeAt(text.length - 1)) ? text : text.slice(0, -1);
    this.#recent = whole === text ? '' : text.slice(-1);
    const size = Buffer.byteLength(whole);
    this.#takeRoom(this.#used + size);
    this.#used += this.#bytes.write(whole, this.#used);
    if (isAll || this.#used >= BLOCK_BYTES) this.#pack();
  }

  #takeRoom(size: number): void {
    if (size <= this.#bytes.length) return;
    let room = Math.max(FIRST_BYTES, this.#bytes.length);
    while (room < size) room *= 2;
    const larger = Buffer.allocUnsafeSlow(room);
    this.#bytes.copy(larger, 0, 0, this.#used);
    this.#bytes = larger;
  }

  #pack(): void {
    const chars = this.#keptChars - this.#recent.length - this.#packedChars;
    const packed = deflateRawSync(this.#bytes.subarray(0, this.#used), FASTEST);
    // zlib gives a part of a larger buffer.
    const bytes = Buffer.allocUnsafeSlow(packed.length);
    packed.copy(bytes);
    this.#packed.push({ bytes, chars });
    this.#packedChars += chars;
    this.#bytes = NONE;
    this.#used = 0;
  }
}

const part = (text: string, from: number, to: number): string => text.slice(Math.max(0, from), to);

const isFirstHalf = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;

/** Tokens of all `chars` that were generated, where `tokens` are those of the first `counted` ones: the rest is like them. */
export const ofAll = (tokens: number, counted: number, chars: number): number =>
  chars <= counted ? tokens : Math.ceil((tokens * chars) / counted);
