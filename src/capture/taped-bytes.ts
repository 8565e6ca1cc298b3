/**
 * What a caller is told, copied into pieces that grow: a view of what was sent may keep a buffer that is many times as large.
 * The memory that is taken for it is that of whole pieces, so that the bound for all holds for what is really there.
 */
import type { CaptureMemory } from './capture-memory.js';

const FIRST_BYTES = 512;
const LARGEST_BYTES = 64 * 1024;
/** Of the object that holds a piece. */
const AROUND_BYTES = 128;

export class TapedBytes {
  readonly #memory: CaptureMemory;
  readonly #mostBytes: number;
  readonly #full: Buffer[] = [];
  #last: Buffer | undefined;
  #lastBytes = 0;
  #bytes = 0;
  #takenBytes = 0;

  constructor(memory: CaptureMemory, mostBytes: number) {
    this.#memory = memory;
    this.#mostBytes = mostBytes;
  }

  /** False: there was no room for all of it, and none of it is kept. `isAll`: nothing more comes. */
  push(bytes: Buffer, isAll: boolean): boolean {
    if (this.#bytes + bytes.length > this.#mostBytes) return false;
    const room = this.#last ? this.#last.length - this.#lastBytes : 0;
    if (bytes.length > room) {
      const more = bytes.length - room;
      const size = isAll ? more : Math.max(more, Math.min(LARGEST_BYTES, Math.max(FIRST_BYTES, this.#takenBytes)));
      if (!this.#memory.take(size + AROUND_BYTES)) return false;
      this.#takenBytes += size + AROUND_BYTES;
      this.#put(bytes.subarray(0, room));
      if (this.#last) this.#full.push(this.#last);
      this.#last = Buffer.allocUnsafeSlow(size);
      this.#lastBytes = 0;
      this.#put(bytes.subarray(room));
    } else this.#put(bytes);
    this.#bytes += bytes.length;
    return true;
  }

  get pieces(): readonly Buffer[] {
    return this.#last ? [...this.#full, this.#last.subarray(0, this.#lastBytes)] : [];
  }

  /** Of the memory for all. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  #put(bytes: Buffer): void {
    if (this.#last) this.#lastBytes += bytes.copy(this.#last, this.#lastBytes);
  }
}
