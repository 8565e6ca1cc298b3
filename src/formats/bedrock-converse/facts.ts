/** What models behind Converse differ in. */
import type { Json } from '../../lib/json.js';

export interface ConverseFacts {
  /** Fields of the model's own that ask for an effort; null: it cannot be told. */
  readonly effort: ((effort: string) => Json) | null;
  /** Fields of the model's own that ask for `top_k`; null: it has none. */
  readonly topK: ((topK: number) => Json) | null;
  /** It has marks after which the prompt is kept. */
  readonly caches: boolean;
  /** Reasoning of earlier turns goes back, with its signature. */
  readonly replaysReasoning: boolean;
}

export const unknownConverse: ConverseFacts = { effort: null, topK: null, caches: false, replaysReasoning: false };
