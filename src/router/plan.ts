/**
 * The targets that a request may be sent to now, in order: by priority, and within a priority by the model's balance. Targets
 * with an open breaker or a cooldown are skipped. The plan is a pure function of the configuration, the state of the targets,
 * the request, the time and the random numbers that are handed in. It changes nothing, so `explain` can ask for it too.
 */
import type { Random } from '../lib/random.js';
import { type Ask, type Balance, type Candidate, order } from './balance.js';
import type { SkipReason } from './target-state.js';

export interface Routing<T extends Candidate> {
  readonly targets: readonly T[];
  readonly balance: Balance;
}

export interface Skipped<T> {
  readonly target: T;
  readonly why: SkipReason;
  /** Monotonic milliseconds; infinite while an admin holds the breaker open, and without a credential. */
  readonly untilMs: number;
}

export interface Plan<T> {
  readonly ready: readonly T[];
  readonly skipped: readonly Skipped<T>[];
}

/**
 * `lastResort`: the request has no other target, so targets with an open breaker or a cooldown are not skipped. A target whose
 * breaker an admin opened, or that has no credential, is skipped all the same.
 */
export function plan<T extends Candidate>(
  { targets, balance }: Routing<T>,
  ask: Ask<T>,
  nowMs: number,
  random: Random,
  lastResort = false,
): Plan<T> {
  const ready: T[] = [];
  const skipped: Skipped<T>[] = [];
  for (const priority of prioritiesOf(targets)) {
    const group = targets.filter((target) => target.priority === priority);
    for (const target of order(group, balance, ask, nowMs, random)) {
      const why = target.state.whyNot(nowMs);
      if (why === null || (lastResort && why !== 'held_open' && why !== 'no_credential')) ready.push(target);
      else skipped.push({ target, why, untilMs: target.state.readyAt(nowMs) });
    }
  }
  return { ready, skipped };
}

const prioritiesOf = (targets: readonly Candidate[]): number[] =>
  [...new Set(targets.map(({ priority }) => priority))].sort((a, b) => a - b);
