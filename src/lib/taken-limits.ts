/**
 * Which limits an attempt had taken, as text that is kept with its entry: a word for each limit, such as `ktm100000:1200:98800`.
 * That is whose it is, its unit, its window and its maximum, and after the colons what was held of it and what was then left. A
 * model's and a target's limit name it after `@`, since a wildcard's has another name than the entry; a pattern of models comes
 * after `+`. A key, a team and an end user are those of the entry. Money is nano-dollars here, as in a limit. A last word `+3` says how
 * many more limits there were.
 */
import type { LimitSpec, LimitUnit, LimitWindow } from './limit-spec.js';
import { usd } from './money.js';
import { decoded, encoded, named } from './word-text.js';

export type LimitOwner = 'key' | 'team' | 'key_user' | 'team_user' | 'model' | 'target';

const OWNERS: Readonly<Record<LimitOwner, string>> = {
  key: 'k',
  team: 't',
  key_user: 'u',
  team_user: 'v',
  model: 'm',
  target: 'g',
};
const UNITS: Readonly<Record<LimitUnit, string>> = {
  requests: 'r',
  tokens: 't',
  input_tokens: 'i',
  output_tokens: 'o',
  usd: 'd',
  concurrent: 'c',
};
const WINDOWS: Readonly<Record<LimitWindow, string>> = {
  second: 's',
  minute: 'm',
  hour: 'h',
  day: 'd',
  week: 'w',
  month: 'M',
  total: 'T',
};

/** The limit's own part of its word. `id`: of a model or a target. */
export function limitWord(owner: LimitOwner, id: string | null, { unit, per, max, model }: LimitSpec): string {
  const named = id === null ? '' : `@${encoded(id)}`;
  const window = per === null ? '-' : WINDOWS[per];
  return `${OWNERS[owner]}${UNITS[unit]}${window}${max}${named}${model === null ? '' : `+${encoded(model)}`}`;
}

/** A limit as `GET /admin/v1/limits` shows one: money as decimal strings, the rest as whole numbers. */
export interface TakenLimit {
  readonly scope: Readonly<Record<string, string>>;
  readonly unit: LimitUnit;
  readonly per: LimitWindow | null;
  readonly model: string | null;
  readonly max: string | number;
  /** Taken for the request before it was sent. */
  readonly held: string | number;
  /** What was left of the limit then. */
  readonly remaining: string | number;
  /** What the attempt came to. */
  readonly used: string | number;
}

/** Whose entry it is, and what the attempt used in each unit. */
export interface TakenBy {
  readonly key: string;
  readonly team: string | null;
  readonly user: string | null;
  readonly used: (unit: LimitUnit) => number;
}

const word = /^([ktuvmg])([rtiodc])([smhdwMT-])(\d{1,16})(?:@([^:+]+))?(?:\+([^:+]+))?:(\d{1,16}):(\d{1,16})$/;

export interface TakenLimits {
  readonly limits: TakenLimit[];
  /** How many are not named. */
  readonly more: number;
}

export const moreLimitsWord = (count: number): string => ` +${count}`;
const moreLimits = /^\+(\d{1,6})$/;

/** Words that are not understood are passed over: a later version may have written them. */
export function takenLimits(text: string, by: TakenBy): TakenLimits {
  const limits: TakenLimit[] = [];
  let more = 0;
  for (const one of text.split(' ')) {
    const match = word.exec(one);
    if (!match) {
      more = Number(moreLimits.exec(one)?.[1] ?? more);
      continue;
    }
    const [, owner, unitCode, window, max, id, pattern, held, remaining] = match as unknown as string[];
    const unit = named(UNITS, unitCode!)!;
    const shown = (value: number): string | number => (unit === 'usd' ? usd(value) : value);
    limits.push({
      scope: scopeOf(named(OWNERS, owner!)!, decoded(id ?? ''), by),
      unit,
      per: named(WINDOWS, window!),
      model: pattern === undefined ? null : decoded(pattern),
      max: shown(Number(max)),
      held: shown(Number(held)),
      remaining: shown(Number(remaining)),
      used: shown(by.used(unit)),
    });
  }
  return { limits, more };
}

function scopeOf(owner: LimitOwner, id: string, { key, team, user }: TakenBy): Record<string, string> {
  if (owner === 'model' || owner === 'target') return { [owner]: id };
  if (owner === 'key') return { key };
  if (owner === 'team') return { team: team ?? '' };
  return owner === 'key_user' ? { user: user ?? '', key } : { user: user ?? '', team: team ?? '' };
}
