/**
 * Registers handlers by the names of their operations: method, path and who may call stand in the table alone. A route that is
 * registered in any other way, and so says nothing of who may call it, cannot be registered; a row without a handler ends the
 * start.
 */
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify';
import { type Access, type OperationId, type Row, rowOf } from './table.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
    operationId?: OperationId;
  }
}

/** What Fastify is told of an operation, beside its handler. */
export const routeOf = (operationId: OperationId) => {
  const { method, path, access } = rowOf(operationId);
  return { method, url: fastifyPath(path), config: { access, operationId } };
};

/** What the OpenAPI document says of an operation, beside what it takes and answers. */
export const describing = (operationId: OperationId): FastifySchema => {
  const { summary, path } = rowOf(operationId);
  return { operationId, summary, tags: [tagOf(path)] };
};

/** `/admin/v1/keys/{id}` -> `keys`, `/v1/chat/completions` -> `chat`. */
const tagOf = (path: string): string => path.replace(/^(\/admin)?\/v1/, '').split('/', 2)[1]!;

/** `{id}` -> `:id`, `{+id}` and whatever ends it -> `*`. */
const fastifyPath = (path: string): string => path.replace(/\{\+\w+\}.*$/, '*').replace(/\{(\w+)\}/g, ':$1');

/** Holds all routes that are registered from now on to `rows`, and their server to having a handler for each of them. */
export function holdToTable(app: FastifyInstance, rows: readonly Row[]): void {
  const missing = new Set(rows.map(({ operationId }) => operationId));
  app.addHook('onRoute', (route: RouteOptions) => {
    const { operationId, access } = route.config ?? {};
    const row = rows.find((one) => one.operationId === operationId);
    const asked = `${String(route.method)} ${route.url}`;
    if (!row) throw new Error(`The route ${asked} is not in the table of addresses (src/api/table.ts).`);
    // Fastify adds a HEAD to each GET.
    const method = row.method === 'GET' && route.method === 'HEAD' ? 'HEAD' : row.method;
    if (asked !== `${method} ${fastifyPath(row.path)}` || access !== row.access)
      throw new Error(`The route ${asked} is not what the table says of ${row.operationId}.`);
    // Addresses that differ in their end alone share a route.
    for (const other of rows)
      if (other.method === row.method && fastifyPath(other.path) === route.url) missing.delete(other.operationId);
  });
  app.addHook('onReady', (done) => {
    const names = [...missing].join(', ');
    done(missing.size === 0 ? undefined : new Error(`The table of addresses has rows without a handler: ${names}.`));
  });
}
