/**
 * One upstream call for identical requests that are under way at once. The first one leads; the others wait for what it
 * brings, each for as long as it likes. What a leader brings is shared; where it leaves before that, the next one leads;
 * where it failed or brought what cannot be shared, all go their own ways, so that nobody fails for another's sake and
 * nobody waits in line behind failures. Lives in one process: replicas do not wait for each other.
 */
export interface FlightLead<V> {
  /** Ends the flight; only the first call counts. */
  share(value: V): void;
  /** The leader's caller is gone. */
  leave(): void;
  fail(): void;
}

export type FlightEnd<V> =
  | { readonly kind: 'shared'; readonly value: V }
  | { readonly kind: 'lead'; readonly lead: FlightLead<V> }
  | { readonly kind: 'alone' };

type Waiter<V> = (end: FlightEnd<V>) => void;

export class SingleFlight<V> {
  readonly #open = new Map<string, Set<Waiter<V>>>();

  /** Requests that wait for another's answer. */
  get waiting(): number {
    let sum = 0;
    for (const waiters of this.#open.values()) sum += waiters.size;
    return sum;
  }

  /** The lead of a new flight; undefined where there is one, to be followed. */
  lead(key: string): FlightLead<V> | undefined {
    if (this.#open.has(key)) return undefined;
    const waiters = new Set<Waiter<V>>();
    this.#open.set(key, waiters);
    return this.#leadOf(key, waiters);
  }

  /** Told once how the flight ended; the function that is answered stops waiting. */
  follow(key: string, told: Waiter<V>): () => void {
    const waiters = this.#open.get(key)!;
    waiters.add(told);
    return () => void waiters.delete(told);
  }

  #leadOf(key: string, waiters: Set<Waiter<V>>): FlightLead<V> {
    let over = false;
    const end = (how: FlightEnd<V>): void => {
      if (over) return;
      over = true;
      this.#open.delete(key);
      for (const told of waiters) told(how);
    };
    return {
      share: (value) => end({ kind: 'shared', value }),
      fail: () => end({ kind: 'alone' }),
      leave: () => {
        const [next] = waiters;
        if (over || !next) return end({ kind: 'alone' });
        over = true;
        waiters.delete(next);
        next({ kind: 'lead', lead: this.#leadOf(key, waiters) });
      },
    };
  }
}
