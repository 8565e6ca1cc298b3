/**
 * What a target was used for lately, against its own limits: for the `usage` balance, which only ranks with it (the limits
 * themselves are kept elsewhere, across replicas). Sliding windows are two fixed ones, of which the older fades out.
 */
import type { LimitSpec } from '../lib/limit-spec.js';

const WINDOW_MS: Readonly<Record<string, number>> = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
  month: 2_592_000_000,
  total: Number.MAX_SAFE_INTEGER,
};

export interface Used {
  readonly input: number;
  readonly output: number;
  readonly costNano: number;
}

interface Window {
  readonly limit: LimitSpec;
  readonly lengthMs: number;
  index: number;
  current: number;
  before: number;
}

export class UsageMeter {
  readonly #windows: readonly Window[];

  constructor(limits: readonly LimitSpec[]) {
    const counted = limits.filter(({ unit, per }) => unit !== 'concurrent' && per !== null);
    // Without limits of its own a target is as full as it was busy in the last minute.
    const specs = counted.length > 0 ? counted : [A_MINUTE];
    this.#windows = specs.map((limit) => ({
      limit,
      lengthMs: WINDOW_MS[limit.per!]!,
      index: 0,
      current: 0,
      before: 0,
    }));
  }

  begin(nowMs: number): void {
    for (const window of this.#windows) if (window.limit.unit === 'requests') add(window, 1, nowMs);
  }

  end(used: Used, nowMs: number): void {
    for (const window of this.#windows) add(window, amount(window.limit, used), nowMs);
  }

  /** The share of the fullest limit that is used; 1 and more: nothing is left. */
  share(nowMs: number): number {
    let most = 0;
    for (const window of this.#windows) {
      turnTo(window, nowMs);
      const left = 1 - (nowMs % window.lengthMs) / window.lengthMs;
      const used = window.current + window.before * left;
      most = Math.max(most, window.limit.max > 0 ? used / window.limit.max : Number.POSITIVE_INFINITY);
    }
    return most;
  }
}

const A_MINUTE: LimitSpec = {
  unit: 'requests',
  max: 1_000_000,
  per: 'minute',
  model: null,
  warn_at: [],
  timezone: 'UTC',
  on_exhausted: 'reject',
};

function amount({ unit }: LimitSpec, { input, output, costNano }: Used): number {
  if (unit === 'tokens') return input + output;
  if (unit === 'input_tokens') return input;
  if (unit === 'output_tokens') return output;
  return unit === 'usd' ? costNano : 0;
}

function add(window: Window, count: number, nowMs: number): void {
  turnTo(window, nowMs);
  window.current += count;
}

function turnTo(window: Window, nowMs: number): void {
  const index = Math.floor(nowMs / window.lengthMs);
  if (index === window.index) return;
  window.before = index === window.index + 1 ? window.current : 0;
  window.current = 0;
  window.index = index;
}
