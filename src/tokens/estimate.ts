/**
 * Counts the input tokens of a request before it is sent, and generated text where a provider did not report usage.
 *
 * A small text is counted at once, with no promise: the common case costs microseconds. Whatever exceeds `SYNC_CHARS` is
 * counted in turns of the event loop (see `turns.ts`), so no request, however it is made, holds the others up. The first
 * `COUNTED_CHARS` of a request are counted by its encoding, beyond the context of all but a few models; the rest is taken
 * at one token per UTF-8 byte, which no text exceeds: never too little, and about four times too much for English prose.
 * No store, no I/O, nothing of the text is kept. Bad input never throws; it is counted as what it is.
 */
import type { RequestFacts } from '../formats/request-facts.js';
import type { CountingRule } from '../provider/provider-type.js';
import { countableText, type Tally } from './countable-text.js';
import { type Counter, type EncodingName, WINDOW_CHARS } from './encoding.js';
import { encodingOf } from './encodings.js';
import { finishInTurns, type Work } from './turns.js';

const SYNC_CHARS = 8192;
const COUNTED_CHARS = 4 * 1024 * 1024;
const MEASURED_CHARS = 32 * WINDOW_CHARS;
/** What a step costs beside its characters, in characters. */
const STEP_CHARS = 16;

/**
 * Input tokens of a request by the rule of its target, for `model` as the target calls it: text and its frames times the
 * rule's factor, rounded up, and pictures, sound and documents, which the factor is not for.
 */
export function estimate(
  facts: Pick<RequestFacts, 'countables'>,
  rule: CountingRule,
  model: string,
): number | Promise<number> {
  const tally: Tally = { tokens: 0, flat: 0 };
  const texts = countableText(facts.countables(), { name: model, exact: rule.exact }, tally);
  return count(texts, rule.encoding, tally, () => Math.ceil(tally.tokens * rule.factor - 1e-6) + tally.flat);
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
