/** A limit and what became of it, in the words of contract section 4: money as decimal strings, the rest as integers. */
import { usd } from '../lib/money.js';
import type { Limit, Scope } from './limit.js';
import type { LimitReading } from './limits.js';

export interface LimitLevel {
  readonly scope: Record<string, string>;
  readonly unit: string;
  readonly per: string | null;
  readonly model: string | null;
  /** Dollars as a decimal string; whole numbers of every other unit. */
  readonly max: string | number;
  readonly spent: string | number;
  readonly held: string | number;
  readonly remaining: string | number;
  readonly window_ends_at: string | null;
}

export const shownLevel = ({ limit, spent, held, remaining, windowEndsAtMs }: LimitReading): LimitLevel => ({
  ...shownLimit(limit),
  spent: amountIn(limit, spent),
  held: amountIn(limit, held),
  remaining: amountIn(limit, remaining),
  window_ends_at: shownTime(windowEndsAtMs),
});

/** The limit itself, without what became of it. */
export function shownLimit(limit: Limit): Pick<LimitLevel, 'scope' | 'unit' | 'per' | 'model' | 'max'> {
  const { unit, per, model, max } = limit.spec;
  return { scope: shownScope(limit.scope), unit, per, model, max: amountIn(limit, max) };
}

export const amountIn = ({ spec }: Limit, value: number): string | number => (spec.unit === 'usd' ? usd(value) : value);

/** The end of a window: whole seconds, as windows have them. */
export const shownTime = (ms: number | null): string | null =>
  ms === null ? null : new Date(ms).toISOString().replace('.000Z', 'Z');

const shownScope = (scope: Scope): Record<string, string> =>
  scope.kind === 'user' ? { user: scope.id, [scope.within.kind]: scope.within.id } : { [scope.kind]: scope.id };
