/** What a request is told of limits in numbers: why it is refused, and which marks of a budget its settlement crossed. */
import { cost } from './amount.js';
import type { Hold } from './hold.js';
import type { Limit } from './limit.js';
import type { Failure } from './store.js';

/** Why a request is refused; `words.ts` says it in words. Amounts are in the limit's unit. */
export interface Denial {
  readonly limit: Limit;
  readonly max: number;
  readonly spent: number;
  readonly held: number;
  readonly remaining: number;
  /** The least that the request asks of the limit. */
  readonly asked: number;
  /** When such a request would be admitted; null for budgets, for slots, and where it never would be. */
  readonly retryAfterMs: number | null;
  /** End of a budget's window, milliseconds since the Unix epoch; null where there is none. */
  readonly windowEndsAtMs: number | null;
  /** Output tokens that the budget still affords; -1 where it does not afford the input. */
  readonly affordableOutput: number;
}

/** A settlement took a budget over one of its `warn_at` marks. */
export interface Crossing {
  readonly limit: Limit;
  readonly mark: number;
  readonly spent: number;
  readonly windowEndsAtMs: number | null;
}

const NONE: readonly never[] = [];

/** The end of a window as others write it: null where it has none. */
export const endOf = (endMs: number | undefined): number | null =>
  endMs === undefined || endMs === Number.POSITIVE_INFINITY ? null : endMs;

/** A budget is named before a rate, since waiting does not help; of rates the one with the longest wait; slots last. */
export function denialOf(failures: readonly Failure[], min: number): Denial {
  let chosen = failures[0]!;
  for (const failure of failures) {
    const later = (failure.part.window?.endMs ?? 0) > (chosen.part.window?.endMs ?? 0);
    if (rank(failure) > rank(chosen) || (rank(failure) === rank(chosen) && later)) chosen = failure;
  }
  const { part, spent, held, retryAfterMs, affordableOutput } = chosen;
  const { max } = part.limit.spec;
  return {
    limit: part.limit,
    max,
    spent,
    held,
    remaining: Math.max(0, max - spent - held),
    asked: part.fixed + cost(min, part.milli),
    retryAfterMs: retryAfterMs === null ? null : Math.ceil(retryAfterMs),
    windowEndsAtMs: endOf(part.window?.endMs),
    affordableOutput,
  };
}

function rank({ part, retryAfterMs }: Failure): number {
  if (part.limit.kind === 'budget') return Number.POSITIVE_INFINITY;
  if (part.limit.kind === 'concurrent') return -1;
  return retryAfterMs ?? Number.MAX_VALUE;
}

/** `counted`: what each part counted before, where the hold had lapsed. */
export function crossings(hold: Hold, counted: readonly number[] | undefined): readonly Crossing[] {
  let crossed: Crossing[] | undefined;
  for (const [i, part] of hold.parts.entries()) {
    const { limit, spentAfter } = part;
    if (limit.kind !== 'budget' || spentAfter < 0 || limit.spec.warn_at.length === 0) continue;
    const spentBefore = spentAfter - part.actual + (counted?.[i] ?? 0);
    for (const mark of limit.spec.warn_at) {
      const at = mark * limit.spec.max;
      if (spentBefore >= at || spentAfter < at) continue;
      crossed ??= [];
      crossed.push({ limit, mark, spent: spentAfter, windowEndsAtMs: endOf(part.window?.endMs) });
    }
  }
  return crossed ?? NONE;
}

/** The marks of a budget that it is beyond. */
export const marksBeyond = ({ limit, spent, windowEndsAtMs }: Omit<Crossing, 'mark'>): readonly Crossing[] =>
  limit.spec.warn_at
    .filter((mark) => spent >= mark * limit.spec.max)
    .map((mark) => ({ limit, mark, spent, windowEndsAtMs }));
