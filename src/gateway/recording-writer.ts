/**
 * A writer that keeps a copy of what passes, up to a size, so that a streamed answer can be put together afterwards, and lets
 * other requests read along. While somebody does, the answer is fetched to its end though its own caller left, and at the pace
 * of the fastest: what its own caller does not read is kept for it, up to the size.
 */
import { LiveAnswer, type LiveEnd } from '../cache/live-answer.js';
import type { ResponseWriter } from './response-writer.js';

export class RecordingWriter implements ResponseWriter {
  readonly #writer: ResponseWriter;
  readonly #most: number;
  readonly #live: LiveAnswer;
  /** Called with the first bytes; true where others may read them. */
  readonly #comes: (live: LiveAnswer) => boolean;
  readonly #onDrain: (() => void)[] = [];
  readonly #onGone: (() => void)[] = [];
  #shared = false;
  #begun = false;
  #pieces: Buffer[] | undefined = [];
  #size = 0;
  #closing: Buffer | undefined;

  constructor(writer: ResponseWriter, mostBytes: number, comes: (live: LiveAnswer) => boolean) {
    this.#writer = writer;
    this.#most = mostBytes;
    this.#comes = comes;
    this.#live = new LiveAnswer(mostBytes, () => this.#readersChanged());
    writer.onGone(() => this.#readersChanged());
    writer.onDrain(() => this.#wake());
  }

  /** Undefined where it was too much. */
  get pieces(): readonly Buffer[] | undefined {
    return this.#pieces;
  }

  /** Bytes that were kept. */
  get size(): number {
    return this.#size;
  }

  /** What the answer was ended with; undefined where it was not. */
  get closing(): Buffer | undefined {
    return this.#closing;
  }

  get started(): boolean {
    return this.#writer.started;
  }

  get gone(): boolean {
    return this.#writer.gone && !this.#readOn;
  }

  get interrupted(): boolean {
    return this.#writer.interrupted;
  }

  /** Tells those who read along how it ended. Only the first end counts. */
  over(end: LiveEnd): void {
    this.#live.end(end);
  }

  head(status: number, headers: readonly string[]): void {
    this.#writer.head(status, headers);
  }

  write(bytes: Buffer): boolean {
    this.#record(bytes);
    if (!this.#begun) {
      this.#begun = true;
      this.#shared = this.#comes(this.#live);
    }
    if (this.#shared) this.#live.write(bytes);
    const ready = this.#writer.write(bytes);
    return ready || this.#readOn;
  }

  end(bytes?: Buffer): void {
    if (bytes) this.#record(bytes);
    this.#closing = bytes ?? Buffer.alloc(0);
    this.#writer.end(bytes);
  }

  #record(bytes: Buffer): void {
    this.#size += bytes.length;
    if (this.#size > this.#most) this.#pieces = undefined;
    this.#pieces?.push(bytes);
  }

  breakOff(event: Buffer): void {
    this.#writer.breakOff(event);
  }

  onDrain(listener: () => void): void {
    this.#onDrain.push(listener);
  }

  onGone(listener: () => void): void {
    if (this.gone) listener();
    else this.#onGone.push(listener);
  }

  /** Others read along, and what is kept for the own caller is not too much. */
  get #readOn(): boolean {
    return this.#live.readers > 0 && !this.#writer.interrupted && (this.#writer.gone || this.#pieces !== undefined);
  }

  #readersChanged(): void {
    if (this.gone) for (const listener of this.#onGone.splice(0)) listener();
    else if (this.#live.readers > 0) this.#wake();
  }

  #wake(): void {
    for (const listener of this.#onDrain) listener();
  }
}
