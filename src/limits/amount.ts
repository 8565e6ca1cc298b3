/**
 * How much of a limit a request takes: a part that is there whatever the output, and a part per output token. Both are
 * whole numbers of the limit's unit (nano-dollars for `usd`), but a single output token may cost less than one of them, so
 * its price is in thousandths (`milli`): pico-dollars for `usd`, 1000 for a token. What is held rounds up, so that no number
 * of granted tokens can cost more than what is held for them. Whole numbers up to 2^53 are exact, here and in the Lua twin
 * (`lua/common.lua`), which does the same steps in the same order.
 */
import type { LimitUnit } from '../lib/limit-spec.js';

/** What is known of a request before it is sent. Token counts and money are whole numbers that are not negative. */
export interface Estimate {
  /** Input tokens as counted: what rate windows take. */
  readonly inputTokens: number;
  /** The most input tokens that may be billed (counted, with the model's safety factor): what budgets take. */
  readonly inputTokensMost: number;
  /** What that input costs at the dearest target that may be reached, with all that does not depend on the output. */
  readonly inputNanoMost: number;
  /** Pico-dollars per output token at the dearest target that may be reached. */
  readonly outputPicoMost: number;
  readonly output: {
    /** The most output tokens the request may produce, over all its choices. */
    readonly want: number;
    /** A budget that affords fewer than this refuses. At most `want`. */
    readonly min: number;
    /** What such requests usually produce: what rate windows take. */
    readonly expected: number;
  };
  /** What earlier attempts of the request used, and those that still run beside it may: budgets hold it too. */
  readonly spent?: Actuals | undefined;
}

/** The estimate itself; throws a `RangeError` where it holds what is no amount, which would spoil every counter it reaches. */
export function checked(estimate: Estimate): Estimate {
  const { inputTokens, inputTokensMost, inputNanoMost, outputPicoMost, output } = estimate;
  const fine =
    isAmount(inputTokens) &&
    isAmount(inputTokensMost) &&
    isAmount(inputNanoMost) &&
    isAmount(outputPicoMost) &&
    isAmount(output.want) &&
    isAmount(output.min) &&
    output.expected >= 0;
  if (!fine) throw new RangeError(`not an estimate: ${JSON.stringify(estimate)}`);
  return estimate;
}

/** A whole number that is not negative, up to 2^53. */
export const isAmount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** A request without tokens: a classic route, a model list. */
export const justARequest: Estimate = {
  inputTokens: 0,
  inputTokensMost: 0,
  inputNanoMost: 0,
  outputPicoMost: 0,
  output: { want: 0, min: 0, expected: 0 },
};

/** What a request really used. Also the shape of a settlement. */
export interface Actuals {
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly usdNano: number;
}

export const nothing: Actuals = { requests: 0, inputTokens: 0, outputTokens: 0, usdNano: 0 };

/** What was used, in the unit of a limit. */
export function inUnit(unit: LimitUnit, used: Actuals): number {
  switch (unit) {
    case 'requests':
      return used.requests;
    case 'tokens':
      return used.inputTokens + used.outputTokens;
    case 'input_tokens':
      return used.inputTokens;
    case 'output_tokens':
      return used.outputTokens;
    case 'usd':
      return used.usdNano;
    case 'concurrent':
      return 0;
  }
}

/** What a budget holds, without output. */
export function fixedMost(unit: LimitUnit, estimate: Estimate): number {
  if (unit === 'requests' || unit === 'concurrent') return 1;
  const spent = estimate.spent ? inUnit(unit, estimate.spent) : 0;
  if (unit === 'usd') return spent + estimate.inputNanoMost;
  return spent + (unit === 'output_tokens' ? 0 : estimate.inputTokensMost);
}

/** Thousandths of the unit per output token. */
export function milliPerOutput(unit: LimitUnit, estimate: Estimate): number {
  if (unit === 'usd') return estimate.outputPicoMost;
  return unit === 'tokens' || unit === 'output_tokens' ? 1000 : 0;
}

/**
 * What a rate window takes: the expected case. An expected output is only a guess, so it never makes a request ask for more
 * than the whole window; input and the request itself are certain and may.
 */
export function expectedAmount(unit: LimitUnit, estimate: Estimate, max: number): number {
  const { want, expected } = estimate.output;
  const fixed =
    unit === 'requests'
      ? 1
      : unit === 'usd'
        ? estimate.inputNanoMost
        : unit === 'output_tokens'
          ? 0
          : estimate.inputTokens;
  const amount = fixed + cost(Math.min(want, Math.ceil(expected)), milliPerOutput(unit, estimate));
  return fixed <= max ? Math.min(amount, max) : amount;
}

/** What `tokens` output tokens cost, rounded up. */
export function cost(tokens: number, milli: number): number {
  const whole = Math.floor(milli / 1000);
  return tokens * whole + Math.ceil((tokens * (milli - whole * 1000)) / 1000);
}

/** The most output tokens, up to `want`, that cost no more than `room`; -1 where not even none of them fits. */
export function affordable(room: number, milli: number, want: number): number {
  if (room < 0) return -1;
  if (cost(want, milli) <= room) return want;
  let tokens = Math.min(want, Math.floor((room / milli) * 1000));
  while (tokens > 0 && cost(tokens, milli) > room) tokens -= 1;
  while (tokens < want && cost(tokens + 1, milli) <= room) tokens += 1;
  return tokens;
}
