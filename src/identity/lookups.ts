/**
 * Look-ups in the store, with bounds. There is at most one look-up per hash: callers that ask while it runs share its answer.
 * At most `concurrency` look-ups run at once and at most `maxWaiting` more are queued. No caller waits longer than `timeoutMs`,
 * which includes the time in the queue.
 *
 * A look-up that was under way when its key changed is marked as overtaken. Callers that already wait for it may use its
 * answer, because they asked before the change. The answer must not be remembered, and a caller that asks after the change
 * starts a new look-up.
 */
import { within } from '../lib/within.js';

export interface LookupAnswer<T> {
  readonly value: T;
  /** The key changed while the store was asked: the answer may be out of date. */
  readonly overtaken: boolean;
}

export interface Lookups<T> {
  /** Rejects when the store does, when it takes too long, and with `QueueFull` when too many wait. */
  get(hash: string): Promise<LookupAnswer<T>>;
  /** The key behind `hash` changed. */
  overtake(hash: string): void;
  /** Any key may have changed. */
  overtakeAll(): void;
  readonly running: number;
  readonly waiting: number;
}

export class QueueFull extends Error {
  override readonly name = 'QueueFull';
}

interface PendingLookup<T> {
  readonly answer: Promise<LookupAnswer<T>>;
  overtaken: boolean;
  /** It was answered, or took too long: nobody waits for it. */
  over: boolean;
}

export function createLookups<T>(options: {
  find: (hash: string) => Promise<T>;
  concurrency: number;
  maxWaiting: number;
  timeoutMs: number;
}): Lookups<T> {
  const pending = new Map<string, PendingLookup<T>>();
  const queue: (() => void)[] = [];
  let running = 0;

  // A look-up counts as running until the store has answered, also after its callers gave up, so that a slow store never has
  // more than `concurrency` look-ups to do. When one ends, the next of the queue starts in its place.
  async function findInTurn(hash: string, isOver: () => boolean): Promise<T> {
    if (running < options.concurrency) running++;
    else if (queue.length < options.maxWaiting) await new Promise<void>((go) => queue.push(go));
    else throw new QueueFull('too many keys are being looked up');
    try {
      if (isOver()) throw new Error('nobody waits for this any more');
      return await options.find(hash);
    } finally {
      const next = queue.shift();
      if (next) next();
      else running--;
    }
  }

  function start(hash: string): PendingLookup<T> {
    const state = { overtaken: false, over: false };
    const found = findInTurn(hash, () => state.over);
    const answer = within(found, options.timeoutMs, 'the store did not answer')
      .then((value) => ({ value, overtaken: state.overtaken }))
      .finally(() => {
        state.over = true;
        if (pending.get(hash) === lookup) pending.delete(hash);
      });
    const lookup: PendingLookup<T> = Object.assign(state, { answer });
    pending.set(hash, lookup);
    return lookup;
  }

  const overtake = (hash: string) => {
    const lookup = pending.get(hash);
    if (!lookup) return;
    lookup.overtaken = true;
    pending.delete(hash);
  };

  return {
    get: (hash) => (pending.get(hash) ?? start(hash)).answer,
    overtake,
    overtakeAll() {
      for (const hash of [...pending.keys()]) overtake(hash);
    },
    get running() {
      return running;
    },
    get waiting() {
      return queue.length;
    },
  };
}
