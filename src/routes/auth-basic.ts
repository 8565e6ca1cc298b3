/** A user and a password. Only hashes are kept, and every comparison takes the same time, whether or not there is such a user. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { BasicConfig } from '../config/classic-routes.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import { type Consumer, consumerOf } from './consumer.js';

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
const NO_USER = Buffer.alloc(32);

export class BasicAuth {
  readonly #users = new Map<string, Buffer>();
  readonly #consumers = new Map<string, Result<Consumer>>();
  readonly #invalid: Result<Consumer>;

  constructor({ users, realm = 'tollgate' }: BasicConfig) {
    for (const [user, password] of Object.entries(users)) {
      const hash = /^sha256:([0-9a-f]{64})$/i.exec(password)?.[1];
      this.#users.set(user, hash ? Buffer.from(hash, 'hex') : sha256(password));
      this.#consumers.set(user, ok(consumerOf({ kind: 'basic', id: user })));
    }
    this.#invalid = refused(
      refuse('invalid_token', 'The user or the password is not right.', {
        headers: { 'www-authenticate': `Basic realm="${realm}", charset="UTF-8"` },
      }),
    );
  }

  /** `encoded`: what stands after `Basic`. */
  check(encoded: string): Result<Consumer> {
    const text = Buffer.from(encoded, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    const user = text.slice(0, Math.max(0, colon));
    const known = this.#users.get(user);
    const same = timingSafeEqual(sha256(text.slice(colon + 1)), known ?? NO_USER);
    return same && known && colon !== -1 ? this.#consumers.get(user)! : this.#invalid;
  }
}
