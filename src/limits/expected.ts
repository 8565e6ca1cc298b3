/**
 * How much output to take for a request of which nobody knows yet how long its answer will be, for the limits that take the
 * expected case (rates). Not an average: many requests are under way at once, and a window that took the average of each is far
 * over its maximum when their answers are long. It is what the long answers of the model come to: the size that a tenth of all
 * its output tokens is beyond, so that many short answers beside a few long ones do not make it small. Never less than the
 * average of what the same key got from the model, never more than the request allows; and where the model has not answered
 * yet, all that the request allows.
 *
 * What an answer did not use is given back when it ends. Held in this process: recent answers weigh most, and what is forgotten
 * is learned again.
 */
import { LRUCache } from 'lru-cache';

const WEIGHT = 0.1;
const MOST_MODELS = 1000;

export class ExpectedOutput {
  readonly #averages: LRUCache<string, number>;
  readonly #models = new LRUCache<string, LongAnswers>({ max: MOST_MODELS });

  /** Remembers at most `most` pairs of key and model. */
  constructor(most = 10_000) {
    this.#averages = new LRUCache({ max: most });
  }

  /** Output tokens to expect, a whole number up to `want`. */
  expect(key: string, model: string, want: number): number {
    const long = this.#models.get(model)?.size;
    if (long === undefined) return want;
    const average = this.#averages.get(nameOf(key, model)) ?? 0;
    return Math.min(want, Math.max(long, Math.round(average)));
  }

  /** A request was answered with `tokens` output tokens. */
  learn(key: string, model: string, tokens: number): void {
    const name = nameOf(key, model);
    const average = this.#averages.get(name);
    this.#averages.set(name, average === undefined ? tokens : average + WEIGHT * (tokens - average));
    this.learnOf(model, tokens);
  }

  /** The same, where it does not matter whose answer it was. */
  learnOf(model: string, tokens: number): void {
    let answers = this.#models.get(model);
    if (!answers) this.#models.set(model, (answers = new LongAnswers()));
    answers.add(tokens);
  }
}

/** Of one model: output tokens by the size of the answer that had them, where each answer makes the ones before it weigh less. */
class LongAnswers {
  /** Sizes grow by a tenth from one class to the next. */
  static readonly #CLASSES = 200;
  static readonly #GROWTH = Math.log(1.1);
  /** Of the weight of one answer after the next one: the last two hundred make most of it. */
  static readonly #FADING = 0.995;
  static readonly #BEYOND = 0.1;

  readonly #tokens = new Float64Array(LongAnswers.#CLASSES);
  readonly #largest = new Float64Array(LongAnswers.#CLASSES);
  #weight = 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(tokens: number): void {
    const at = Math.min(LongAnswers.#CLASSES - 1, Math.floor(Math.log(Math.max(1, tokens)) / LongAnswers.#GROWTH));
    this.#weight /= LongAnswers.#FADING;
    if (this.#weight > 1e100) this.#shrink();
    this.#tokens[at]! += tokens * this.#weight;
    this.#largest[at] = Math.max(this.#largest[at]!, tokens);
    this.#size = this.#beyond();
  }

  #beyond(): number {
    let all = 0;
    for (const tokens of this.#tokens) all += tokens;
    let left = all * LongAnswers.#BEYOND;
    for (let at = LongAnswers.#CLASSES - 1; at >= 0; at--) {
      left -= this.#tokens[at]!;
      if (left <= 0 && this.#tokens[at]! > 0) return this.#largest[at]!;
    }
    return 0;
  }

  #shrink(): void {
    for (let at = 0; at < LongAnswers.#CLASSES; at++) this.#tokens[at]! /= this.#weight;
    this.#weight = 1;
  }
}

const nameOf = (key: string, model: string): string => `${key}\n${model}`;
