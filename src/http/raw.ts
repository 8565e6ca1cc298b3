/**
 * A handler on node's own request and response. The request path needs no more of HTTP than that, and a framework around
 * it costs as much as all of its counting: its addresses are matched in a table before Fastify sees the request.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

export type RawHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** `METHOD /path` as it stands on the request line -> who answers. */
export type RawRoutes = ReadonlyMap<string, RawHandler>;

/** What is in `direct` goes there, everything else to `other`. */
export function directOr(direct: () => RawRoutes, other: RequestListener): RequestListener {
  return (request, response) => {
    const handler = direct().get(`${request.method} ${request.url}`);
    if (handler) handler(request, response);
    else other(request, response);
  };
}
