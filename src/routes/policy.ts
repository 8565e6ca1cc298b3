/** What a policy refuses, and what it would have refused where it only logs. */
import type { Policy } from '../config/classic-routes.js';
import type { Clock } from '../lib/clock.js';
import type { Refusal } from '../lib/errors.js';
import type { Overload } from '../lib/overload.js';
import type { Limit } from '../limits/limit.js';
import type { Deadlines } from '../upstream/deadline.js';
import type { Route } from './route.js';
import type { Visit } from './visit.js';

export interface ServeDeps {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** A policy refused, or would have where it only logs. */
  readonly onPolicy: (
    route: string,
    policy: Policy | 'overload',
    refusal: Refusal,
    logOnly: boolean,
    visit: Visit,
  ) => void;
  readonly overload: Pick<Overload, 'refuses'>;
  readonly onDenied: (limit: Limit) => void;
  readonly onRetry: (route: string, why: string) => void;
  /** Something was done to what a request names: what caches have of it is old. `headers` are those of the answer. */
  readonly onChanged: (visit: Visit, headers: readonly string[]) => void;
}

/** Whether a refusal stands: a policy that only logs lets the request pass. */
export function stands(visit: Visit, route: Route, policy: Policy, refusal: Refusal, deps: ServeDeps): boolean {
  const logOnly = route.logOnly.has(policy);
  deps.onPolicy(route.name, policy, refusal, logOnly, visit);
  if (logOnly) (visit.logged ??= []).push(policy);
  return !logOnly;
}
