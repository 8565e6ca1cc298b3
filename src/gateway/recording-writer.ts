/** A writer that keeps a copy of what passes, up to a size, so that a streamed answer can be put together afterwards. */
import type { ResponseWriter } from './response-writer.js';

export class RecordingWriter implements ResponseWriter {
  readonly #writer: ResponseWriter;
  readonly #most: number;
  #pieces: Buffer[] | undefined = [];
  #size = 0;

  constructor(writer: ResponseWriter, mostBytes: number) {
    this.#writer = writer;
    this.#most = mostBytes;
  }

  /** Undefined where it was too much. */
  get pieces(): readonly Buffer[] | undefined {
    return this.#pieces;
  }

  get started(): boolean {
    return this.#writer.started;
  }

  get gone(): boolean {
    return this.#writer.gone;
  }

  get interrupted(): boolean {
    return this.#writer.interrupted;
  }

  head(status: number, headers: readonly string[]): void {
    this.#writer.head(status, headers);
  }

  write(bytes: Buffer): boolean {
    this.#record(bytes);
    return this.#writer.write(bytes);
  }

  end(bytes?: Buffer): void {
    if (bytes) this.#record(bytes);
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
    this.#writer.onDrain(listener);
  }

  onGone(listener: () => void): void {
    this.#writer.onGone(listener);
  }
}
