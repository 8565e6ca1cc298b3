/**
 * Counts the input tokens of a request before it is sent, and generated text where a provider did not report usage.
 *
 * A small text is counted at once, with no promise: the common case costs microseconds. Whatever exceeds `SYNC_CHARS` is
 * counted in turns of the event loop (see `turns.ts`), so no request, however it is made, holds the others up. The first
 * `COUNTED_CHARS` of a request are counted by its encoding, beyond the context of all but a few models; the rest is taken
 * at one token per UTF-8 byte, which no text exceeds: never too little, and about four times too much for English prose.
 * No store, no I/O, nothing of the text is kept. Bad input never throws; it is counted as what it is.
 */

import type { EmbeddingsInput } from '../formats/openai-embeddings/request.js';
import type { Adaptor } from '../formats/provider.js';
import { type Counter, type EncodingName, WINDOW_CHARS } from './encoding.js';
import { encodingOf } from './encodings.js';
import { requestText, type Tally } from './request-text.js';
import { finishInTurns, type Work } from './turns.js';

export type CountingRule = ReturnType<Adaptor['counting']>;

const SYNC_CHARS = 8192;
const COUNTED_CHARS = 4 * 1024 * 1024;
const MEASURED_CHARS = 32 * WINDOW_CHARS;
/** What a step costs beside its characters, in characters. */
const STEP_CHARS = 16;

/**
 * Input tokens of a parsed chat request by the rule of its target, for `model` as the target calls it: text and its frames
 * times the rule's factor, rounded up, and pictures, sound and documents, which the factor is not for.
 */
export function estimate(request: unknown, rule: CountingRule, model: string): number | Promise<number> {
  const tally: Tally = { tokens: 0, flat: 0 };
  const texts = requestText(request, { name: model, exact: rule.exact }, tally);
  return count(texts, rule.encoding, tally, () => Math.ceil(tally.tokens * rule.factor - 1e-6) + tally.flat);
}

/** Tokens that other models than the encoding's own put around each text. */
const MARK_TOKENS = 2;

/** The tokens of what is to be embedded, by the rule of its target; what comes as tokens is as many as it is. */
export function estimateEmbeddings(input: EmbeddingsInput, rule: CountingRule): number | Promise<number> {
  const tally: Tally = { tokens: 0, flat: 0 };
  const texts = embeddedText(input, rule.exact ? 0 : MARK_TOKENS, tally);
  return count(texts, rule.encoding, tally, () => Math.ceil(tally.tokens * rule.factor - 1e-6) + tally.flat);
}

function* embeddedText(input: EmbeddingsInput, marks: number, tally: Tally): Generator<string, void> {
  const items = typeof input === 'string' || typeof input[0] === 'number' ? [input as string | number[]] : input;
  for (const item of items) {
    tally.flat += marks;
    if (typeof item === 'string') yield item;
    else {
      tally.flat += (item as readonly number[]).length;
      yield '';
    }
  }
}

/** Tokens of one text. */
export function countText(text: string, encoding: EncodingName): number | Promise<number> {
  const tally: Tally = { tokens: 0, flat: 0 };
  return count([text].values(), encoding, tally, () => tally.tokens);
}

function count(
  texts: Iterator<string, unknown>,
  name: EncodingName,
  tally: Tally,
  total: () => number,
): number | Promise<number> {
  const encoding = encodingOf(name);
  if (encoding instanceof Promise) return encoding.then(() => count(texts, name, tally, total));
  const work = new Count(texts, encoding, tally);
  for (let left = SYNC_CHARS; left > 0; ) {
    const cost = work.step();
    if (cost < 0) return total();
    left -= cost;
  }
  return finishInTurns(work).then(total);
}

class Count implements Work {
  readonly #texts: Iterator<string, unknown>;
  readonly #encoding: Counter;
  readonly #tally: Tally;
  #text = '';
  #at = 0;
  #left = COUNTED_CHARS;

  constructor(texts: Iterator<string, unknown>, encoding: Counter, tally: Tally) {
    this.#texts = texts;
    this.#encoding = encoding;
    this.#tally = tally;
  }

  step(): number {
    if (this.#at >= this.#text.length) {
      const next = this.#texts.next();
      if (next.done) return -1;
      this.#text = next.value;
      this.#at = 0;
      if (this.#text === '') return STEP_CHARS;
    }
    const from = this.#at;
    if (this.#left > 0) {
      this.#at = this.#encoding.window(this.#text, from, this.#tally);
      this.#left -= this.#at - from;
    } else {
      this.#at = from + MEASURED_CHARS;
      this.#tally.tokens += Buffer.byteLength(this.#text.slice(from, this.#at));
    }
    return this.#at - from + STEP_CHARS;
  }
}
