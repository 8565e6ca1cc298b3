/**
 * Bytes that leave the process encrypted (AES-256-GCM), bound to what they belong to: a copy of the store without the secret says
 * nothing, and bytes that are moved to another place do not open.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

export interface Seal {
  close(clear: Buffer, place: string): Buffer;
  /** Undefined where it was not closed with this secret for this place. */
  open(sealed: Buffer, place: string): Buffer | undefined;
}

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** `purpose`: keys of one secret for different purposes have nothing to do with each other. */
export function createSeal(secret: Buffer | string, purpose: string): Seal {
  const key = Buffer.from(hkdfSync('sha256', secret, '', purpose, 32));
  return {
    close(clear, place) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(place));
      const body = cipher.update(clear);
      return Buffer.concat([iv, body, cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed, place) {
      if (sealed.length < IV_BYTES + TAG_BYTES) return undefined;
      const end = sealed.length - TAG_BYTES;
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES), {
          authTagLength: TAG_BYTES,
        })
          .setAAD(Buffer.from(place))
          .setAuthTag(sealed.subarray(end));
        return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES, end)), decipher.final()]);
      } catch {
        return undefined;
      }
    },
  };
}
