/** What an entry keeps of how its attempt came about, read: how its target was chosen, and the limits that were taken. */
import { inputOf } from '../formats/usage.js';
import type { LimitUnit } from '../lib/limit-spec.js';
import { type TakenLimits, takenLimits } from '../lib/taken-limits.js';
import { type TakenRoute, takenRoute } from '../lib/taken-route.js';
import type { Entry } from './entry.js';

export interface Decision {
  readonly routing: TakenRoute;
  /** Undefined where they were not kept whole. */
  readonly taken: TakenLimits | undefined;
}

/** Undefined where nothing was kept: by earlier versions, and of corrections. */
export function shownDecision(entry: Entry): Decision | undefined {
  const { decision, key, team, user, model } = entry;
  if (decision === undefined) return undefined;
  const parted = decision.indexOf(';');
  const used = (unit: LimitUnit): number => usedIn(unit, entry);
  return {
    routing: takenRoute(parted < 0 ? decision : decision.slice(0, parted), model),
    taken: parted < 0 ? undefined : takenLimits(decision.slice(parted + 1), { key, team, user, used }),
  };
}

/** A request counts as one however many attempts it makes, and gives its slot back. */
function usedIn(unit: LimitUnit, { tokens, cost_nusd }: Entry): number {
  switch (unit) {
    case 'requests':
      return 1;
    case 'concurrent':
      return 0;
    case 'usd':
      return cost_nusd.total;
    case 'tokens':
      return inputOf(tokens) + tokens.output;
    case 'input_tokens':
      return inputOf(tokens);
    case 'output_tokens':
      return tokens.output;
  }
}
