/**
 * What receivers are told of budgets: a mark that was crossed, once per window, mark and maximum, and the first request of a
 * window that its budget refused. A maximum that is changed is another budget, whose marks can be crossed anew.
 */
import type { Crossing, Denial } from '../limits/denial.js';
import type { Limit } from '../limits/limit.js';
import { amountIn, shownLimit, shownTime } from '../limits/shown.js';
import type { Emitter } from '../webhooks/emitter.js';

type Emit = Emitter['emit'];

/** Keys of what is told once outlive their window, for settlements that come late. */
const LATE_MS = 86_400_000;

export function budgetCrossed(emit: Emit, { limit, mark, spent, windowEndsAtMs }: Crossing): void {
  const data = { mark, ...shownLimit(limit), spent: amountIn(limit, spent), window_ends_at: shownTime(windowEndsAtMs) };
  emit('budget.threshold', data, onceIn(limit, windowEndsAtMs, `threshold:${mark}`));
}

export function budgetDenied(emit: Emit, denial: Denial): void {
  const { limit, windowEndsAtMs } = denial;
  if (limit.kind !== 'budget') return;
  const data = {
    ...shownLimit(limit),
    spent: amountIn(limit, denial.spent),
    held: amountIn(limit, denial.held),
    remaining: amountIn(limit, denial.remaining),
    window_ends_at: shownTime(windowEndsAtMs),
  };
  emit('budget.exceeded', data, onceIn(limit, windowEndsAtMs, 'exceeded'));
}

function onceIn(limit: Limit, endsAtMs: number | null, what: string): { key: string; endsAt: number | null } {
  const window = endsAtMs === null ? 'total' : new Date(endsAtMs).toISOString();
  return {
    key: `budget:${limit.counter}:${window}:${limit.spec.max}:${what}`,
    endsAt: endsAtMs === null ? null : endsAtMs + LATE_MS,
  };
}
