/**
 * How a gateway hears that a key, a team or the catalogue of prices changed, so that its memory of them is dropped. A change is told in its
 * own process once it is committed; `changes-pg.ts` carries it to other replicas. With the embedded database there is one
 * process, and this file is all there is.
 */
export type Change =
  /** The key with this SHA-256 (hexadecimal) was created, changed or revoked. */
  | { readonly kind: 'key'; readonly hash: string }
  /** The team was created, changed or deleted. */
  | { readonly kind: 'team'; readonly team: string }
  /** Another catalogue of list prices is in force. */
  | { readonly kind: 'prices' }
  /** Providers or models that stand in the database changed. */
  | { readonly kind: 'configuration' }
  /** Changes may have been missed: nothing that is remembered is certain any more. */
  | { readonly kind: 'all' };

export interface Changes {
  /** Calls `listener` synchronously on each change; answers how to stop. */
  subscribe(listener: (change: Change) => void): () => void;
  /** Tells this process of a committed change. */
  publish(change: Change): void;
  /**
   * The moment up to which every change is known to have been heard, on the monotonic clock in milliseconds. It grows while
   * the line is good and stands still while it is not; infinite where nobody else can make changes.
   */
  heardAt(): number;
}

/** The changes of one process that has its database to itself. */
export function localChanges(): Changes {
  const listeners = new Set<(change: Change) => void>();
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    publish(change) {
      for (const listener of listeners) listener(change);
    },
    heardAt: () => Number.POSITIVE_INFINITY,
  };
}
