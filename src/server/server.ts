/**
 * The HTTP server. The request path's addresses are answered straight from node's server; Fastify has the rest, and routes
 * and nothing else: bodies are read by the request path, after it knows who is calling, and no validator touches them.
 * What there is stands in the table (`api/table.ts`), and a target that is nearly one of its addresses is rewritten to it.
 * Deadlines are the request path's own.
 */
import type { RequestListener, Server } from 'node:http';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest, LogController } from 'fastify';
import { meantTarget } from '../api/addresses.js';
import { type AdminDeps, adminApi } from '../api/admin/admin-api.js';
import { requestIdOf } from '../api/call-headers.js';
import { googleModelsRoutes } from '../api/google/models.js';
import { conversationsRoutes } from '../api/openai/conversations.js';
import { modelsRoutes } from '../api/openai/models.js';
import { ownKeyRoute } from '../api/openai/own-key.js';
import { responsesRoutes } from '../api/openai/responses.js';
import { holdToTable, routeOf } from '../api/route.js';
import { rowOf, rows } from '../api/table.js';
import { consoleRoutes } from '../api/ui/console.js';
import { referenceRoutes } from '../api/ui/reference.js';
import type { Direct, Handler } from '../front/client.js';
import { type DataPlaneDeps, dataPlane } from './data-plane.js';
import { type HealthDeps, healthRoutes } from './health.js';
import { directOr } from './raw.js';
import { unreadable, withoutHandler } from './without-handler.js';

export interface ServerDeps extends DataPlaneDeps {
  readonly admin: AdminDeps;
  readonly health: HealthDeps;
  readonly log: FastifyBaseLogger;
  /** Makes node's server: requests that it does not take itself go to `direct` where that has a handler, else to `behind`. */
  readonly server: (direct: Direct, behind: RequestListener) => Server;
  /** Resolves when a change that was made is known in every process of this gateway. */
  readonly settled: () => Promise<unknown> | undefined;
  /** Told of every request outside the request path, once answered. */
  readonly onAnswered: (request: FastifyRequest, status: number, durationMs: number) => void;
}

export async function createServer(deps: ServerDeps): Promise<FastifyInstance> {
  const { trusted, cors, handlers, direct } = dataPlane(deps);
  const app: FastifyInstance = Fastify({
    serverFactory: (handler) => deps.server(direct, directOr(direct, handler as RequestListener)),
    loggerInstance: deps.log,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: ({ headers }) => requestIdOf(headers),
    childLoggerFactory: (logger, { reqId }) => logger.child({ request_id: reqId }),
    trustProxy: trusted,
    bodyLimit: 1024 * 1024,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 1200 },
    rewriteUrl: (request) => meantTarget(request.url!),
    frameworkErrors: (error, request, reply) => void unreadable(error, request, reply),
  });
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (!reply.hasHeader('x-request-id')) reply.header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { operationId } = request.routeOptions.config;
    // The request path writes its own line.
    if (!operationId || !handlers.has(rowOf(operationId)))
      deps.onAnswered(request, reply.statusCode, reply.elapsedTime);
    done();
  });
  app.addHook('onSend', async ({ method }) => {
    if (method !== 'GET' && method !== 'HEAD') await deps.settled();
  });
  cors.addTo(app);
  app.setErrorHandler(unreadable);
  app.setNotFoundHandler(withoutHandler);
  holdToTable(app, rows);
  await app.register(async (data) => {
    data.removeAllContentTypeParsers();
    data.addContentTypeParser('*', (_request, _payload, done) => done(null));
    const routed = new Set<string>();
    for (const [{ operationId, method }, handler] of handlers) {
      const route = routeOf(operationId);
      // What ends an address beyond Fastify's wildcard is looked at as it is in front of it.
      const ends = route.url.endsWith('*');
      if (routed.has(`${method} ${route.url}`)) continue;
      routed.add(`${method} ${route.url}`);
      const found = (target: string): Handler | undefined => (ends ? direct(method, target) : handler);
      data.route({
        ...route,
        handler: (request, reply) => {
          const serves = found(request.raw.url!);
          return serves ? serves(request.raw, reply.hijack().raw) : withoutHandler(request, reply);
        },
      });
    }
    modelsRoutes(data, deps.openai);
    responsesRoutes(data, { ...deps.responses, authenticator: deps.openai.authenticator });
    const { conversations } = deps.responses;
    const { authenticator, bodyLimit } = deps.openai;
    conversationsRoutes(data, { conversations, authenticator, bodyLimit });
    googleModelsRoutes(data, deps.openai);
    ownKeyRoute(data, { ...deps.admin, authenticator: deps.openai.authenticator });
  });
  await app.register(async (health) => healthRoutes(health, deps.health));
  await app.register(async (pages) => {
    consoleRoutes(pages);
    referenceRoutes(pages);
  });
  await app.register(adminApi(deps.admin));
  return app;
}
