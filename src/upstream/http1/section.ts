/**
 * Bytes up to an empty line, in however many pieces they come: a head, or trailers. What is already there is not searched
 * again, and there is a limit.
 */
import { HttpFault } from './faults.js';

const LARGEST_BYTES = 64 * 1024;
const FIRST_BYTES = 1024;
const EMPTY_LINE = Buffer.from('\r\n\r\n');
const NONE = Buffer.alloc(0);

export class Section {
  #held = NONE;
  #length = 0;
  /** What was found, with the line break of its last line. */
  text = '';

  /** Where in `bytes` what comes after the empty line begins; -1 where it is not there yet. */
  find(bytes: Buffer, at: number, end: number): number {
    if (this.#length > 0) return this.#findOn(bytes, at, end);
    const found = bytes.indexOf(EMPTY_LINE, at);
    // A buffer that is read into over and over may hold an earlier one behind its end.
    if (found === -1 || found + 4 > end) return this.#hold(bytes, at, end);
    if (found + 4 - at > LARGEST_BYTES) throw new HttpFault('HEADERS_TOO_LARGE');
    this.text = bytes.toString('latin1', at, found + 2);
    return found + 4;
  }

  #hold(bytes: Buffer, at: number, end: number): -1 {
    const length = this.#length + end - at;
    if (length > LARGEST_BYTES) throw new HttpFault('HEADERS_TOO_LARGE');
    if (length > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, 2 * length));
      this.#held.copy(larger, 0, 0, this.#length);
      this.#held = larger;
    }
    bytes.copy(this.#held, this.#length, at, end);
    this.#length = length;
    return -1;
  }

  #findOn(bytes: Buffer, at: number, end: number): number {
    const before = this.#length;
    // No more of them than may belong to it: what comes after is not held.
    const room = Math.min(end, at + LARGEST_BYTES - before);
    if (room > at) this.#hold(bytes, at, room);
    const found = this.#held.subarray(0, this.#length).indexOf(EMPTY_LINE, Math.max(0, before - 3));
    if (found === -1) {
      if (room < end) throw new HttpFault('HEADERS_TOO_LARGE');
      return -1;
    }
    this.text = this.#held.toString('latin1', 0, found + 2);
    this.clear();
    return at + found + 4 - before;
  }

  /** Whether what is held so far is the beginning of this text, or the other way round. */
  beginsAs(text: Buffer): boolean {
    const length = Math.min(text.length, this.#length);
    return this.#held.compare(text, 0, length, 0, length) === 0;
  }

  clear(): void {
    this.#length = 0;
    this.#held = NONE;
  }
}
