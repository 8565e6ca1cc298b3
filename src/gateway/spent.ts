/**
 * A request that limits refuse because of what it would cost, in money or tokens. An answer from the cache costs nothing: where
 * its model keeps answers, what a hit counts for is taken instead, and the cache is asked without the way upstream.
 */
import type { Refusal } from '../lib/errors.js';
import type { Caching, Turn } from './caching.js';
import { countInput } from './count-input.js';
import { demandOf, type Grant, type Limiter } from './limiter.js';
import type { Admitted, Reach, Reserved } from './stages.js';

export interface SpentDeps {
  readonly caching: Pick<Caching, 'mayKnow' | 'known'>;
  readonly limiter: Pick<Limiter, 'reserveHit' | 'close' | 'fail'>;
}

/** `reservedAt`: the next stage of the request. Undefined: the refusal stands. */
export type KnownThoughSpent = (
  request: Admitted,
  refusal: Refusal,
  reservedAt: (first: Reach, grant: Grant) => Reserved,
) => Promise<{ readonly reserved: Reserved; readonly turn: Turn } | undefined>;

const isSpent = ({ code }: Refusal): boolean => code === 'budget_exceeded' || code === 'rate_limit_exceeded';

export function createKnownThoughSpent({ caching, limiter }: SpentDeps): KnownThoughSpent {
  return async (request, refusal, reservedAt) => {
    const target = request.model.targets[0];
    if (!isSpent(refusal) || !target || !caching.mayKnow(request)) return undefined;
    const reach = { model: request.model, target, input: await countInput(request.request.facts, target) };
    const grant = await limiter.reserveHit(demandOf(request), reach);
    if (!grant) return undefined;
    try {
      const reserved = reservedAt(reach, grant);
      const turn = await caching.known(reserved);
      await limiter.close(grant);
      return turn && { reserved, turn };
    } catch (error) {
      await limiter.fail(grant);
      throw error;
    }
  };
}
