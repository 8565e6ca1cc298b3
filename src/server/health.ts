/** `GET /healthz` (alive), `/readyz` (can serve; details with the admin key) and `/metrics`. */
import type { FastifyInstance } from 'fastify';
import { adminOf } from '../api/admin/auth.js';

interface Part {
  readonly ok: boolean;
  readonly optional?: boolean;
  readonly detail?: string;
}

export interface HealthDeps {
  readonly adminKey: () => string;
  /** Parts that serve requests; without an `optional` one that is possible for a while. */
  readonly ready: () => Promise<Readonly<Record<string, Part>>>;
  /** The Prometheus text; null while metrics are switched off. */
  readonly metrics: () => Promise<{ readonly text: string; readonly type: string } | null>;
}

export function healthRoutes(app: FastifyInstance, deps: HealthDeps): void {
  const config = { access: 'public' } as const;
  app.get('/healthz', { config }, () => ({ status: 'ok' }));
  app.get('/readyz', { config }, async (request, reply) => {
    const parts = await deps.ready();
    const ok = Object.values(parts).every((part) => part.ok || part.optional);
    reply.code(ok ? 200 : 503);
    const status = ok ? 'ready' : 'unavailable';
    return adminOf(request.headers.authorization, deps.adminKey()) === null ? { status } : { status, parts };
  });
  app.get('/metrics', { config }, async (_request, reply) => {
    const metrics = await deps.metrics();
    if (!metrics) return reply.callNotFound();
    return reply.header('content-type', metrics.type).send(metrics.text);
  });
}
