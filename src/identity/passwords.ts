/**
 * Passwords by scrypt (node:crypto), with their parameters beside them, so that these can grow. One at a time is worked on: it
 * takes a thread of few, 32 MB and about 0.2 s, which is also the most that guesses of passwords can cost the gateway. More than
 * `MOST_WAITING` at once are turned away. Whether there is such a user, or a password, does not show in how long an answer takes.
 */
import { scrypt, timingSafeEqual } from 'node:crypto';
import { randomSecret } from '../lib/ids.js';

interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

const COST: ScryptCost = { N: 2 ** 15, r: 8, p: 3 };
const HASH_BYTES = 32;
const SALT_BYTES = 16;
const MOST_WAITING = 20;
/** Beyond what this version would write: a row that somebody planted shall not take all memory. */
const MOST_MEMORY_BYTES = 256 * 1024 * 1024;

export class Passwords {
  readonly #cost: ScryptCost;
  readonly #nobodys: Promise<string>;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** `cost` is handed in only by tests. */
  constructor(cost: ScryptCost = COST) {
    this.#cost = cost;
    this.#nobodys = Promise.resolve(written(cost, randomSecret(SALT_BYTES), randomSecret(HASH_BYTES)));
  }

  /** What is kept of a password; null: too many wait. */
  async hash(password: string): Promise<string | null> {
    const salt = randomSecret(SALT_BYTES);
    const made = await this.#inTurn(() => derive(password, salt, this.#cost));
    return made && written(this.#cost, salt, made);
  }

  /** `kept`: null for a user that there is not, or that has no password. Null: too many wait. */
  async matches(password: string, kept: string | null): Promise<boolean | null> {
    const parts = readHash(kept ?? (await this.#nobodys)) ?? readHash(await this.#nobodys)!;
    const made = await this.#inTurn(() => derive(password, parts.salt, parts.cost));
    if (made === null) return null;
    return timingSafeEqual(made, parts.hash) && kept !== null;
  }

  async #inTurn(work: () => Promise<Buffer>): Promise<Buffer | null> {
    if (this.#waiting >= MOST_WAITING) return null;
    this.#waiting++;
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn.finally(() => this.#waiting--);
  }
}

/** The same password typed on another keyboard is the same. */
const derive = (password: string, salt: Buffer, { N, r, p }: ScryptCost): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, HASH_BYTES, { N, r, p, maxmem: MOST_MEMORY_BYTES }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });

const written = ({ N, r, p }: ScryptCost, salt: Buffer, hash: Buffer): string =>
  ['scrypt', N, r, p, salt.toString('base64url'), hash.toString('base64url')].join(':');

function readHash(kept: string): { cost: ScryptCost; salt: Buffer; hash: Buffer } | null {
  const [scheme, N, r, p, salt, hash] = kept.split(':');
  if (scheme !== 'scrypt' || salt === undefined || hash === undefined) return null;
  const bytes = Buffer.from(hash, 'base64url');
  if (bytes.length !== HASH_BYTES) return null;
  return { cost: { N: Number(N), r: Number(r), p: Number(p) }, salt: Buffer.from(salt, 'base64url'), hash: bytes };
}
