/**
 * Secrets as they lie in the database: AES-256-GCM under a key that is never there. Bound to what they belong to, so that a
 * secret which is copied to another row does not open. The key's id tells a process whose key differs that it cannot read a
 * secret, without trying.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const VERSION = 1;
const NONCE = 12;
const TAG = 16;

export interface SecretBox {
  readonly keyId: string;
  seal(secret: string, owner: string): Buffer;
  /** Throws where it was sealed for another owner, under another key, or was changed. */
  open(sealed: Buffer, owner: string): string;
}

/** `master`: text of any length with at least 128 bits of randomness in it. */
export function secretBox(master: string): SecretBox {
  const derived = Buffer.from(hkdfSync('sha256', master, 'tollgate', 'webhook secrets', 40));
  const key = derived.subarray(0, 32);
  return {
    keyId: derived.subarray(32).toString('hex'),
    seal(secret, owner) {
      const nonce = randomBytes(NONCE);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(owner));
      const sealed = [cipher.update(secret, 'utf8'), cipher.final()];
      return Buffer.concat([Buffer.of(VERSION), nonce, ...sealed, cipher.getAuthTag()]);
    },
    open(sealed, owner) {
      if (sealed[0] !== VERSION) throw new Error('a sealed secret of an unknown version');
      const nonce = sealed.subarray(1, 1 + NONCE);
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG });
      decipher.setAAD(Buffer.from(owner)).setAuthTag(sealed.subarray(-TAG));
      return decipher.update(sealed.subarray(1 + NONCE, -TAG), undefined, 'utf8') + decipher.final('utf8');
    },
  };
}
