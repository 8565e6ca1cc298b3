/**
 * Rows of a table in eight bits a number, a quarter of what has to be read of a large scope: which of them may be among the
 * nearest. Each row has a scale of its own; how far a product may be off is bounded by what quantising left of row and query, so
 * that none of the nearest is missed. Those that are left are compared with their vectors.
 */
import { functionOf, newMemory, reserve, type Scan } from './wasm.js';

/** `sieve.wat`, assembled. */
export const SIEVE_MODULE =
  'AGFzbQEAAAABCgFgBn9/f39/fwACDwEDZW52Bm1lbW9yeQIAAQMCAQAHCQEFc2lldmUAAArrAQHoAQIFfwJ7IAIgA0ECdGohBiAAIAVqIQkgBU' +
  'EQaiEKAkADQCACIAZPDQEgASACKAIAIApsaiEHIAAhCP0MAAAAAAAAAAAAAAAAAAAAACEL/QwAAAAAAAAAAAAAAAAAAAAAIQwDQCALIAf9AAQA' +
  'IAj9AAQA/ZwB/X79rgEhCyAMIAf9AAQAIAj9AAQA/Z0B/X79rgEhDCAHQRBqIQcgCEEQaiEIIAggCUkNAAsgCyAM/a4BIQsgBCAHKgIAIAv9Gw' +
  'AgC/0bAWogC/0bAiAL/RsDamqylDgCACAEQQRqIQQgAkEEaiECDAALCws=';

const ROUNDING = 1e-4;

export class Sieve {
  readonly #dims: number;
  /** Of the numbers of a row, rounded up to what is read at a time; its scale is behind them. */
  readonly #bytes: number;
  readonly #memory = newMemory();
  readonly #sieve: Scan;
  readonly #slotsAt: number;
  readonly #scoresAt: number;
  readonly #rowsAt: number;
  /** Of all rows: the most that quantising left, and the longest. */
  #left = 0;
  #longest = 0;

  /** `most`: rows that are looked at for a query. */
  constructor(dims: number, most: number) {
    this.#dims = dims;
    this.#bytes = Math.ceil(dims / 16) * 16;
    this.#slotsAt = this.#bytes;
    this.#scoresAt = this.#slotsAt + 4 * most;
    this.#rowsAt = Math.ceil((this.#scoresAt + 4 * most) / 16) * 16;
    this.#sieve = functionOf(SIEVE_MODULE, 'sieve', this.#memory);
    reserve(this.#memory, this.#rowsAt);
  }

  get bytes(): number {
    return this.#memory.buffer.byteLength;
  }

  add(slot: number, vector: Float32Array): void {
    const at = this.#rowsAt + slot * (this.#bytes + 16);
    reserve(this.#memory, at + this.#bytes + 16);
    const { scale, left, length } = this.#write(vector, at);
    new Float32Array(this.#memory.buffer, at + this.#bytes, 1)[0] = scale;
    // With a row that is no vector, nothing is told apart.
    this.#left = Number.isFinite(left) ? Math.max(this.#left, left) : Number.POSITIVE_INFINITY;
    this.#longest = Number.isFinite(length) ? Math.max(this.#longest, length) : this.#longest;
  }

  /** Indices of those of `slots`, in their order, that may be among the `most` nearest. */
  sift(query: Float32Array, slots: readonly number[], most: number): number[] {
    const { scale, left, length } = this.#write(query, 0);
    const { buffer } = this.#memory;
    new Uint32Array(buffer, this.#slotsAt, slots.length).set(slots);
    this.#sieve(0, this.#rowsAt, this.#slotsAt, slots.length, this.#scoresAt, this.#bytes);
    const scores = new Float32Array(buffer, this.#scoresAt, slots.length);
    const off = this.#left * length + left * (this.#longest + this.#left) + ROUNDING * length * this.#longest;
    if (!Number.isFinite(off)) return slots.map((_slot, i) => i);
    const floor = leastOfGreatest(scores, most) - (2 * off) / (scale || 1);
    const found: number[] = [];
    for (let i = 0; i < scores.length; i++) if (scores[i]! >= floor) found.push(i);
    return found;
  }

  /** Its numbers in eight bits; what that left of it, as a length, and how long it is. */
  #write(vector: Float32Array, at: number): { scale: number; left: number; length: number } {
    const numbers = new Int8Array(this.#memory.buffer, at, this.#bytes);
    let most = 0;
    for (let i = 0; i < this.#dims; i++) most = Math.max(most, Math.abs(vector[i]!));
    const scale = Math.fround(most / 127);
    let left = 0;
    let square = 0;
    for (let i = 0; i < this.#dims; i++) {
      const value = vector[i]!;
      const number = scale === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(value / scale)));
      numbers[i] = number;
      left += (value - number * scale) ** 2;
      square += value * value;
    }
    return { scale, left: Math.sqrt(left), length: Math.sqrt(square) };
  }
}

/** The least of the `most` greatest. */
function leastOfGreatest(scores: Float32Array, most: number): number {
  const greatest = new Float32Array(Math.min(most, scores.length)).fill(Number.NEGATIVE_INFINITY);
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (score <= greatest[0]!) continue;
    let place = 1;
    while (place < greatest.length && greatest[place]! < score) {
      greatest[place - 1] = greatest[place]!;
      place++;
    }
    greatest[place - 1] = score;
  }
  return greatest[0] ?? Number.NEGATIVE_INFINITY;
}
