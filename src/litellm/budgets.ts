/** Budgets and rates of LiteLLM's tables as limits. Its windows begin when a key is made; ours are those of the calendar. */
import { isObject, type Json } from '../lib/json.js';
import { numberOf } from './values.js';

export type Limit = Readonly<Record<string, unknown>>;

/** What was taken and works differently, once for each kind. */
export type Tell = (reason: string) => void;

const BY_CALENDAR = 'begins anew with the calendar: days, weeks and months in UTC';
/** What is said once, not of each. */
export const isOfAll = (reason: string): boolean => reason === BY_CALENDAR;

const DAY_S = 86_400;
const unitsS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3_600,
  d: DAY_S,
  w: 7 * DAY_S,
  mo: 30 * DAY_S,
  y: 365 * DAY_S,
};
const windows: readonly (readonly [string, number])[] = [
  ['hour', 3_600],
  ['day', DAY_S],
  ['week', 7 * DAY_S],
  ['month', 30 * DAY_S],
];
const MOST_USD = 9_000_000;

/** The calendar window for a duration such as `30d` or `1mo`, and by what its maximum is multiplied. */
function windowOf(duration: string): { per: string; factor: number } | undefined {
  const match = /^(\d{1,6})(s|m|h|d|w|mo|y)$/.exec(duration.trim());
  const seconds = match ? Number(match[1]) * unitsS[match[2]!]! : 0;
  if (seconds === 0) return undefined;
  if (seconds >= 28 * DAY_S && seconds <= 31 * DAY_S) return { per: 'month', factor: 1 };
  const [per, length] = windows.findLast(([, long]) => long <= seconds) ?? windows[0]!;
  return { per, factor: length / seconds };
}

export function budgetLimit(
  max: unknown,
  duration: unknown,
  soft: unknown,
  model: string | undefined,
  tell: Tell,
): Limit[] {
  const dollars = numberOf(max);
  if (dollars === undefined) return [];
  if (dollars < 0 || dollars > MOST_USD) {
    tell(`a budget of ${dollars} dollars cannot be stated and was left out`);
    return [];
  }
  const written = typeof duration === 'string' && duration !== '' ? windowOf(duration) : { per: 'total', factor: 1 };
  if (!written) {
    tell(`a budget's duration "${String(duration).slice(0, 40)}" is not known: the budget has no window`);
    return [{ unit: 'usd', max: decimal(dollars), per: 'total', ...(model === undefined ? {} : { model }) }];
  }
  const { per, factor } = written;
  if (factor !== 1) tell(`a budget for ${String(duration)} became its share of a ${per}`);
  else if (per !== 'total') tell(BY_CALENDAR);
  const warning = numberOf(soft);
  const warn = warning !== undefined && warning > 0 && warning < dollars ? { warn_at: [warning / dollars] } : {};
  return [{ unit: 'usd', max: decimal(dollars * factor), per, ...warn, ...(model === undefined ? {} : { model }) }];
}

const decimal = (dollars: number): number => Number(dollars.toFixed(9));

export function rateLimits(row: Json): Limit[] {
  return Object.entries({ rpm_limit: 'requests', tpm_limit: 'tokens', max_parallel_requests: 'concurrent' }).flatMap(
    ([name, unit]) => {
      const max = numberOf(row[name]);
      if (max === undefined || max < 0) return [];
      return [{ unit, max: Math.floor(max), ...(unit === 'concurrent' ? {} : { per: 'minute' }) }];
    },
  );
}

/** `{"gpt-4o": {"budget_limit": 10, "time_period": "1d"}}`, or a number of dollars. */
export function modelLimits(row: Json, metadata: Json, tell: Tell): Limit[] {
  const limits: Limit[] = [];
  for (const [model, value] of Object.entries(jsonOf(row['model_max_budget']))) {
    const budget = isObject(value) ? value : { budget_limit: value };
    const max = budget['budget_limit'] ?? budget['max_budget'];
    limits.push(...budgetLimit(max, budget['time_period'] ?? budget['budget_duration'], undefined, model, tell));
    if (isObject(value)) limits.push(...rateLimits(value).map((limit) => ({ ...limit, model })));
  }
  for (const [name, unit] of Object.entries({ model_rpm_limit: 'requests', model_tpm_limit: 'tokens' })) {
    for (const [model, value] of Object.entries(jsonOf(metadata[name]))) {
      const max = numberOf(value);
      if (max !== undefined && max >= 0) limits.push({ unit, max: Math.floor(max), per: 'minute', model });
    }
  }
  return limits;
}

/** An object that stands as JSON in a column, in some versions as text. */
export function jsonOf(value: unknown): Json {
  if (isObject(value)) return value;
  if (typeof value !== 'string' || value.length > 100_000) return {};
  try {
    const parsed: unknown = JSON.parse(value);
    return isObject(parsed) ? parsed : {};
  } catch {
    return {};
  }
}
