/** What the contract of stores of limits is tried with: stores and clocks of a rig, limits, estimates, and what an answer was. */
import assert from 'node:assert/strict';
import type { LimitSpec } from '../../../src/lib/limit-spec.js';
import { type Actuals, type Estimate, justARequest } from '../../../src/limits/amount.js';
import type { AttemptUse } from '../../../src/limits/attempt-use.js';
import type { Denial } from '../../../src/limits/denial.js';
import type { Hold } from '../../../src/limits/hold.js';
import { Limit, type Scope } from '../../../src/limits/limit.js';
import type { Limits, LimitsOptions, ReserveResult } from '../../../src/limits/limits.js';
import type { ManualClock } from '../../support/clock.js';

export const LEASE_MS = 15_000;

export interface Rig {
  readonly limits: Limits;
  readonly clock: ManualClock;
  /** Another process on the same counters; undefined where they are in one process. */
  readonly other: Limits | undefined;
}

export type RigOptions = Pick<LimitsOptions, 'rebuild' | 'onLapsed'>;
export type MakeRig = (options?: RigOptions) => Promise<Rig>;

export const spec = (
  unit: LimitSpec['unit'],
  max: number,
  per: LimitSpec['per'],
  more: Partial<LimitSpec> = {},
): LimitSpec => ({
  unit,
  max,
  per,
  model: null,
  warn_at: [],
  timezone: 'UTC',
  on_exhausted: 'clamp',
  ...more,
});

let scopes = 0;
/** A scope that no other test has. */
export const newKey = (): Scope => ({ kind: 'key', id: `key_${++scopes}` });

export const limitOf = (unit: LimitSpec['unit'], max: number, per: LimitSpec['per'], more: Partial<LimitSpec> = {}) =>
  new Limit(newKey(), spec(unit, max, per, more));

/** Input and output tokens, priced at 1 nano-dollar each unless told. */
export const estimate = (
  input: number,
  want = 0,
  more: Partial<Estimate> & { min?: number; expected?: number } = {},
): Estimate => ({
  inputTokens: input,
  inputTokensMost: input,
  inputNanoMost: input,
  outputPicoMost: 1000,
  output: { want, min: more.min ?? 1, expected: more.expected ?? want },
  ...more,
});

export const used = (input: number, output: number, usdNano = input + output): Actuals => ({
  requests: 1,
  inputTokens: input,
  outputTokens: output,
  usdNano,
});

/** What the ledger has of a hold with one attempt. */
export const attempted = (input: number, output: number, of: Partial<AttemptUse> = {}): readonly AttemptUse[] => [
  { model: 'm', target: 't', inputTokens: input, outputTokens: output, usdNano: input + output, ...of },
];

let holds = 0;
export const newId = (): string => `hold-${++holds}`;

export async function take(
  limits: Limits,
  of: readonly Limit[],
  what: Estimate = justARequest,
): Promise<ReserveResult> {
  return limits.reserve({ id: newId(), limits: of, estimate: what });
}

export function reserved(outcome: ReserveResult): Hold {
  assert.equal(outcome.kind, 'reserved');
  return (outcome as { hold: Hold }).hold;
}

export function denied(outcome: ReserveResult): Denial {
  assert.equal(outcome.kind, 'denied', outcome.kind);
  return (outcome as { denial: Denial }).denial;
}

/** What a limit has spent and held, as `[spent, held]`. */
export async function levels(limits: Limits, limit: Limit): Promise<readonly [number, number]> {
  const [reading] = (await limits.read([limit]))!;
  return [reading!.spent, reading!.held];
}
