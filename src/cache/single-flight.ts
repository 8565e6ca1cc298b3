/**
 * One upstream call for identical requests that are under way at once. The first one leads; the others wait for what it
 * brings, each for as long as it likes. A leader may say that its answer comes (`tell`): who can use it as it comes stops
 * waiting. What a leader brings is shared; where it leaves before that, the next one leads; where it failed or brought what
 * cannot be shared, all go their own ways, so that nobody fails for another's sake and nobody waits in line behind failures.
 * Lives in one process: replicas do not wait for each other.
 */
export interface FlightLead<V, L> {
  /** Its answer begins to come; those who join later are told as well. */
  tell(live: L): void;
  /** Ends the flight; only the first call counts. */
  share(value: V): void;
  /** The leader's caller is gone. */
  leave(): void;
  fail(): void;
}

export type FlightNews<V, L> =
  /** Who cannot use it goes on waiting. */
  | { readonly kind: 'live'; readonly live: L }
  | { readonly kind: 'shared'; readonly value: V }
  | { readonly kind: 'lead'; readonly lead: FlightLead<V, L> }
  | { readonly kind: 'alone' };

type Waiter<V, L> = (news: FlightNews<V, L>) => void;

interface Flight<V, L> {
  readonly waiters: Set<Waiter<V, L>>;
  live: L | undefined;
}

export class SingleFlight<V, L> {
  readonly #open = new Map<string, Flight<V, L>>();

  /** Requests that wait for another's answer. */
  get waiting(): number {
    let sum = 0;
    for (const { waiters } of this.#open.values()) sum += waiters.size;
    return sum;
  }

  /** The lead of a new flight; undefined where there is one, to be followed. */
  lead(key: string): FlightLead<V, L> | undefined {
    if (this.#open.has(key)) return undefined;
    const flight: Flight<V, L> = { waiters: new Set(), live: undefined };
    this.#open.set(key, flight);
    return this.#leadOf(key, flight);
  }

  /** Told how the flight goes, until it ended; the function that is answered stops waiting. Tells nothing before it returns. */
  follow(key: string, told: Waiter<V, L>): () => void {
    const flight = this.#open.get(key)!;
    flight.waiters.add(told);
    const { live } = flight;
    if (live !== undefined)
      queueMicrotask(() => {
        if (flight.waiters.has(told) && flight.live === live) told({ kind: 'live', live });
      });
    return () => void flight.waiters.delete(told);
  }

  #leadOf(key: string, flight: Flight<V, L>): FlightLead<V, L> {
    const { waiters } = flight;
    let over = false;
    const end = (how: FlightNews<V, L>): void => {
      if (over) return;
      over = true;
      this.#open.delete(key);
      for (const told of waiters) told(how);
    };
    return {
      tell: (live) => {
        if (over) return;
        flight.live = live;
        for (const told of [...waiters]) told({ kind: 'live', live });
      },
      share: (value) => end({ kind: 'shared', value }),
      fail: () => end({ kind: 'alone' }),
      leave: () => {
        flight.live = undefined;
        const [next] = waiters;
        if (over || !next) return end({ kind: 'alone' });
        over = true;
        waiters.delete(next);
        next({ kind: 'lead', lead: this.#leadOf(key, flight) });
      },
    };
  }
}
