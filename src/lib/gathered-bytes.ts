/**
 * Bytes that come in pieces and are wanted as a whole. The room for them is taken once a part of them is there and their number
 * is known, and each piece is copied as it comes: to put tens of megabytes together in the end holds everybody up.
 */
const SMALL_BYTES = 256 * 1024;

export class GatheredBytes {
  readonly #expected: number;
  #pieces: Buffer[] = [];
  #whole: Buffer | null = null;
  #length = 0;

  /** `expectedBytes`: as many as are announced; 0: not known. What is announced takes no room before a quarter of it came. */
  constructor(expectedBytes = 0) {
    this.#expected = expectedBytes;
  }

  get length(): number {
    return this.#length;
  }

  push(piece: Buffer): void {
    const end = this.#length + piece.length;
    if (this.#whole && end <= this.#whole.length) piece.copy(this.#whole, this.#length);
    else {
      this.#pieces.push(piece);
      if (end > SMALL_BYTES && end <= this.#expected && end >= this.#expected / 4) this.#takeRoom();
    }
    this.#length = end;
  }

  /** All of them; nothing may be pushed afterwards. */
  take(): Buffer {
    const { length } = this.#pieces;
    if (this.#whole) {
      const whole = this.#whole.subarray(0, this.#length);
      // More came than was announced.
      return length === 0
        ? whole
        : Buffer.concat([whole.subarray(0, this.#length - bytesOf(this.#pieces)), ...this.#pieces]);
    }
    return length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
  }

  drop(): void {
    this.#pieces = [];
    this.#whole = null;
  }

  #takeRoom(): void {
    if (this.#whole) return;
    const whole = Buffer.allocUnsafeSlow(this.#expected);
    let at = 0;
    for (const piece of this.#pieces) at += piece.copy(whole, at);
    this.#whole = whole;
    this.#pieces = [];
  }
}

const bytesOf = (pieces: readonly Buffer[]): number => pieces.reduce((sum, { length }) => sum + length, 0);
