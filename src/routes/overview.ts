/** Routes as an admin sees them: where they lead, and how their targets are. */
import type { Clock } from '../lib/clock.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import type { Backend } from './backend.js';
import type { Route } from './route.js';

export const backendsOf = (route: Route): readonly Backend[] =>
  route.upstream?.backends ?? route.compose?.backends ?? [];

const kindOf = (route: Route): string => {
  if (route.upstream) return 'upstream';
  if (route.compose) return 'compose';
  return route.redirect ? 'redirect' : 'respond';
};

function showTarget(backend: Backend, clock: Clock) {
  const { id, weight, breaker, healthy, inflight, latencyMs, waitMs } = backend;
  const now = clock.monotonic();
  const waits = waitMs > 0 && Number.isFinite(waitMs);
  return {
    id,
    weight,
    healthy,
    /** Null: the route has none. */
    breaker: breaker === null ? null : breaker.state(now),
    ...(breaker?.window(now) ?? { attempts: null, failures: null }),
    /** Null: now, or nobody knows. */
    ready_at: waits ? new Date(clock.now() + waitMs).toISOString() : null,
    in_flight: inflight,
    latency_ms: Math.round(latencyMs * 10) / 10,
  };
}

export const showRoutes = (routes: readonly Route[], clock: Clock) =>
  routes.map((route) => ({
    id: route.name,
    match: route.match,
    kind: kindOf(route),
    targets: backendsOf(route).map((backend) => showTarget(backend, clock)),
  }));

/** Answers the target as it is then. */
export function setBreaker(
  routes: readonly Route[],
  name: string,
  id: string,
  to: 'open' | 'closed',
  clock: Clock,
): Result<object> {
  const route = routes.find((one) => one.name === name);
  if (!route) return refused(refuse('not_found', `There is no route ${name}.`));
  const same = backendsOf(route).filter((backend) => backend.id === id);
  const first = same[0];
  if (!first) return refused(refuse('not_found', `The route ${name} has no target ${id}.`));
  if (!first.breaker) return refused(refuse('conflict', `The route ${name} has no \`breaker\` for this target.`));
  for (const { breaker } of same) {
    if (to === 'open') breaker?.hold();
    else breaker?.release();
  }
  return ok(showTarget(first, clock));
}
