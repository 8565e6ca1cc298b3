/**
 * Walks texts once and counts them: what their model is expected to make of them, and the most that it can. Small texts are
 * counted at once, others in turns of the event loop; `estimate.ts` says how and why.
 */

import { finishInTurns, type Work } from '../lib/turns.js';
import type { CountingRule } from '../provider/provider-type.js';
import { type Counter, type TextTally, WINDOW_CHARS } from './encoding.js';
import { encodingOf } from './encodings.js';
import { boundsOf, growthOf, type TokenBounds } from './token-bounds.js';

export interface Counted {
  /** For rates. */
  readonly expected: number;
  /** For budgets: no tokenizer that was measured makes more of it. The same as `expected` where the count is exact. */
  readonly most: number;
}

/** What whoever yields the texts adds beside them, while they are walked. */
export interface FrameTally {
  /** The frames of messages and calls. */
  tokens: number;
  /** What is not made of text: pictures, sound, documents. */
  flat: number;
}

const SYNC_CHARS = 8192;
const COUNTED_CHARS = 4 * 1024 * 1024;
const MEASURED_CHARS = 32 * WINDOW_CHARS;
/** What a step costs beside its characters, in characters. */
const STEP_CHARS = 16;

/** A message costs 4 tokens in OpenAI's frame, and up to 12 in the templates of others that write theirs as text. */
const FRAMES = 3;

export function countTexts(
  texts: Iterator<string, unknown>,
  rule: CountingRule,
  frames: FrameTally,
): Counted | Promise<Counted> {
  const counter = encodingOf(rule.encoding);
  if (counter instanceof Promise) return counter.then(() => countTexts(texts, rule, frames));
  const bounds = rule.exact || rule.encoding !== 'o200k_base' ? null : boundsOf(rule.bound ?? 'open');
  const count = new Count(texts, counter, bounds);
  for (let left = SYNC_CHARS; left > 0; ) {
    const cost = count.step();
    if (cost < 0) return countedBy(rule, count.tally, frames, bounds);
    left -= cost;
  }
  return finishInTurns(count).then(() => countedBy(rule, count.tally, frames, bounds));
}

function countedBy(rule: CountingRule, text: TextTally, frames: FrameTally, bounds: TokenBounds | null): Counted {
  const expected = Math.ceil((frames.tokens + text.tokens) * rule.factor - 1e-6) + frames.flat;
  if (!bounds) return { expected, most: expected };
  const most =
    Math.ceil(Math.max(0, frames.tokens) * FRAMES + (text.tokens + text.beyond) * bounds.seams) + frames.flat;
  return { expected, most: Math.max(expected, most) };
}

class Count implements Work {
  readonly tally: TextTally = { tokens: 0, beyond: 0 };
  readonly #texts: Iterator<string, unknown>;
  readonly #counter: Counter;
  readonly #bounds: TokenBounds | null;
  #text = '';
  #at = 0;
  #left = COUNTED_CHARS;

  constructor(texts: Iterator<string, unknown>, counter: Counter, bounds: TokenBounds | null) {
    this.#texts = texts;
    this.#counter = counter;
    this.#bounds = bounds;
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
      this.#at = this.#counter.window(this.#text, from, this.tally, this.#bounds?.perToken);
      this.#left -= this.#at - from;
    } else {
      this.#at = from + MEASURED_CHARS;
      this.#measure(this.#text.slice(from, this.#at));
    }
    return this.#at - from + STEP_CHARS;
  }

  /** Beyond what is counted: a token per byte. */
  #measure(text: string): void {
    const sizeBytes = Buffer.byteLength(text);
    this.tally.tokens += sizeBytes;
    if (this.#bounds) this.tally.beyond += sizeBytes * (this.#bounds.perByte - 1) + growthOf(text);
  }
}
