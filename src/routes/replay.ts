/** Whole answers that are here already: fixed ones, and those of the cache. */
import type { Kept } from './cache.js';
import { clientHas } from './cache-rules.js';
import { Delivery } from './delivery.js';
import { removeFrom } from './headers.js';
import type { Route } from './route.js';
import type { Visit } from './visit.js';

const NONE = Buffer.alloc(0);
/** What a 304 says of the answer that the client has (RFC 9110 15.4.5). */
const OF_THE_ANSWER = new Set([
  ...['age', 'cache-control', 'content-location', 'date', 'etag', 'expires', 'last-modified', 'vary'],
]);

/** A whole answer, with the route's changes. */
export function replay(visit: Visit, route: Route, status: number, headers: string[], body: Buffer): void {
  removeFrom(headers, 'content-length');
  removeFrom(headers, 'transfer-encoding');
  if (status !== 204 && status !== 304) headers.push('content-length', String(body.length));
  const delivery = new Delivery(visit, route, () => {});
  if (!delivery.head(status, headers)) return;
  if (visit.method !== 'HEAD' && body.length > 0) delivery.data(body);
  delivery.end(null);
}

/** A kept answer, or that the client has it already. */
export function giveKept(visit: Visit, route: Route, kept: Kept, state: string): void {
  visit.cacheState = state;
  const headers = route.cache!.headersOf(kept);
  if (kept.status !== 200 || !clientHas(visit.req.headers, headers))
    return replay(visit, route, kept.status, headers, kept.body);
  const said = headers.flatMap((name, i) => (i % 2 === 0 && OF_THE_ANSWER.has(name) ? [name, headers[i + 1]!] : []));
  replay(visit, route, 304, said, NONE);
}
