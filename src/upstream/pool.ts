/**
 * Connection pools, one per origin and connect timeout, kept alive between requests. TLS certificates are verified, and
 * redirects are not followed: an upstream that sends one is not the API it was configured to be.
 */
import { Pool } from 'undici';

export class Pools {
  readonly #pools = new Map<string, Pool>();

  /** The pool for `origin`, e.g. `https://api.example.com`. */
  get(origin: string, connectMs: number): Pool {
    const name = `${origin} ${connectMs}`;
    let pool = this.#pools.get(name);
    if (!pool) {
      pool = new Pool(origin, { connections: null, pipelining: 1, connect: { timeout: connectMs } });
      this.#pools.set(name, pool);
    }
    return pool;
  }

  /** Closes every connection; what still runs on them fails. */
  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
    this.#pools.clear();
  }
}
