/** The facts of an embeddings request: texts, or tokens that came as such. Nothing is generated. */
import type { Feature } from '../../lib/route-spec.js';
import { type Billable, type Countable, EMBEDDED, type RequestFacts } from '../request-facts.js';

/** One text, several texts, one text as tokens, or several as tokens. */
export type EmbeddingsInput = string | readonly string[] | readonly number[] | readonly (readonly number[])[];

const PLAIN: Billable = { audioInput: false, audioOutput: false, images: false, cacheWrite: false, serviceTier: false };
const LONGEST_TEXT = 100_000;

export class EmbeddingsFacts implements RequestFacts {
  readonly choices = 1;
  readonly maxOutput = 0;
  readonly billable = PLAIN;
  readonly sizeBytes: number;
  readonly #items: readonly (string | readonly number[])[];

  constructor(input: EmbeddingsInput, sizeBytes: number) {
    this.sizeBytes = sizeBytes;
    const isOne = typeof input === 'string' || typeof input[0] === 'number';
    this.#items = (isOne ? [input] : input) as readonly (string | readonly number[])[];
  }

  get inputs(): number {
    return this.#items.length;
  }

  mediaTokensMost(): number {
    return 0;
  }

  toolUsesMost(): number {
    return 0;
  }

  holdsAny(): undefined {
    return undefined;
  }

  has(_feature: Feature): boolean {
    return false;
  }

  *countables(): Generator<Countable, void> {
    for (const item of this.#items) {
      yield EMBEDDED;
      yield typeof item === 'string' ? item : { kind: 'tokens', count: item.length };
    }
  }

  lastUserText(): string {
    const text = this.#items.findLast((item) => typeof item === 'string' && item !== '');
    return typeof text === 'string' ? text.slice(0, LONGEST_TEXT) : '';
  }

  /** Nobody keeps the beginning of a text that is embedded. */
  prefix(): null {
    return null;
  }
}
