/**
 * Counts the input tokens of a request before it is sent, and generated text where a provider did not report usage.
 *
 * A small text is counted at once, with no promise: the common case costs microseconds. Whatever exceeds `SYNC_CHARS` is
 * counted in turns of the event loop (see `turns.ts`), so no request, however it is made, holds the others up. The first
 * `COUNTED_CHARS` of a request are counted by its encoding, beyond the context of all but a few models; the rest is taken
 * at one token per UTF-8 byte: never too little, and about four times too much for English prose.
 * `countRequest` tells the most beside the expected: budgets hold it. No store, no I/O, nothing of the text is kept. Bad
 * input never throws; it is counted as what it is.
 */
import type { RequestFacts } from '../formats/request-facts.js';
import type { CountingRule } from '../provider/provider-type.js';
import { type Counted, countTexts, type FrameTally } from './count.js';
import { countableText } from './countable-text.js';
import type { EncodingName } from './encoding.js';

/**
 * Input tokens of a request by the rule of its target, for `model` as the target calls it: text and its frames times the
 * rule's factor, rounded up, and pictures, sound and documents, which the factor is not for.
 */
export function countRequest(
  facts: Pick<RequestFacts, 'countables'>,
  rule: CountingRule,
  model: string,
): Counted | Promise<Counted> {
  const tally: FrameTally = { tokens: 0, flat: 0 };
  return countTexts(countableText(facts.countables(), { name: model, exact: rule.exact }, tally), rule, tally);
}

/** What is expected of `countRequest`. */
export function estimate(
  facts: Pick<RequestFacts, 'countables'>,
  rule: CountingRule,
  model: string,
): number | Promise<number> {
  return expectedOf(countRequest(facts, rule, model));
}

/** Tokens of one text. */
export function countText(text: string, encoding: EncodingName): number | Promise<number> {
  return countPieces([text], encoding);
}

/** Tokens of a text that comes in pieces. */
export function countPieces(pieces: Iterable<string>, encoding: EncodingName): number | Promise<number> {
  const texts = pieces[Symbol.iterator]();
  return expectedOf(countTexts(texts, { encoding, factor: 1, exact: true }, { tokens: 0, flat: 0 }));
}

const expectedOf = (counted: Counted | Promise<Counted>): number | Promise<number> =>
  counted instanceof Promise ? counted.then(({ expected }) => expected) : counted.expected;
