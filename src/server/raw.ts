/**
 * Handlers in front of the framework. The request path needs no more of HTTP than a request and its response, and a framework
 * around it costs as much as all of its counting: its addresses are looked up before Fastify sees the request. One look-up by
 * the request line finds the address as it is written in the table; only where that fails is the target read closer.
 */
import type { RequestListener } from 'node:http';
import { meantTarget, pathOf } from '../api/addresses.js';
import type { Row } from '../api/table.js';
import type { Direct, Handler } from '../front/client.js';

/** Before the name of a model in the paths of clients for Azure. */
const DEPLOYMENTS = '/openai/deployments/';

/** Finds the handlers of rows. */
export function directRoutes(handlers: ReadonlyMap<Row, Handler>): Direct {
  const byLine = new Map([...handlers].map(([{ method, path }, handler]) => [`${method} ${path}`, handler]));
  /** Addresses that name a model and end with what it is asked: `:generateContent`. */
  const byEnd = new Map(
    [...handlers].flatMap(([{ method, path }, handler]): [string, Handler][] =>
      path.includes('}:') ? [[`${method} ${path.slice(path.indexOf('}:') + 1)}`, handler]] : [],
    ),
  );
  const methods = new Set([...handlers.keys()].map(({ method }) => method as string));
  return (method, target) => {
    const found = byLine.get(`${method} ${target}`);
    if (found !== undefined || !methods.has(method)) return found;
    const path = pathOf(meantTarget(target));
    const line = byLine.get(`${method} ${path}`);
    if (line !== undefined) return line;
    if (path.startsWith(DEPLOYMENTS))
      return byLine.get(`${method} ${DEPLOYMENTS}{model}${path.slice(path.indexOf('/', DEPLOYMENTS.length))}`);
    if (!path.startsWith('/v1beta/models/')) return undefined;
    return byEnd.get(`${method} ${path.slice(path.lastIndexOf(':'))}`);
  };
}

/** What `direct` has a handler for goes there, everything else to `other`. */
export function directOr(direct: Direct, other: RequestListener): RequestListener {
  return (request, response) => {
    const handler = direct(request.method!, request.url!);
    if (handler) handler(request, response);
    else other(request, response);
  };
}
