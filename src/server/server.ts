/**
 * The HTTP server. The request path's addresses are answered straight from node's server; Fastify has the rest, and routes
 * and nothing else: bodies are read by the request path, after it knows who is calling, and no validator touches them.
 * Every route says who may call it. Deadlines are the request path's own.
 */
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { declaresAccess } from '../api/access.js';
import { type AdminDeps, adminApi } from '../api/admin/admin-api.js';
import { handleError } from '../api/admin/errors.js';
import { type CallDeps, callHandler } from '../api/openai/call.js';
import { type CallHandlers, openaiRoutes, sendOpenAiError } from '../api/openai/routes.js';
import { apiFormat } from '../formats/registry.js';
import type { Direct } from '../front/client.js';
import { refuse } from '../lib/errors.js';
import { type HealthDeps, healthRoutes } from './health.js';
import { directOr, type RawRoutes } from './raw.js';
import { trusts } from './trust.js';

export interface ServerDeps {
  readonly openai: Parameters<typeof openaiRoutes>[1] & Omit<CallDeps, 'ipOf'>;
  readonly admin: AdminDeps;
  readonly health: HealthDeps;
  readonly log: FastifyBaseLogger;
  /** The addresses and CIDR blocks whose `X-Forwarded-For` is believed now. */
  readonly trustProxy: () => readonly string[];
  /** Makes node's server: requests that it does not take itself go to `direct` where that has a handler, else to `behind`. */
  readonly server: (direct: Direct, behind: RequestListener) => Server;
  /** Told of every request outside the request path, once answered. */
  readonly onAnswered: (request: FastifyRequest, status: number, durationMs: number) => void;
}

const dataPlane = (url: string): boolean => /^\/(v1|chat|embeddings|models)\b/.test(url);

export async function createServer(deps: ServerDeps): Promise<FastifyInstance> {
  const trusted = trusts(deps.trustProxy);
  const ipOf: CallDeps['ipOf'] = (request) =>
    deps.trustProxy().length > 0
      ? proxyAddr(request as IncomingMessage, trusted)
      : (request.socket.remoteAddress ?? '');
  const calls: CallHandlers = {
    '/chat/completions': callHandler({ ...deps.openai, ipOf }, apiFormat('openai-chat')),
    '/embeddings': callHandler({ ...deps.openai, ipOf }, apiFormat('openai-embeddings')),
  };
  let direct: RawRoutes = new Map(
    Object.entries(calls).flatMap(([path, call]) => [
      [`POST /v1${path}`, call],
      [`POST ${path}`, call],
    ]),
  );
  const onError = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (!dataPlane(request.url)) return handleError(error, request, reply);
    const status = (error as { statusCode?: number }).statusCode ?? 500;
    return sendOpenAiError(
      request,
      reply,
      refuse(status < 500 ? 'invalid_value' : 'internal_error', 'The request cannot be read.'),
    );
  };
  const handlerOf: Direct = (method, url) => direct.get(`${method} ${url}`);
  const app: FastifyInstance = Fastify({
    serverFactory: (handler) => deps.server(handlerOf, directOr(handlerOf, handler as RequestListener)),
    loggerInstance: deps.log,
    logController: new LogController({ disableRequestLogging: true }),
    childLoggerFactory: (logger) => logger, // ours names the request id itself
    trustProxy: trusted,
    bodyLimit: 1024 * 1024,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 1200 },
    frameworkErrors: (error, request, reply) => void onError(error, request, reply),
  });
  // While the server closes, Fastify tells each connection that its answer was the last.
  app.addHook('preClose', (done) => {
    direct = new Map();
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    // The request path writes its own line.
    if (request.routeOptions.config.access !== 'key' || request.method !== 'POST')
      deps.onAnswered(request, reply.statusCode, reply.elapsedTime);
    done();
  });
  app.setErrorHandler(onError);
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]!.slice(0, 200);
    const known = ['POST', 'GET'].some((method) => method !== request.method && app.findRoute({ method, url: path }));
    const refusal = known
      ? refuse(
          'method_not_allowed',
          `${request.method} ${path} is not possible; try ${request.method === 'GET' ? 'POST' : 'GET'}.`,
        )
      : refuse('not_found', `There is no ${request.method} ${path}.`);
    if (dataPlane(path)) return sendOpenAiError(request, reply, refusal);
    return handleError(Object.assign(new Error(refusal.message), { statusCode: known ? 405 : 404 }), request, reply);
  });
  await app.register(async (data) => {
    data.addHook('onRoute', declaresAccess('key'));
    data.removeAllContentTypeParsers();
    data.addContentTypeParser('*', (_request, _payload, done) => done(null));
    openaiRoutes(data, deps.openai, calls);
  });
  await app.register(async (health) => {
    health.addHook('onRoute', declaresAccess('public'));
    healthRoutes(health, deps.health);
  });
  await app.register(adminApi(deps.admin));
  return app;
}
