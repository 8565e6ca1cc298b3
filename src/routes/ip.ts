/** Which addresses may use a route. */
import { type Refusal, refuse } from '../lib/errors.js';
import { rangesOf } from './client-address.js';

const REFUSAL = refuse('ip_not_allowed', 'This may not be used from your address.');

export function ipFilter(rules: {
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
}): (ip: string) => Refusal | undefined {
  const denied = rangesOf(rules.deny ?? []);
  const allowed = rules.allow === undefined ? () => true : rangesOf(rules.allow);
  return (ip) => (denied(ip) || !allowed(ip) ? REFUSAL : undefined);
}
