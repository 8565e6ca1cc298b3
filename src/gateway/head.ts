/** The heads of answers: names and values in turn, as node writes them without looking at them again. */

import { usd } from '../lib/money.js';
import type { RequestContext } from './request-context.js';

export function baseHead(context: RequestContext): string[] {
  const { call } = context;
  const head = ['x-request-id', call.requestId];
  if (call.format.requestIdHeader) head.push(call.format.requestIdHeader, call.requestId);
  const { model, serving, target } = context;
  if (model) head.push('x-tollgate-model', header(model.name));
  if (target) {
    head.push('x-tollgate-provider', header(target.provider), 'x-tollgate-target', header(target.id));
    head.push('x-tollgate-attempts', String(context.attempts), 'x-tollgate-cache', context.cache);
    if (serving && serving !== model) head.push('x-tollgate-fallback', header(serving.name));
  }
  for (const text of context.limitHead) head.push(text);
  if (context.outputCap !== null) head.push('x-tollgate-max-tokens-clamped', String(context.outputCap));
  if (context.dropped.length > 0) head.push('x-tollgate-dropped-params', droppedParams(context.dropped));
  return head;
}

export function streamHead(context: RequestContext): string[] {
  const head = baseHead(context);
  const type = context.call.format.streamType ?? 'text/event-stream; charset=utf-8';
  head.push('content-type', type, 'cache-control', 'no-cache', 'x-accel-buffering', 'no');
  return head;
}

export function wholeHead(context: RequestContext, overheadMs: number, length: number): string[] {
  const head = baseHead(context);
  head.push('content-type', 'application/json', 'content-length', String(length));
  head.push('x-tollgate-cost-usd', usd(context.costNano), 'x-tollgate-overhead-ms', overheadMs.toFixed(2));
  return head;
}

/** Names of fields are the caller's: most of them are told, and each cut to a length that a head can hold. */
const MOST_DROPPED = 40;
const LONGEST_DROPPED = 80;

const droppedParams = (names: readonly string[]): string =>
  names
    .slice(0, MOST_DROPPED)
    .map((name) => header(name.slice(0, LONGEST_DROPPED)))
    .join(', ');

/** A name that may hold what a header may not, such as line breaks, other scripts or half a surrogate pair. */
const header = (name: string): string =>
  /^[\x21-\x7e]*$/.test(name) ? name : encodeURIComponent(name.replace(/\p{Surrogate}/gu, '\ufffd'));

/** What is said of a request in the last chunk of its stream. */
export const extraOf = ({ costNano, attempts, cache }: RequestContext) => ({
  cost_usd: usd(costNano),
  attempts,
  cache,
});
