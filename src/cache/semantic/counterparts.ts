/**
 * Whether one of the nearest prompts asks for the same, with the model's judgement of the words that differ. Candidates are
 * compared in their order, and none behind the first one that holds; the model is asked about few of them, since each
 * may cost a forward pass, and about all of them in one question.
 */
import { compare, type Objection, type WordPair } from './alignment.js';
import type { Signature } from './signature.js';
import type { Synonyms } from './synonyms.js';
import type { WordPairs } from './worker-messages.js';

export interface ComparedText {
  readonly text: string;
  readonly signature: Signature;
}

/** The place of the first of `others` whose words stand for those of `one`; -1: none. */
export type AskCounterparts = (one: string, others: readonly WordPairs[]) => Promise<number>;

/** Least similarity of two words that are synonyms, and of two of which nothing is known. */
const SYNONYMS = 0.55;
const UNKNOWN = 0.85;
const MOST_ASKED = 3;

export type Guards = 'off' | 'standard' | 'strict';

export interface Comparer {
  /** What speaks against each candidate; null: nothing. Ends with the first that nothing speaks against. */
  objections(prompt: ComparedText, candidates: readonly ComparedText[], guards: Guards): Promise<(Objection | null)[]>;
}

export function createComparer(synonyms: Synonyms, ask: AskCounterparts): Comparer {
  const wordAt = (text: string, at: number): string =>
    /^\p{L}[\p{L}\p{M}]*/u.exec(text.slice(at, at + 64))?.[0].toLowerCase() ?? '';

  /** Undefined where two of the words are opposites. */
  function floorsOf(one: string, two: string, pairs: readonly WordPair[]): number[] | undefined {
    const words = pairs.map(([at, other]) => [wordAt(one, at), wordAt(two, other)] as const);
    if (words.some(([a, b]) => synonyms.opposite(a, b))) return undefined;
    return words.map(([a, b]) => (synonyms.same(a, b) ? SYNONYMS : UNKNOWN));
  }

  return {
    async objections({ text: one, signature }, candidates, guards) {
      if (guards === 'off') return candidates.length > 0 ? [null] : [];
      const found: (Objection | null)[] = [];
      const open: (WordPairs & { readonly at: number })[] = [];
      let different = 0;
      for (const [at, { text, signature: other }] of candidates.entries()) {
        const comparison = compare(signature, other);
        const pairs = 'pairs' in comparison ? comparison.pairs : [];
        const may = pairs.length > 0 && guards !== 'strict' && different++ < MOST_ASKED;
        const floors = may ? floorsOf(one, text, pairs) : undefined;
        if (floors) open.push({ text, pairs, floors, at });
        if ('objection' in comparison) found.push(comparison.objection);
        else found.push(pairs.length > 0 ? 'counterpart' : null);
        if (found.at(-1) === null) break;
      }
      const holds = open.length === 0 ? -1 : await ask(one, open);
      return holds === -1 ? found : [...found.slice(0, open[holds]!.at), null];
    },
  };
}
