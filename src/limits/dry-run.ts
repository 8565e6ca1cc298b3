/**
 * What limits would say to a request, from what their counters hold now: the sums of a reservation, and nothing is reserved.
 * What others reserve a moment later may change it.
 */
import type { Refusal } from '../lib/errors.js';
import { affordable, cost, type Estimate } from './amount.js';
import { type Denial, denialOf } from './denial.js';
import { Part } from './hold.js';
import type { Limit } from './limit.js';
import type { LimitReading, Limits } from './limits.js';
import { amountIn, type LimitLevel, shownLevel } from './shown.js';
import type { Failure } from './store.js';
import { refusalOf, unavailableRefusal } from './words.js';

/** A limit that applies, and what the request would take of it. */
export interface DryRunLimit extends LimitLevel {
  /** Budgets: the worst case, once the output is clamped to what they afford. Rates: what such requests usually take. */
  readonly takes: string | number;
  readonly admits: boolean;
}

export interface DryRun {
  readonly limits: DryRunLimit[];
  /** The most output tokens that budgets afford, over all choices; null: no budget bounds them. */
  readonly outputTokens: number | null;
  readonly refusal: Refusal | undefined;
}

const RETRY_MS = 1000;

export async function dryRun(
  limits: Pick<Limits, 'read' | 'nowMs'>,
  applying: readonly Limit[],
  estimate: Estimate,
): Promise<DryRun> {
  if (applying.length === 0) return { limits: [], outputTokens: null, refusal: undefined };
  const readings = await limits.read(applying);
  if (!readings) return { limits: [], outputTokens: null, refusal: unavailableRefusal(RETRY_MS) };
  const { want, min } = estimate.output;
  const judged = readings.map((reading) => judge(reading, estimate, limits.nowMs()));
  const failures = judged.flatMap(({ failure }) => failure ?? []);
  const bounds = judged.flatMap(({ output }) => output ?? []);
  const granted = bounds.length > 0 ? Math.max(0, Math.min(want, ...bounds)) : null;
  return {
    limits: judged.map(({ reading, part, failure }) => ({
      ...shownLevel(reading),
      takes: amountIn(part.limit, part.fixed + cost(granted ?? want, part.milli)),
      admits: failure === undefined,
    })),
    outputTokens: granted,
    refusal: failures.length > 0 ? refusalFor(denialOf(failures, min), limits.nowMs()) : undefined,
  };
}

const refusalFor = (denial: Denial, nowMs: number): Refusal => {
  const refusal = refusalOf(denial, nowMs);
  return denial.limit.scope.kind === 'target' ? { ...refusal, atTarget: true } : refusal;
};

function judge(reading: LimitReading, estimate: Estimate, nowMs: number) {
  const { limit, spent, held } = reading;
  const { want, min } = estimate.output;
  const part = new Part(limit, estimate, nowMs, null);
  const room = limit.spec.max - spent - held - part.fixed;
  const affords = affordable(room, part.milli, part.milli === 0 ? 0 : want);
  const enough = part.milli === 0 ? 0 : limit.spec.on_exhausted === 'reject' ? want : min;
  const failure: Failure | undefined =
    affords >= enough
      ? undefined
      : { part, spent, held, affordableOutput: affords, retryAfterMs: waitOf(limit, part.fixed) };
  return { reading, part, failure, output: part.milli > 0 ? affords : undefined };
}

/** The longest that a rate may have to be waited for; null where waiting does not help. */
const waitOf = ({ kind, windowMs, spec }: Limit, fixed: number): number | null =>
  kind === 'rate' && fixed <= spec.max ? windowMs : null;
