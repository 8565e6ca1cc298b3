/**
 * The admin API, a Fastify plugin under `/admin/v1`. Each route says who may call it, the admin or anybody, and one hook
 * enforces that before anything of a body is read; paths that do not exist are for the admin alone too. Answers are never
 * cached, for some hold a secret. Whatever is slow or may fail behind it (the database) fails the one request and not the
 * process; the errors are in `errors.ts`.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import swagger from '@fastify/swagger';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyPluginAsync,
  FastifySchemaCompiler,
  RawServerDefault,
} from 'fastify';
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import { z } from 'zod';
import { refuse } from '../../lib/errors.js';
import { addressOf } from '../../lib/forwarded.js';
import { newId } from '../../lib/ids.js';
import { methodsAt } from '../addresses.js';
import { type OpenApiDocument, securitySchemes, wholeDocument } from '../document.js';
import { describing, holdToTable, routeOf } from '../route.js';
import { ADMIN_PREFIX, adminRows } from '../table.js';
import { adminOf } from './auth.js';
import { readsJson } from './body.js';
import { type CacheReading, cacheRoutes } from './cache-routes.js';
import { type Configuring, configRoutes } from './config-routes.js';
import { handleError, noSuchPath, sendRefusal, unauthorized } from './errors.js';
import { type Explaining, explainRoute } from './explain-route.js';
import { keysRoutes } from './keys-routes.js';
import { type LimitsReading, limitsRoutes } from './limits-routes.js';
import type { Writing } from './once.js';
import { type Reading, readRoutes } from './read-routes.js';
import { type Reporting, reportsRoutes } from './reports-routes.js';
import { type Routing, routesRoutes } from './routes-routes.js';
import { type Breaking, targetsRoutes } from './targets-routes.js';
import { teamsRoutes } from './teams-routes.js';
import { type Hooking, webhooksRoutes } from './webhooks-routes.js';
import { WrongKeys } from './wrong-keys.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls the admin API, in the words of the audit log; empty elsewhere. */
    adminActor: string;
  }
}

export interface AdminDeps
  extends Writing,
    Omit<Reading, 'ledger'>,
    Configuring,
    CacheReading,
    Hooking,
    Breaking,
    Routing,
    LimitsReading,
    Explaining,
    CacheReading,
    Omit<Reporting, 'ledger'> {
  readonly ledger: Reading['ledger'] & Reporting['ledger'];
  /** The admin key now in force. Empty: nobody is the admin. */
  readonly adminKey: () => string;
  /** Somebody without the admin key asked for what needs it, for metrics. */
  readonly onWrongKey?: () => void;
  /** The version of the gateway, for the OpenAPI document. */
  readonly version: string;
}

export type AdminApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

const SANE_ID = /^[\w.:/+=@-]{1,128}$/;
const requestIdOf = (given: unknown): string =>
  typeof given === 'string' && SANE_ID.test(given) ? given : newId('req');

/** To be registered as it is: `server.register(adminApi(deps))`; the prefix is its own. */
export const adminApi =
  (deps: AdminDeps): FastifyPluginAsync =>
  async (server) => {
    await server.register((app) => scope(app, deps), { prefix: ADMIN_PREFIX });
  };

async function scope(app: FastifyInstance, deps: AdminDeps): Promise<void> {
  holdToTable(app, adminRows);
  const wrongKeys = new WrongKeys();
  app.decorateRequest('adminActor', '');
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    if (request.routeOptions.config.access === 'public') return;
    const actor = adminOf(request.headers.authorization, deps.adminKey());
    if (actor !== null) {
      request.adminActor = actor;
      return;
    }
    const { ip, method, url, log, headers } = request;
    const requestId = requestIdOf(headers['x-request-id']);
    const path = url.split('?', 1)[0];
    log.warn({ request_id: requestId, ip, method, path, sent: headers.authorization !== undefined }, 'no admin key');
    deps.onWrongKey?.();
    const waitMs = headers.authorization === undefined ? 0 : wrongKeys.count(addressOf(ip) ?? ip, performance.now());
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    reply.header('x-request-id', requestId);
    return sendRefusal(reply, unauthorized);
  });
  app.setErrorHandler(handleError);
  app.setNotFoundHandler((request, reply) => {
    const allow = methodsAt(request.url).join(', ');
    if (allow === '') return sendRefusal(reply, noSuchPath);
    const words = `${request.method} is not possible here; ${allow} is.`;
    return sendRefusal(reply, refuse('method_not_allowed', words, { headers: { allow } }));
  });
  app.setValidatorCompiler(validates);
  app.setSerializerCompiler(serializerCompiler);
  readsJson(app);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Tollgate', version: deps.version },
      components: { securitySchemes },
      security: [{ admin: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  const typed = app.withTypeProvider<ZodTypeProvider>();
  keysRoutes(typed, deps);
  teamsRoutes(typed, deps);
  limitsRoutes(typed, deps);
  targetsRoutes(typed, deps);
  routesRoutes(typed, deps);
  readRoutes(typed, deps);
  cacheRoutes(typed, deps);
  webhooksRoutes(typed, deps);
  configRoutes(typed, deps);
  explainRoute(typed, deps);
  reportsRoutes(typed, deps);
  let document: OpenApiDocument | undefined;
  const { method, url, config } = routeOf('getOpenApi');
  app.route({
    ...{ method, url: url.slice(ADMIN_PREFIX.length), config },
    schema: { ...describing('getOpenApi'), security: [], response: { 200: z.looseObject({}) } },
    handler: () => (document ??= wholeDocument(app.swagger() as OpenApiDocument)),
  });
}

/** Zod validates; its error reaches the error handler whole, with the paths of the fields. */
const validates: FastifySchemaCompiler<z.ZodType> =
  ({ schema }) =>
  (data) => {
    const result = schema.safeParse(data);
    return result.success ? { value: result.data } : { error: result.error };
  };
