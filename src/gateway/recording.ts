/** A reply that keeps a copy of what passes, up to a size, so that a streamed answer can be put together afterwards. */
import type { Reply } from './call.js';

export class Recording implements Reply {
  readonly #reply: Reply;
  readonly #most: number;
  #pieces: Buffer[] | undefined = [];
  #size = 0;

  constructor(reply: Reply, mostBytes: number) {
    this.#reply = reply;
    this.#most = mostBytes;
  }

  /** Undefined where it was too much. */
  get pieces(): readonly Buffer[] | undefined {
    return this.#pieces;
  }

  get started(): boolean {
    return this.#reply.started;
  }

  get gone(): boolean {
    return this.#reply.gone;
  }

  head(status: number, headers: readonly string[]): void {
    this.#reply.head(status, headers);
  }

  write(bytes: Buffer): boolean {
    this.#size += bytes.length;
    if (this.#size > this.#most) this.#pieces = undefined;
    this.#pieces?.push(bytes);
    return this.#reply.write(bytes);
  }

  end(bytes?: Buffer): void {
    this.#reply.end(bytes);
  }

  breakOff(event: Buffer): void {
    this.#reply.breakOff(event);
  }

  onDrain(listener: () => void): void {
    this.#reply.onDrain(listener);
  }

  onGone(listener: () => void): void {
    this.#reply.onGone(listener);
  }
}
