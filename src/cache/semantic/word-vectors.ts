/**
 * What is remembered of a text for long: its vector, and those of its words in eight bits a number, each with how far it may be
 * off. They tell whether two words are near enough in most cases; where a floor is within what they may be off, they tell
 * nothing, and the text has to be read again.
 */
export class WordVectors {
  /** Of the whole text, of length one. */
  readonly vector: Float32Array;
  /** Word pieces, with the two marks. */
  readonly pieces: number;
  readonly #rows = new Map<number, number>();
  readonly #numbers: Int8Array;
  readonly #scales: Float32Array;
  readonly #errors: Float32Array;

  /** `words`: their vectors, of length one, by their places in the text. */
  constructor(vector: Float32Array, pieces: number, words: readonly (readonly [at: number, vector: Float32Array])[]) {
    this.vector = vector;
    this.pieces = pieces;
    const dims = vector.length;
    this.#numbers = new Int8Array(words.length * dims);
    this.#scales = new Float32Array(words.length);
    this.#errors = new Float32Array(words.length);
    for (const [row, [at, word]] of words.entries()) {
      this.#rows.set(at, row);
      let most = 0;
      for (const value of word) most = Math.max(most, Math.abs(value));
      this.#scales[row] = most / 127;
      const scale = this.#scales[row]!;
      let square = 0;
      for (let i = 0; i < dims; i++) {
        const number = scale === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(word[i]! / scale)));
        this.#numbers[row * dims + i] = number;
        square += (word[i]! - number * scale) ** 2;
      }
      this.#errors[row] = Math.sqrt(square) + ROUNDING;
    }
  }

  get bytes(): number {
    return this.vector.byteLength + this.#numbers.byteLength + 80 * this.#rows.size + 400;
  }

  /** Whether the word at a place is near another one, of length one; undefined where that cannot be told. */
  isNear(at: number, other: Float32Array, floor: number): boolean | undefined {
    const row = this.#rows.get(at);
    if (row === undefined) return undefined;
    const dims = this.vector.length;
    let sum = 0;
    for (let i = 0, n = row * dims; i < dims; i++, n++) sum += this.#numbers[n]! * other[i]!;
    const similarity = sum * this.#scales[row]!;
    const off = this.#errors[row]!;
    if (similarity - off >= floor) return true;
    return similarity + off < floor ? false : undefined;
  }
}

/** Of lengths that are one but for the last digits of a 32-bit float. */
const ROUNDING = 1e-5;
