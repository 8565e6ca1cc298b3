/**
 * Handlers in front of the framework. The request path needs no more of HTTP than a request and its response, and a framework
 * around it costs as much as all of its counting: its addresses are matched in a table before Fastify sees the request.
 */
import type { RequestListener } from 'node:http';
import type { Direct, Handler } from '../front/client.js';

/** `METHOD /path` as it stands on the request line -> who answers. */
export type RawRoutes = ReadonlyMap<string, Handler>;

/** What `direct` has a handler for goes there, everything else to `other`. */
export function directOr(direct: Direct, other: RequestListener): RequestListener {
  return (request, response) => {
    const handler = direct(request.method!, request.url!);
    if (handler) handler(request, response);
    else other(request, response);
  };
}
