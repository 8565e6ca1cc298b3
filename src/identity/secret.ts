/**
 * The secret of a virtual key: `sk-tg-`, 43 base 62 characters that are 32 random bytes, and 6 that are their CRC-32. The
 * checksum lets a typo or a foreign key be refused before anything is hashed or looked up; it protects nothing. This is the
 * only file that makes or reads a secret in clear. What leaves it for the store, the cache and the logs is the SHA-256 and
 * the prefix. A plain hash is enough, because 256 random bits cannot be guessed. A key that was taken over from another gateway
 * keeps the secret that it had, of which this one knows the hash alone; it may have any other form.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { randomSecret } from '../lib/ids.js';

const MARK = 'sk-tg-';
/** Of users' tokens, which are made alike. */
const TOKEN_MARK = 'tg-';
const BODY = 43;
const CHECK = 6;
const LENGTH = MARK.length + BODY + CHECK;
const SHAPE = /^sk-tg-[0-9A-Za-z]{49}$/;
const MOST_FOREIGN = 512;
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

export interface Secret {
  /** The whole key, to be shown once. */
  readonly secret: string;
  /** Its SHA-256 in lower-case hexadecimal. */
  readonly hash: string;
  /** Its first characters, for lists. */
  readonly prefix: string;
}

/** `bytes` are 32 random bytes; handed in only by tests. */
export function newSecret(bytes: Buffer = randomSecret(32)): Secret {
  return made(MARK, bytes);
}

export const newToken = (): Secret => made(TOKEN_MARK, randomSecret(32));

function made(mark: string, bytes: Buffer): Secret {
  const body = base62(BigInt(`0x${bytes.toString('hex')}`), BODY);
  const secret = mark + body + checksum(body);
  return { secret, hash: hashOf(secret), prefix: secret.slice(0, mark.length + 4) };
}

/** Whether `token` looks like a key at first sight. Constant in the length of hostile input. */
export const resembles = (token: string): boolean => token.length === LENGTH && token.startsWith(MARK);

/** Whether `token` may be the secret of a key that was taken over from elsewhere. Constant in the length of hostile input. */
export const mayBeForeign = (token: string): boolean => token.length <= MOST_FOREIGN && !token.startsWith(MARK);

/** Whether `token` can be a key at all. Constant in the length of hostile input. */
export function wellFormed(token: string): boolean {
  if (!resembles(token) || !SHAPE.test(token)) return false;
  const end = MARK.length + BODY;
  return token.slice(end) === checksum(token.slice(MARK.length, end));
}

/** Whether it can be the token of a user. */
export const wellFormedToken = (token: string): boolean =>
  token.startsWith(TOKEN_MARK) && wellFormed(MARK + token.slice(TOKEN_MARK.length));

/** SHA-256 in lower-case hexadecimal. */
export const hashOf = (token: string): string => hash('sha256', token);

function checksum(body: string): string {
  let rest = crc32(body);
  let out = '';
  for (let i = 0; i < CHECK; i++) {
    out = ALPHABET[rest % 62] + out;
    rest = Math.floor(rest / 62);
  }
  return out;
}

function base62(value: bigint, length: number): string {
  let rest = value;
  let out = '';
  for (let i = 0; i < length; i++) {
    out = ALPHABET[Number(rest % 62n)] + out;
    rest /= 62n;
  }
  return out;
}
