/** `GET /healthz` (alive), `/readyz` (can serve; details with the admin key) and `/metrics`. */
import type { FastifyInstance } from 'fastify';
import { adminOf } from '../api/admin/auth.js';
import { routeOf } from '../api/route.js';
import { refusalHeaders } from '../lib/errors.js';

/** How one of the services is that requests need. */
interface ServiceHealth {
  readonly ok: boolean;
  readonly optional?: boolean;
  readonly detail?: string;
}

export interface HealthDeps {
  readonly adminKey: () => string;
  /** The gateway ends: nobody is to be sent here any more. */
  readonly ending: () => boolean;
  /** The services that requests need; without an `optional` one they can be served for a while. */
  readonly ready: () => Promise<Readonly<Record<string, ServiceHealth>>>;
  /** The Prometheus text; null while metrics are switched off. */
  readonly metrics: () => Promise<{ readonly text: string; readonly type: string } | null>;
}

export function healthRoutes(app: FastifyInstance, deps: HealthDeps): void {
  app.route({ ...routeOf('getHealth'), handler: () => ({ status: 'ok' }) });
  app.route({
    ...routeOf('getReadiness'),
    handler: async (request, reply) => {
      const parts = await deps.ready();
      const ok = !deps.ending() && Object.values(parts).every((part) => part.ok || part.optional);
      reply.code(ok ? 200 : 503).headers(refusalHeaders({}, reply.statusCode));
      const status = ok ? 'ready' : deps.ending() ? 'ending' : 'unavailable';
      return adminOf(request.headers.authorization, deps.adminKey()) === null ? { status } : { status, parts };
    },
  });
  app.route({
    ...routeOf('getMetrics'),
    handler: async (_request, reply) => {
      const metrics = await deps.metrics();
      if (!metrics) return reply.callNotFound();
      return reply.header('content-type', metrics.type).send(metrics.text);
    },
  });
}
