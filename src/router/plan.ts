/**
 * The ordered targets that a request may be sent to now: by priority, within a priority by the model's balance, without
 * those that an open breaker or a rest keeps out. A pure function of what the configuration says, what is known of the
 * targets, the request, the time and a source of chance; asking changes nothing, so that it can be asked for show.
 */
import type { Random } from '../lib/random.js';
import { type Ask, type Balance, type Candidate, order } from './balance.js';
import type { Unready } from './target-state.js';

export interface Routing<T extends Candidate> {
  readonly targets: readonly T[];
  readonly balance: Balance;
}

export interface Skipped<T> {
  readonly target: T;
  readonly why: Unready;
  /** Monotonic milliseconds; infinite where only an admin knows. */
  readonly untilMs: number;
}

export interface Plan<T> {
  readonly ready: readonly T[];
  readonly skipped: readonly Skipped<T>[];
}

/**
 * `lastResort`: there is nothing else to try, so that a breaker or a rest keeps nothing out. What an admin opened stays out.
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
      if (why === null || (lastResort && why !== 'held_open')) ready.push(target);
      else skipped.push({ target, why, untilMs: target.state.readyAt(nowMs) });
    }
  }
  return { ready, skipped };
}

const prioritiesOf = (targets: readonly Candidate[]): number[] =>
  [...new Set(targets.map(({ priority }) => priority))].sort((a, b) => a - b);
