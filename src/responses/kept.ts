/** What responses and conversations have in common: how their content lies, and how what is over goes. */
import type { Clock } from '../lib/clock.js';

export const otherKey = (): Error => new Error('it was encrypted with another secrets_key');

/** An id as it can stand in the database: short, and of characters that are written. What is not one names nothing there. */
export const isId = (id: unknown): id is string => typeof id === 'string' && ID.test(id);
const ID = /^[^\p{Cc}\p{Cs}]{1,256}$/u;

const MOST_SWEPT = 500;

/** Removes what is over, a few hundred rows at a time. */
export async function sweepAll(
  store: { sweep(nowMs: number, most: number): Promise<number> },
  clock: Clock,
): Promise<void> {
  while ((await store.sweep(clock.now(), MOST_SWEPT)) === MOST_SWEPT);
}
