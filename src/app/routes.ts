/** The part of the composition that serves classic routes: in front of the gateway's own server, on its keys and limits. */
import type { Config } from '../config/config.js';
import type { Authenticator } from '../identity/authenticate.js';
import type { Clock } from '../lib/clock.js';
import type { Overload } from '../lib/overload.js';
import type { Limit } from '../limits/limit.js';
import type { LimitsEngine } from '../limits/limits.js';
import { Routes } from '../routes/routes.js';
import type { AccessFields, Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { RouteMetrics } from '../telemetry/route-metrics.js';
import type { Tracing } from '../telemetry/trace.js';
import type { Deadlines } from '../upstream/deadline.js';

interface RoutesDeps {
  readonly config: () => Config;
  readonly authenticator: Authenticator;
  readonly limits: LimitsEngine;
  readonly onDenied: (limit: Limit) => void;
  readonly overload: Pick<Overload, 'refuses'>;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly log: Log;
  readonly access: (fields: AccessFields) => void;
  readonly metrics: Metrics;
  readonly tracing: Tracing | null;
}

export async function startRoutes(deps: RoutesDeps): Promise<Routes> {
  const { config, metrics } = deps;
  const routes: Routes = new Routes({
    ...deps,
    meter: new RouteMetrics(metrics.registry, () => routes.targets()),
    trustProxy: () => config().server.trust_proxy,
    bodyLimit: () => config().server.body_limit,
    clientTimeouts: () => {
      const { headers, body, send } = config().server.timeout;
      return { headersMs: headers, bodyMs: body, sendMs: send };
    },
    certificates: () => config().server.tls,
    onAuthFailure: (reason) => metrics.authFailure(reason),
  });
  await routes.apply(config().routes);
  return routes;
}
