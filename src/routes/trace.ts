/** The spans of a classic route: one for the request and one for each attempt, by OpenTelemetry's conventions for HTTP. */
import { readTracestate } from '../lib/trace-context.js';
import type { RequestTrace, Tracing } from '../telemetry/trace.js';
import type { Failure } from './forward.js';
import { removeFrom } from './headers.js';
import type { Visit } from './visit.js';

export const traceOf = (visit: Visit, tracing: Pick<Tracing, 'begin'>): RequestTrace | null =>
  tracing.begin(visit.header('traceparent'), readTracestate(visit.header('tracestate')));

/** Upstreams are told that they are asked by this span, in place of what the client said. */
export function asChildOf(trace: RequestTrace, headers: string[], spanId = ''): void {
  removeFrom(headers, 'traceparent');
  headers.push('traceparent', trace.traceparent(spanId || trace.spanId));
}

interface AttemptEnded {
  readonly kind: string;
  readonly why?: string;
  readonly failure?: Failure | null;
}

export function traceAttempt(
  trace: RequestTrace,
  visit: Visit,
  startedAt: number,
  endedAt: number,
  { kind, why, failure }: AttemptEnded,
): void {
  const status = why !== undefined && !failure ? Number(why) : kind === 'answered' ? visit.status : undefined;
  const broken = failure ? failure.kind : status !== undefined && status >= 500 ? String(status) : null;
  trace.attempted(visit.spanId, {
    name: visit.method,
    startedAt,
    endedAt,
    error: broken,
    attributes: {
      'http.request.method': visit.method,
      'http.response.status_code': status,
      'error.type': broken ?? undefined,
      'tollgate.target': visit.target,
      'tollgate.attempt': visit.attempts,
    },
  });
}

export function traceVisit(trace: RequestTrace, visit: Visit, route: string, status: number, endedAt: number): void {
  const { method, path, consumer, requestId, cacheState, attempts, target, arrivedAt } = visit;
  trace.end({
    name: `${method} ${route}`,
    startedAt: arrivedAt,
    endedAt,
    error: status >= 500 ? String(status) : null,
    attributes: {
      'http.request.method': method,
      'http.route': route,
      'url.path': path,
      'http.response.status_code': status,
      'error.type': status >= 400 ? String(status) : undefined,
      'tollgate.request_id': requestId,
      'tollgate.consumer': consumer.id === '' ? undefined : `${consumer.kind}:${consumer.id}`,
      'tollgate.cache': cacheState === '' ? undefined : cacheState,
      'tollgate.target': attempts === 0 ? undefined : target,
      'tollgate.attempts': attempts,
      ...(trace.langfuse && { 'langfuse.observation.type': 'span' }),
    },
  });
}
