/**
 * Reads a body with the transfer coding `chunked` as it comes: one chunk, or the part of it that is there, at a time. Sizes
 * must be hexadecimal digits. Extensions are ignored. Sizes, extensions and trailers have limits.
 */
import { readTrailers } from './answer-head.js';
import { HttpFault } from './faults.js';
import { Section } from './section.js';

const MOST_DIGITS = 16;
const MOST_EXTENSION_BYTES = 16 * 1024;
const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SEMICOLON = 0x3b;
const DEL = 0x7f;
const SPACE = 0x20;

type ChunkState =
  | 'size'
  | 'extension'
  | 'size_lf'
  | 'data'
  | 'data_cr'
  | 'data_lf'
  | 'last'
  | 'last_lf'
  | 'trailers'
  | 'over';

export class Chunked {
  #state: ChunkState = 'size';
  #left = 0;
  #digits = 0;
  #extensionBytes = 0;
  readonly #trailers = new Section();
  /** Where the payload that was read last begins and ends in the bytes given to `read`; none where both are equal. */
  from = 0;
  to = 0;
  /** The trailers; null until the body has ended, and where there are none. */
  trailers: string[] | null = null;

  /** Starts over, for the next body. */
  begin(): void {
    this.#state = 'size';
    this.#left = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
    this.#trailers.clear();
    this.trailers = null;
  }

  get over(): boolean {
    return this.#state === 'over';
  }

  /** Reads up to the end of a payload, of the body or of `bytes`; returns where it stopped. */
  read(bytes: Buffer, start: number, end: number): number {
    this.from = 0;
    this.to = 0;
    let at = start;
    while (at < end && this.to === 0 && this.#state !== 'over') at = this.#step(bytes, at, end);
    return at;
  }

  #step(bytes: Buffer, at: number, end: number): number {
    const byte = bytes[at]!;
    switch (this.#state) {
      case 'size':
        return this.#size(byte, at);
      case 'extension':
        if (byte === CR) this.#state = 'size_lf';
        else if ((byte < SPACE && byte !== TAB) || byte === DEL || ++this.#extensionBytes > MOST_EXTENSION_BYTES)
          throw new HttpFault('BAD_CHUNK');
        return at + 1;
      case 'size_lf':
        if (byte !== LF) throw new HttpFault('BAD_CHUNK');
        this.#digits = 0;
        this.#state = this.#left > 0 ? 'data' : 'last';
        return at + 1;
      case 'data':
        return this.#data(at, end);
      case 'data_cr':
        if (byte !== CR) throw new HttpFault('BAD_CHUNK');
        this.#state = 'data_lf';
        return at + 1;
      case 'data_lf':
        if (byte !== LF) throw new HttpFault('BAD_CHUNK');
        this.#state = 'size';
        return at + 1;
      case 'last':
        if (byte === CR) {
          this.#state = 'last_lf';
          return at + 1;
        }
        this.#state = 'trailers';
        return at;
      case 'last_lf':
        if (byte !== LF) throw new HttpFault('BAD_CHUNK');
        this.#state = 'over';
        return at + 1;
      case 'trailers': {
        const after = this.#trailers.find(bytes, at, end);
        if (after === -1) return end;
        this.trailers = readTrailers(this.#trailers.text);
        this.#state = 'over';
        return after;
      }
      default:
        return at;
    }
  }

  #size(byte: number, at: number): number {
    const digit = hexOf(byte);
    if (digit >= 0) {
      this.#left = this.#left * 16 + digit;
      if (++this.#digits > MOST_DIGITS || this.#left > Number.MAX_SAFE_INTEGER) throw new HttpFault('BAD_CHUNK');
      return at + 1;
    }
    if (this.#digits === 0 || (byte !== CR && byte !== SEMICOLON)) throw new HttpFault('BAD_CHUNK');
    this.#state = byte === CR ? 'size_lf' : 'extension';
    return at + 1;
  }

  #data(at: number, end: number): number {
    const length = Math.min(this.#left, end - at);
    this.from = at;
    this.to = at + length;
    this.#left -= length;
    if (this.#left === 0) this.#state = 'data_cr';
    return this.to;
  }
}

function hexOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
