/**
 * A limit as users write it (configuration and admin API) and as the gateway uses it. Rate limits and budgets are one idea:
 * a unit, a maximum and a window. Contract section 4.
 */
import { z } from 'zod';
import { isTimezone } from './time-zone.js';

export const limitUnits = ['requests', 'tokens', 'input_tokens', 'output_tokens', 'usd', 'concurrent'] as const;
export const limitWindows = ['second', 'minute', 'hour', 'day', 'week', 'month', 'total'] as const;
export type LimitUnit = (typeof limitUnits)[number];
export type LimitWindow = (typeof limitWindows)[number];

export interface LimitSpec {
  readonly unit: LimitUnit;
  /** A whole number of the unit; nano-dollars where the unit is `usd`. */
  readonly max: number;
  /** Null for `concurrent`, which has no window. `second`, `minute` and `hour` slide; the others are calendar windows. */
  readonly per: LimitWindow | null;
  /** Counts only requests whose model matches this pattern (`gpt-4o*`); null: all. */
  readonly model: string | null;
  /** Shares of `max` at which a `budget.threshold` event is due. */
  readonly warn_at: readonly number[];
  /** IANA time zone in which calendar windows begin. */
  readonly timezone: string;
  /** What happens where a budget affords less output than was asked for. */
  readonly on_exhausted: 'clamp' | 'reject';
  /** A rate that takes the worst case, as budgets do, instead of the expected one. */
  readonly hold?: 'worst';
}

const MOST_USD = 9_000_000; // nano-dollars stay below 2^53
const MOST = 9_000_000_000_000_000;

/** Digits may be grouped with underscores, as in YAML 1.1: `2_000_000`. */
const amount = z.union([
  z.number().nonnegative(),
  z.string().regex(/^\d[\d_]*(\.\d{1,9})?$/, 'expected a number, such as 100, 2_000_000 or "0.50"'),
]);

export const limitSpec = z
  .strictObject({
    unit: z.enum(limitUnits),
    max: amount,
    per: z.enum(limitWindows).optional(),
    model: z.string().min(1).nullish(),
    warn_at: z.array(z.number().gt(0).max(10)).max(10).optional(),
    timezone: z.string().refine(isTimezone, 'not an IANA time zone, such as Europe/Berlin').optional(),
    on_exhausted: z.enum(['clamp', 'reject']).optional(),
    hold: z.enum(['expected', 'worst']).optional(),
  })
  .transform((written, context): LimitSpec => {
    const problem = (path: string, message: string) => {
      context.addIssue({ code: 'custom', path: [path], message });
      return z.NEVER;
    };
    if (written.unit === 'concurrent' && written.per) return problem('per', 'a `concurrent` limit has no `per`');
    if (written.unit !== 'concurrent' && !written.per)
      return problem('per', `a limit of ${written.unit} needs a \`per\``);
    const value = Number(String(written.max).replaceAll('_', ''));
    const usd = written.unit === 'usd';
    if (!usd && !Number.isInteger(value)) return problem('max', `a limit of ${written.unit} is a whole number`);
    if (value > (usd ? MOST_USD : MOST)) return problem('max', `at most ${usd ? `${MOST_USD} dollars` : MOST}`);
    return {
      unit: written.unit,
      max: usd ? Math.round(value * 1e9) : value,
      per: written.per ?? null,
      model: written.model ?? null,
      warn_at: written.warn_at ?? [],
      timezone: written.timezone ?? 'UTC',
      on_exhausted: written.on_exhausted ?? 'clamp',
      ...(written.hold === 'worst' ? { hold: 'worst' } : {}),
    };
  });

/** The limit in the words of the configuration and the admin API, money as dollars. */
export const limitAsWritten = (limit: LimitSpec) => ({
  unit: limit.unit,
  max: limit.unit === 'usd' ? limit.max / 1e9 : limit.max,
  ...(limit.per ? { per: limit.per } : {}),
  ...(limit.model ? { model: limit.model } : {}),
  ...(limit.warn_at.length > 0 ? { warn_at: limit.warn_at } : {}),
  ...(limit.timezone !== 'UTC' ? { timezone: limit.timezone } : {}),
  ...(limit.on_exhausted !== 'clamp' ? { on_exhausted: limit.on_exhausted } : {}),
  ...(limit.hold ? { hold: limit.hold } : {}),
});
