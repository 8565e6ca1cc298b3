/** What a caller is told whom a guard stops. It names the guard and never what was found. */
import type { Blocking } from '../guardrails/text-guard.js';
import { type Refusal, refuse } from '../lib/errors.js';
import type { GuardSide } from '../lib/guard-spec.js';

export function blockedBy({ name, message }: Blocking, side: GuardSide): Refusal {
  const what = side === 'input' ? 'This request' : 'The answer to this request';
  return refuse('content_blocked', `${what} was blocked by the guard '${name}'${message ? `: ${message}` : '.'}`, {
    headers: { 'x-tollgate-guard': name },
  });
}

/** A key or a team names a guard that the configuration does not have: without it nothing is let through. */
export const notConfigured = (name: string): Refusal =>
  refuse(
    'unavailable',
    `The guard '${name.slice(0, 100)}' is not configured. The operator of the gateway must see to it.`,
    {
      headers: { 'x-should-retry': 'false' },
    },
  );

export const namedTwice: Refusal = refuse(
  'invalid_json',
  'An object in the request body names a field twice. Guards read this request, and two readers could understand two different things.',
);

export const unreadable = (field: string): Refusal =>
  refuse(
    'unsupported_parameter',
    `'${field}' is given as tokens, which the guards of this request cannot read. Send it as text.`,
    {
      param: field,
    },
  );
