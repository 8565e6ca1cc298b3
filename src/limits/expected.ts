/**
 * How much output to expect of a request, for the limits that take the expected case (rates): the moving average of what
 * the same key got from the same model, where the latest answer weighs a tenth. Before the first answer it is a fixed guess.
 * Never more than the request allows. Held in this process, for the pairs used last; what is forgotten is learned again.
 */
import { LRUCache } from 'lru-cache';

const WEIGHT = 0.1;
const FIRST_GUESS = 256;

export class ExpectedOutput {
  readonly #averages: LRUCache<string, number>;

  /** Remembers at most `most` pairs. */
  constructor(most = 10_000) {
    this.#averages = new LRUCache({ max: most });
  }

  /** Output tokens to expect, a whole number up to `want`. */
  expect(key: string, model: string, want: number): number {
    const average = this.#averages.get(nameOf(key, model)) ?? FIRST_GUESS;
    return Math.min(want, Math.ceil(average));
  }

  /** A request was answered with `tokens` output tokens. */
  learn(key: string, model: string, tokens: number): void {
    const name = nameOf(key, model);
    const average = this.#averages.get(name);
    this.#averages.set(name, average === undefined ? tokens : average + WEIGHT * (tokens - average));
  }
}

const nameOf = (key: string, model: string): string => `${key}\n${model}`;
