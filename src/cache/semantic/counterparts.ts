/**
 * Whether one of the nearest prompts asks for the same, with the model's judgement of the words that differ. Candidates are
 * compared in their order, and none behind the first one that holds; the model is asked about few of them, since each
 * question may cost a forward pass.
 */
import { compare, type Objection } from './alignment.js';
import type { Signature } from './signature.js';
import type { Synonyms } from './synonyms.js';

export interface ComparedText {
  readonly text: string;
  readonly signature: Signature;
}

/** Cosine similarities of words in their texts, by their places; -1: not known. */
export type AskSimilarities = (
  one: string,
  two: string,
  pairs: readonly (readonly [number, number])[],
) => Promise<readonly number[]>;

/** Least similarity of two words that are synonyms, and of two of which nothing is known. */
const SYNONYMS = 0.55;
const UNKNOWN = 0.85;
const MOST_ASKED = 3;

export type Guards = 'off' | 'standard' | 'strict';

export interface Comparer {
  /** What speaks against each candidate; null: nothing. Ends with the first that nothing speaks against. */
  objections(prompt: ComparedText, candidates: readonly ComparedText[], guards: Guards): Promise<(Objection | null)[]>;
}

export function createComparer(synonyms: Synonyms, ask: AskSimilarities): Comparer {
  const wordAt = (text: string, at: number): string =>
    /^\p{L}[\p{L}\p{M}]*/u.exec(text.slice(at, at + 64))?.[0].toLowerCase() ?? '';

  async function standFor(one: string, two: string, pairs: readonly (readonly [number, number])[]): Promise<boolean> {
    const words = pairs.map(([at, other]) => [wordAt(one, at), wordAt(two, other)] as const);
    if (words.some(([a, b]) => synonyms.opposite(a, b))) return false;
    const floors = words.map(([a, b]) => (synonyms.same(a, b) ? SYNONYMS : UNKNOWN));
    const found = await ask(one, two, pairs);
    return floors.every((floor, i) => (found[i] ?? -1) >= floor);
  }

  return {
    async objections(prompt, candidates, guards) {
      const found: (Objection | null)[] = [];
      let asked = 0;
      for (const candidate of candidates) {
        const comparison = guards === 'off' ? { pairs: [] } : compare(prompt.signature, candidate.signature);
        let objection: Objection | null = null;
        if ('objection' in comparison) objection = comparison.objection;
        else if (comparison.pairs.length > 0) {
          const may = guards !== 'strict' && asked++ < MOST_ASKED;
          if (!may || !(await standFor(prompt.text, candidate.text, comparison.pairs))) objection = 'counterpart';
        }
        found.push(objection);
        if (objection === null) break;
      }
      return found;
    },
  };
}
