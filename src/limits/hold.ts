/**
 * A hold: what one request has taken from its limits, open while it runs. One object travels from the reservation to the
 * settlement; the stores write into its parts what they took, so that it can be told again to a store that forgot it.
 */
import {
  type Actuals,
  cost,
  type Estimate,
  expectedAmount,
  fixedMost,
  inUnit,
  isAmount,
  milliPerOutput,
} from './amount.js';
import type { Window } from './calendar.js';
import type { LevelCounter } from './level.js';
import type { Limit } from './limit.js';
import type { RateEntry, RateWindow } from './rate-window.js';

/** `lapsed`: nobody renewed it in time; its budget parts are counted at what was known. A lapsed hold may still be settled. */
export type HoldState = 'open' | 'lapsed' | 'settled';

/** What a hold has of one limit. Amounts are whole numbers of the limit's unit. */
export interface Part {
  readonly limit: Limit;
  /** The calendar window in which it was taken, and in which it is settled; null where the limit is not a budget. */
  readonly window: Window | null;
  /** The counter's name. */
  readonly key: string;
  /** The part of the same hold that already counts on this counter, where more is asked for later. */
  readonly own: Part | null;
  /** Asked for whatever the output. */
  readonly fixed: number;
  /** Thousandths of the unit asked for per granted output token. */
  readonly milli: number;
  /** Held by the hold: `fixed` and the cost of the granted output. */
  amount: number;
  /** What is counted as spent if the hold lapses; once it is lapsed or settled, what is counted as spent. */
  counted: number;
  /** What the request really used. */
  actual: number;
  /** What was left of the limit after this part was taken. */
  remaining: number;
  /** Rates: milliseconds until the window would be empty. */
  resetMs: number;
  /** Budgets: what the counter had spent once this part was settled; -1 where that was not told. */
  spentAfter: number;
  /** The memory store's own places. */
  level: LevelCounter | null;
  rate: RateWindow | null;
  entry: RateEntry | null;
}

/** Whether what is settled is all there was, or more may have been used than anybody can tell. */
export type Certainty = 'exact' | 'at-least';

export class Hold {
  readonly id: string;
  /** Text of the caller's choice, handed back where the hold lapses. */
  readonly note: string;
  /** Monotonic milliseconds after which it is no longer renewed. */
  readonly renewUntilMs: number;
  /** Output tokens granted. */
  outputTokens = 0;
  /** Its one settlement has begun. */
  closing = false;
  parts: readonly Part[];
  state: HoldState = 'open';
  /** Monotonic milliseconds at which it lapses unless it is renewed. */
  leaseEndsMs = 0;
  /** The memory store's list of open holds, by the end of their lease; and whose list it is. */
  list: object | null = null;
  newer: Hold | null = null;
  older: Hold | null = null;

  constructor(id: string, note: string, parts: readonly Part[], renewUntilMs: number) {
    this.id = id;
    this.note = note;
    this.parts = parts;
    this.renewUntilMs = renewUntilMs;
  }
}

/**
 * What is to be taken of `limit` for a request as estimated: in the calendar window of `nowMs`, or where the hold already
 * has a part of it, in that part's window.
 */
export function partFor(limit: Limit, estimate: Estimate, nowMs: number, own: Part | null): Part {
  const window = own ? own.window : limit.windowAt(nowMs);
  const { unit, max } = limit.spec;
  const rate = limit.kind === 'rate';
  const fixed = rate ? expectedAmount(unit, estimate, max) : fixedMost(unit, estimate);
  return {
    limit,
    window,
    key: own ? own.key : limit.keyIn(window),
    own,
    fixed,
    milli: rate ? 0 : milliPerOutput(unit, estimate),
    amount: 0,
    counted: limit.kind === 'budget' ? Math.max(fixed, own?.counted ?? 0) : 0,
    actual: 0,
    remaining: 0,
    resetMs: 0,
    spentAfter: -1,
    level: null,
    rate: null,
    entry: null,
  };
}

/** What a part holds once `outputTokens` are granted. Never less than the hold had of the limit before. */
export function amountOf(part: Part, outputTokens: number): number {
  if (part.limit.kind === 'rate') return part.own ? part.own.amount : part.fixed;
  return Math.max(part.own?.amount ?? 0, part.fixed + cost(outputTokens, part.milli));
}

/**
 * Writes into each part what was used and is to be counted. `at-least` never counts less than was held. Throws a `RangeError`
 * where that is no amount.
 */
export function writeActuals(hold: Hold, usedOf: (limit: Limit) => Actuals, certainty: Certainty): void {
  for (const part of hold.parts) {
    const { limit } = part;
    const actual = inUnit(limit.spec.unit, usedOf(limit));
    if (!isAmount(actual)) throw new RangeError(`${actual} is no amount of ${limit.spec.unit}`);
    part.actual = certainty === 'at-least' && limit.kind !== 'concurrent' ? Math.max(actual, part.amount) : actual;
  }
}
