/** The facts of a request of OpenAI's completions. Each prompt is answered for itself. */
import { createHash } from 'node:crypto';
import type { Json } from '../../lib/json.js';
import type { Feature } from '../../lib/route-spec.js';
import { type Billable, type Countable, EMBEDDED, type RequestFacts } from '../request-facts.js';

const LONGEST_TEXT = 100_000;
const LONGEST_PREFIX = 64 * 1024;
const nothingDear: Billable = {
  audioInput: false,
  audioOutput: false,
  images: false,
  cacheWrite: false,
  serviceTier: false,
};

export class CompletionsFacts implements RequestFacts {
  readonly inputs = 1;
  readonly billable = nothingDear;
  readonly sizeBytes: number;
  readonly choices: number;
  readonly maxOutput: number | null;
  readonly #json: Json;

  constructor(json: Json, sizeBytes: number) {
    this.#json = json;
    this.sizeBytes = sizeBytes;
    const number = (name: string): number => (json[name] as number | null | undefined) ?? 1;
    this.choices = promptsOf(json).length * Math.max(number('n'), number('best_of'));
    const most = json['max_tokens'];
    this.maxOutput = typeof most === 'number' ? most : null;
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

  has(feature: Feature): boolean {
    return feature === 'stream' && this.#json['stream'] === true;
  }

  *countables(): Generator<Countable, void> {
    for (const prompt of promptsOf(this.#json)) {
      yield EMBEDDED;
      yield typeof prompt === 'string' ? prompt : { kind: 'tokens', count: prompt.length };
    }
    const { suffix } = this.#json;
    if (typeof suffix === 'string') yield suffix;
  }

  lastUserText(): string {
    const last = promptsOf(this.#json).at(-1);
    return typeof last === 'string' ? last.slice(0, LONGEST_TEXT) : '';
  }

  prefix(): string {
    const text = JSON.stringify(this.#json['prompt']).slice(0, LONGEST_PREFIX);
    return createHash('sha256').update(text).digest('base64url').slice(0, 22);
  }
}

/** Each a text, or tokens. */
export function promptsOf({ prompt }: Json): readonly (string | readonly number[])[] {
  if (typeof prompt === 'string') return [prompt];
  const items = prompt as readonly (string | number | readonly number[])[];
  return typeof items[0] === 'number'
    ? [items as readonly number[]]
    : (items as readonly (string | readonly number[])[]);
}
