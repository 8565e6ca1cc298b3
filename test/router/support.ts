/** Targets for the router's tests: nothing but what the router sees. */

import { Breaker, type BreakerRule } from '../../src/lib/breaker.js';
import type { Random } from '../../src/lib/random.js';
import type { Candidate } from '../../src/router/balance.js';
import { CredentialState, TargetState } from '../../src/router/target-state.js';
import { UsageMeter } from '../../src/router/usage-meter.js';

export const rule: BreakerRule = {
  failure_rate: 0.5,
  min_requests: 4,
  window: 10_000,
  open: 1_000,
  half_open_probes: 2,
};

export const middle: Random = () => 0.5;

/** Numbers that look like chance and are the same each time (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const aState = (credentials = [new CredentialState()], random = middle): TargetState =>
  new TargetState(new Breaker(rule, random, () => {}), credentials, new UsageMeter([]));

export const aTarget = (id: string, given: Partial<Candidate> = {}): Candidate => ({
  id,
  priority: 1,
  weight: 1,
  state: aState(),
  ...given,
});

/** Opens the breaker of a target at a time. */
export function breakIt({ state }: Candidate, nowMs: number): void {
  for (let i = 0; i < rule.min_requests; i++) state.failed(state.begin(nowMs), 'transient', true, 5, undefined, nowMs);
}
