/**
 * Answers and prompts leave the process only encrypted (AES-256-GCM), bound to the entry that they belong to: a copy of the
 * store without the secret says nothing, and a body moved to another entry does not open.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { AnswerStore, CachedAnswer } from './cache.js';

export interface Seal {
  close(clear: Buffer, entry: string): Buffer;
  /** Undefined where it was not closed with this secret for this entry. */
  open(sealed: Buffer, entry: string): Buffer | undefined;
}

const IV_BYTES = 12;
const TAG_BYTES = 16;

export function createSeal(secret: Buffer): Seal {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'tollgate cache seal', 32));
  return {
    close(clear, entry) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(entry));
      const body = cipher.update(clear);
      return Buffer.concat([iv, body, cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, entry) {
      if (sealed.length < IV_BYTES + TAG_BYTES) return undefined;
      const end = sealed.length - TAG_BYTES;
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES), {
          authTagLength: TAG_BYTES,
        })
          .setAAD(Buffer.from(entry))
          .setAuthTag(sealed.subarray(end));
        return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES, end)), decipher.final()]);
      } catch {
        return undefined;
      }
    },
  };
}

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
    sweep: (nowMs, purges, most) => store.sweep(nowMs, purges, most),
  };
}
