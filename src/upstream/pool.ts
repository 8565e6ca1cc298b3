/**
 * Connection pools, one per origin and connect timeout, kept alive between requests and from one configuration to the next.
 * A lease counts who may still use a pool: a pool that no lease holds any more is closed once what runs on it has ended.
 * TLS certificates are verified, and redirects are not followed: an upstream that sends one is not the API it was
 * configured to be.
 */
import { Connections, type ConnectionsOptions, type Via } from './http1/connections.js';

interface Leased {
  readonly pool: Connections;
  leases: number;
}

/** The pools of one configuration. */
export interface PoolLease {
  /** The pool for `origin`, e.g. `https://api.example.com`, by way of a proxy or with certificates of its own. */
  get(origin: string, connectMs: number, via?: Via): Connections;
  /** Nothing asks these pools for a connection any more. */
  end(): void;
}

export class Pools {
  readonly #pools = new Map<string, Leased>();

  lease(): PoolLease {
    const mine = new Set<string>();
    return {
      get: (origin, connectMs, via) => {
        const name = `${origin} ${connectMs} ${via ? JSON.stringify(via) : ''}`;
        const leased = this.#pools.get(name) ?? this.#open(name, { origin, connectMs, ...via });
        if (!mine.has(name)) leased.leases++;
        mine.add(name);
        return leased.pool;
      },
      end: () => {
        for (const name of mine) this.#giveBack(name);
        mine.clear();
      },
    };
  }

  get size(): number {
    return this.#pools.size;
  }

  #open(name: string, options: ConnectionsOptions): Leased {
    const pool = new Connections(options);
    const leased = { pool, leases: 0 };
    this.#pools.set(name, leased);
    return leased;
  }

  #giveBack(name: string): void {
    const leased = this.#pools.get(name);
    if (!leased || --leased.leases > 0) return;
    this.#pools.delete(name);
    leased.pool.retire();
  }

  /** Closes every connection; what still runs on them fails. */
  close(): void {
    for (const { pool } of this.#pools.values()) pool.destroy();
    this.#pools.clear();
  }
}
