/**
 * Look-ups in the store, tamed: one at a time per hash (whoever asks meanwhile gets the same answer), at most `concurrency`
 * in the store at once, at most `maxWaiting` more in line, and nobody waits longer than `timeoutMs`, time in line included. A look-up that began
 * before a change was told is marked as overtaken: whoever waits for it may use it, for they asked before the change, but
 * it must not be remembered, and whoever asks after the change starts a new one.
 */
import { within } from '../lib/within.js';

export interface Answer<T> {
  readonly value: T;
  /** A change was told while the store was asked. */
  readonly overtaken: boolean;
}

export interface Lookups<T> {
  /** Rejects when the store does, when it takes too long, and with `LineFull` when too many wait. */
  get(hash: string): Promise<Answer<T>>;
  /** Something about `hash` changed. */
  overtake(hash: string): void;
  /** Anything may have changed. */
  overtakeAll(): void;
  readonly running: number;
  readonly waiting: number;
}

export class LineFull extends Error {
  override readonly name = 'LineFull';
}

interface Flight<T> {
  readonly answer: Promise<Answer<T>>;
  overtaken: boolean;
  /** Nobody waits any more. */
  over: boolean;
}

export function createLookups<T>(options: {
  find: (hash: string) => Promise<T>;
  concurrency: number;
  maxWaiting: number;
  timeoutMs: number;
}): Lookups<T> {
  const flights = new Map<string, Flight<T>>();
  const line: (() => void)[] = [];
  let running = 0;

  // A place is kept until the store has answered, however late, so that a slow store is never asked more than the bound at
  // once. Whoever ends hands the place to the next in line.
  async function inTurn(hash: string, isOver: () => boolean): Promise<T> {
    if (running < options.concurrency) running++;
    else if (line.length < options.maxWaiting) await new Promise<void>((go) => line.push(go));
    else throw new LineFull('too many keys are being looked up');
    try {
      if (isOver()) throw new Error('nobody waits for this any more');
      return await options.find(hash);
    } finally {
      const next = line.shift();
      if (next) next();
      else running--;
    }
  }

  function start(hash: string): Flight<T> {
    const state = { overtaken: false, over: false };
    const found = inTurn(hash, () => state.over);
    const answer = within(found, options.timeoutMs, 'the store did not answer')
      .then((value) => ({ value, overtaken: state.overtaken }))
      .finally(() => {
        state.over = true;
        if (flights.get(hash) === flight) flights.delete(hash);
      });
    const flight: Flight<T> = Object.assign(state, { answer });
    flights.set(hash, flight);
    return flight;
  }

  const overtake = (hash: string) => {
    const flight = flights.get(hash);
    if (!flight) return;
    flight.overtaken = true;
    flights.delete(hash);
  };

  return {
    get: (hash) => (flights.get(hash) ?? start(hash)).answer,
    overtake,
    overtakeAll() {
      for (const hash of [...flights.keys()]) overtake(hash);
    },
    get running() {
      return running;
    },
    get waiting() {
      return line.length;
    },
  };
}
