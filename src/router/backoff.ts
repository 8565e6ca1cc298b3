/** How long to wait before an attempt on a target that has failed already. Pure. */
import type { Random } from '../lib/random.js';

/** Milliseconds. */
export interface Retry {
  /** Attempts of a request, over all targets and fallbacks. */
  readonly max_attempts: number;
  readonly base: number;
  readonly max: number;
  /** Who may be asked after a time-out of a request that was sent, which the target may go on with, and bill. */
  readonly on_timeout: 'elsewhere' | 'anywhere' | 'never';
}

/**
 * Exponential backoff with full jitter: any time up to `base` doubled with each retry, at most `max`. Full jitter spreads
 * the retries of requests that failed together best.
 */
export function backoffMs(retry: Pick<Retry, 'base' | 'max'>, retries: number, random: Random): number {
  const most = Math.min(retry.max, retry.base * 2 ** Math.min(retries, 30));
  return Math.floor(random() * most);
}
