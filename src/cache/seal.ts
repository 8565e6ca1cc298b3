/** Answers and prompts leave the process only encrypted, bound to the entry that they belong to. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Seal, createSeal as sealOf } from '../lib/seal.js';
import { LARGE_BYTES } from '../lib/turns.js';
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
    async put(answers) {
      const closed: CachedAnswer[] = [];
      for (const answer of answers) {
        closed.push({ ...answer, body: seal.close(answer.body, answer.key) });
        if (answer.body.length > LARGE_BYTES) await nextTurn();
      }
      await store.put(closed);
    },
    remove: (id) => store.remove(id),
    count: (...asked) => store.count(...asked),
    sweep: (nowMs, purges, most) => store.sweep(nowMs, purges, most),
  };
}
