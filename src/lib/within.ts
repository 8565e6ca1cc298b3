/** Promises that are waited for no longer than so long. */
import type { Timer } from './timer.js';

/** The promise's outcome, or an error that says `late` once the time is over; what it waits for goes on. */
export function within<T>(promise: Promise<T>, ms: number, late: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${late} within ${ms} ms`)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Waits for the work, but no longer than `ms`; what it waits for goes on. */
export async function atMost(ms: number, work: Promise<unknown>, timer: Timer): Promise<void> {
  let cancel = (): void => {};
  const late = new Promise<void>((resolve) => {
    cancel = timer(ms, resolve);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    cancel();
  }
}

/** False after a while; keeps no process alive. */
export const after = (ms: number): Promise<false> =>
  new Promise((resolve) => setTimeout(() => resolve(false), ms).unref());
