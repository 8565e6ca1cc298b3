/**
 * The admin API, a Fastify plugin under `/admin/v1`. What each operation needs stands in `access.ts`, and one hook (`gate.ts`)
 * enforces it before anything of a body is read; that a path does not exist is told to those who are known. Answers are never
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
import { methodsAt } from '../addresses.js';
import { about, type OpenApiDocument, securitySchemes, servers, wholeDocument } from '../document.js';
import { describing, holdToTable, routeOf } from '../route.js';
import { ADMIN_PREFIX, adminRows } from '../table.js';
import { type Adding, addedRoutes } from './added-routes.js';
import { readsJson } from './body.js';
import { formOf } from './bulk.js';
import { type CacheReading, cacheRoutes } from './cache-routes.js';
import { type Configuring, configRoutes } from './config-routes.js';
import { type ContentReading, contentRoutes } from './content-routes.js';
import { handleError, noSuchPath, sendRefusal } from './errors.js';
import { type Explaining, explainRoute } from './explain-route.js';
import { guard } from './gate.js';
import { type GuardsReading, guardrailsRoutes } from './guardrails-routes.js';
import { type KeptDocument, keptDocument, sendDocument } from './kept-document.js';
import { keysRoutes, type Standings } from './keys-routes.js';
import { type LimitsReading, limitsRoutes } from './limits-routes.js';
import { oidcRoutes } from './oidc-routes.js';
import type { Writing } from './once.js';
import { type Reading, readRoutes } from './read-routes.js';
import { type Reporting, reportsRoutes } from './reports-routes.js';
import { problems } from './route.js';
import { type Routing, routesRoutes } from './routes-routes.js';
import type { SigningIn } from './session-begin.js';
import { sessionRoutes } from './session-routes.js';
import { type Breaking, targetsRoutes } from './targets-routes.js';
import { teamsRoutes } from './teams-routes.js';
import { type Traffic, trafficRoutes } from './traffic-routes.js';
import { type Tailing, usageStreamRoute } from './usage-stream.js';
import { usersRoutes } from './users-routes.js';
import { type Hooking, webhooksRoutes } from './webhooks-routes.js';
import { type WorkersReading, workersRoute } from './workers-route.js';

export interface AdminDeps
  extends Writing,
    Standings,
    Adding,
    Omit<Reading, 'ledger'>,
    Configuring,
    CacheReading,
    Hooking,
    Breaking,
    Routing,
    LimitsReading,
    Explaining,
    CacheReading,
    SigningIn,
    GuardsReading,
    WorkersReading,
    Traffic,
    Tailing,
    ContentReading,
    Omit<Reporting, 'ledger'> {
  readonly ledger: Reading['ledger'] & Reporting['ledger'];
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

/** To be registered as it is: `server.register(adminApi(deps))`; the prefix is its own. */
export const adminApi =
  (deps: AdminDeps): FastifyPluginAsync =>
  async (server) => {
    await server.register((app) => scope(app, deps), { prefix: ADMIN_PREFIX });
  };

async function scope(app: FastifyInstance, deps: AdminDeps): Promise<void> {
  holdToTable(app, adminRows);
  const strangers = guard(app, deps);
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
      info: { ...about, version: deps.version },
      servers,
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
  contentRoutes(typed, deps);
  addedRoutes(typed, deps);
  cacheRoutes(typed, deps);
  guardrailsRoutes(typed, deps);
  workersRoute(typed, deps);
  webhooksRoutes(typed, deps);
  configRoutes(typed, deps);
  explainRoute(typed, deps);
  usersRoutes(typed, deps);
  sessionRoutes(typed, deps, strangers);
  oidcRoutes(typed, deps, strangers);
  reportsRoutes(typed, deps);
  trafficRoutes(typed, deps);
  usageStreamRoute(typed, deps);
  let document: Promise<KeptDocument> | undefined;
  const { method, url, config } = routeOf('getOpenApi');
  app.route({
    ...{ method, url: url.slice(ADMIN_PREFIX.length), config },
    schema: { ...describing('getOpenApi'), security: [], response: { 200: z.looseObject({}), ...problems } },
    handler: async (request, reply) => {
      document ??= keptDocument(wholeDocument(app.swagger() as OpenApiDocument));
      return sendDocument(request, reply, await document);
    },
  });
}

/** Zod validates; its error reaches the error handler whole, with the paths of the fields. */
const validates: FastifySchemaCompiler<z.ZodType> =
  ({ schema }) =>
  (data) => {
    const result = formOf(schema, data).safeParse(data);
    return result.success ? { value: result.data } : { error: result.error };
  };
