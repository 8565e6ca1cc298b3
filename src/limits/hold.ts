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

/**
 * `lapsed`: nobody renewed it in time; its budget parts are counted at what was known when it was taken. `closed`: they are counted
 * at what the ledger knew then. Either may still be settled.
 */
export type HoldState = 'open' | 'lapsed' | 'closed' | 'settled';

/**
 * What a hold has of one limit. Amounts are whole numbers of the limit's unit.
 *
 * A class and not a literal: where a field of a literal begins as a whole number and later holds a fraction (`resetMs`), V8
 * gives every new object the old shape and moves it to the new one at its first use.
 */
export class Part {
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
  /** How new the counter must be (`Limit.stampAt`). */
  readonly stamp: number;
  /** Held by the hold: `fixed` and the cost of the granted output. */
  amount = 0;
  /** What is counted as spent if the hold lapses; once it is lapsed or settled, what is counted as spent. */
  counted: number;
  /** What the request really used. */
  actual = 0;
  /** What was left of the limit after this part was taken. */
  remaining = 0;
  /** Rates: milliseconds until the window would be empty. */
  resetMs = 0;
  /** Budgets: what the counter had spent once this part was settled; -1 where that was not told. */
  spentAfter = -1;
  /** The memory store's own places. */
  level: LevelCounter | null = null;
  rate: RateWindow | null = null;
  entry: RateEntry | null = null;
  /** Rates taken without Redis: when, by the monotonic clock (-1: Redis took it), and where that is kept until Redis is told. */
  takenMs = -1;
  untold: RateEntry | null = null;
  /** The same time by Redis's clock, microseconds, from when it was first told. */
  takenUs = -1;

  /**
   * What is to be taken of `limit` for a request as estimated: in the calendar window of `nowMs`, or where the hold already
   * has a part of it, in that part's window.
   */
  constructor(limit: Limit, estimate: Estimate, nowMs: number, own: Part | null) {
    const { unit } = limit.spec;
    const rate = limit.kind === 'rate';
    this.limit = limit;
    this.window = own ? own.window : limit.windowAt(nowMs);
    this.key = own ? own.key : limit.keyIn(this.window);
    this.own = own;
    this.fixed = rate ? rateAmount(limit, estimate) : fixedMost(unit, estimate);
    this.milli = rate ? 0 : milliPerOutput(unit, estimate);
    this.stamp = limit.stampAt(nowMs);
    this.counted = limit.kind === 'budget' ? Math.max(this.fixed, own?.counted ?? 0) : 0;
  }
}

/** What a rate takes: the expected case, or where it is to be hard the worst. */
function rateAmount({ spec }: Limit, estimate: Estimate): number {
  const { unit, max, hold } = spec;
  if (hold !== 'worst') return expectedAmount(unit, estimate, max);
  return fixedMost(unit, estimate) + cost(estimate.output.want, milliPerOutput(unit, estimate));
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
