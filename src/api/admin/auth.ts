/**
 * The admin key. Digests are compared, in constant time, so that neither the length nor the beginning of the key shows in
 * how long a refusal takes. Where no admin key is set, nobody is the admin.
 */
import { hash, timingSafeEqual } from 'node:crypto';

const digest = (text: string): Buffer => hash('sha256', text, 'buffer');

export const bearerOf = (authorization: string | undefined): string | undefined =>
  /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];

/**
 * Who is calling, as the audit log names them: `admin:` and the first 8 hexadecimal characters of the SHA-256 of the admin
 * key; null: not the admin. `authorization` is the request's header.
 */
export function adminOf(authorization: string | undefined, adminKey: string): string | null {
  const token = bearerOf(authorization);
  if (token === undefined || adminKey === '') return null;
  const expected = digest(adminKey);
  return timingSafeEqual(digest(token), expected) ? actorOf(adminKey) : null;
}

/** The admin key in the words of the audit log; null: there is none. */
export const actorOf = (adminKey: string): string | null =>
  adminKey === '' ? null : `admin:${digest(adminKey).toString('hex').slice(0, 8)}`;
