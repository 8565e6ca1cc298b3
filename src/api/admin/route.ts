/** A handler of the admin API, registered by the name of its operation; any of them may answer with a problem document. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type {
  ContextConfigDefault,
  FastifyBaseLogger,
  RawServerDefault,
  RouteGenericInterface,
  RouteHandlerMethod,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { describing, routeOf } from '../route.js';
import { ADMIN_PREFIX, type AdminOperation } from '../table.js';
import type { AdminApp } from './admin-api.js';
import { problem } from './errors.js';

interface AdminSchema {
  readonly params?: z.ZodType;
  readonly querystring?: z.ZodType;
  readonly body?: z.ZodType;
  readonly response: Readonly<Record<number, z.ZodType>>;
}

type AdminHandler<Schema extends AdminSchema> = RouteHandlerMethod<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  RouteGenericInterface,
  ContextConfigDefault,
  Schema,
  ZodTypeProvider,
  FastifyBaseLogger
>;

const told = (description: string) => ({ description, content: { 'application/problem+json': { schema: problem } } });
/** What any operation may answer instead. */
export const problems = {
  '4xx': told('The request is refused.'),
  '5xx': told('The gateway or its database is at fault.'),
};

export function route<Schema extends AdminSchema>(
  app: AdminApp,
  operationId: AdminOperation,
  {
    schema,
    handler,
    bodyLimit,
    hide = false,
  }: {
    readonly schema: Schema;
    readonly handler: AdminHandler<Schema>;
    /** Bytes; what the admin API takes unless stated. */
    readonly bodyLimit?: number;
    /** Browsers are led here; it is no operation for programs, and not in the OpenAPI document. */
    readonly hide?: boolean;
  },
): void {
  const { method, url, config } = routeOf(operationId);
  // Where the document says nothing, the admin key is asked for.
  const open = config.access === 'public' ? { security: [] } : {};
  app.route({
    method,
    url: url.slice(ADMIN_PREFIX.length),
    config,
    ...(bodyLimit !== undefined && { bodyLimit }),
    schema: {
      ...describing(operationId),
      ...open,
      hide,
      ...schema,
      response: { ...schema.response, ...problems },
    } as Schema,
    handler,
  });
}
