/** Answers and prompts leave the process only encrypted, bound to the entry that they belong to. */
import { type Seal, createSeal as sealOf } from '../lib/seal.js';
import type { AnswerStore, CachedAnswer } from './cache.js';

export type { Seal };

export const createSeal = (secret: Buffer): Seal => sealOf(secret, 'tollgate cache seal');

/** A store that sees only closed bodies. */
export function sealedAnswers(store: AnswerStore, seal: Seal): AnswerStore {
  return {
    async get(key) {
      const found = await store.get(key);
      const body = found && seal.open(found.body, found.key);
      return body && { ...found, body };
    },
    put: (answers) =>
      store.put(answers.map((answer): CachedAnswer => ({ ...answer, body: seal.close(answer.body, answer.key) }))),
    remove: (id) => store.remove(id),
    count: (...asked) => store.count(...asked),
    sweep: (nowMs, purges, most) => store.sweep(nowMs, purges, most),
  };
}
