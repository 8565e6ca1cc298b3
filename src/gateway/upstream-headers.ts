/** The headers that an upstream is sent: those of its account, the caller's that go on to it, and what leads back to the request. */
import { withPassed } from '../lib/passed-headers.js';
import type { RequestTrace } from '../telemetry/trace.js';
import type { CallHeaders } from './call.js';

/** `spanId`: of the attempt, where the request is traced. */
export function upstreamHeaders(
  own: readonly string[],
  passed: readonly string[],
  { requestId, traceparent, tracestate }: CallHeaders,
  trace: RequestTrace | null,
  spanId: string,
): string[] {
  const all = withPassed(own, passed);
  all.push('x-request-id', requestId);
  if (trace) all.push('traceparent', trace.traceparent(spanId));
  else if (traceparent) all.push('traceparent', traceparent);
  if (tracestate) all.push('tracestate', tracestate);
  return all;
}
