/**
 * What the spans of a request and of its attempts say, by OpenTelemetry's conventions for generative AI and HTTP, and in names of
 * our own (`tollgate.`) for what the gateway decided. Field by field: no prompt, no answer, no credential.
 */
import type { Model } from '../catalog/model.js';
import type { FailureClass } from '../formats/failure.js';
import { inputOf } from '../formats/usage.js';
import type { Refusal } from '../lib/errors.js';
import { readTraceparent } from '../lib/trace-context.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Attributes, RequestTrace, Tracing } from '../telemetry/trace.js';
import type { Call } from './call.js';
import { type Carried, servedModel } from './carried.js';
import type { RequestContext } from './request-context.js';
import type { Reach, Reserved } from './stages.js';
import type { Bill } from './usage-accounting.js';

/** Endpoints and formats whose operation is another one than `chat`. */
const OPERATIONS: Readonly<Record<string, string>> = {
  embeddings: 'embeddings',
  completions: 'text_completion',
  'google-gemini': 'generate_content',
};

const operationOf = ({ call: { format } }: RequestContext): string =>
  OPERATIONS[format.id] ?? OPERATIONS[format.endpoint] ?? 'chat';

/** The trace that the request begins or goes on with. */
export function traceOf({ headers }: Call, tracing: Pick<Tracing, 'begin'>): RequestTrace | null {
  return headers.ok
    ? tracing.begin(headers.value.traceparent, headers.value.tracestate)
    : tracing.begin(undefined, undefined);
}

/** For the log: also where the caller's trace goes on without us. */
export const traceIdOf = ({ trace, call: { headers } }: RequestContext): string | undefined =>
  trace?.traceId ?? (headers.ok ? readTraceparent(headers.value.traceparent)?.traceId : undefined);

/** What follows a failure, told in the metrics and in the trace. */
export const followUps = (metrics: Pick<Metrics, 'retry' | 'fallback'>) => ({
  onRetry: (why: FailureClass, { trace }: RequestContext): void => {
    trace?.event('retry', { reason: why });
    metrics.retry(why);
  },
  onFallback: (to: Model, { trace }: RequestContext): void => {
    trace?.event('fallback', { model: to.name });
    metrics.fallback();
  },
});

const dollars = (nano: number): number => nano / 1e9;

/** The end of a request. `overheadMs`: what the gateway itself took. */
export function traceRequest(
  trace: RequestTrace,
  context: RequestContext,
  endedAt: number,
  told: { readonly status: number; readonly overheadMs: number; readonly refusal: Refusal | undefined },
): void {
  const { call, caller, model, routed, serving, target } = context;
  const operation = operationOf(context);
  const asked = routed ?? model;
  const { status, overheadMs, refusal } = told;
  trace.end({
    name: asked ? `${operation} ${asked.label}` : operation,
    startedAt: call.arrivedAt,
    endedAt,
    error: status >= 500 ? (refusal?.code ?? String(status)) : null,
    attributes: withOwn(trace.langfuse && langfuseTrace(trace, context, asked?.name ?? operation), {
      'gen_ai.operation.name': operation,
      'gen_ai.request.model': asked?.name,
      'http.response.status_code': status,
      'error.type': refusal?.code,
      'user.id': trace.user ?? undefined,
      'tollgate.request_id': call.requestId,
      'tollgate.key': caller?.key.id,
      'tollgate.team': caller?.key.team ?? undefined,
      'tollgate.tags': trace.tags.length > 0 ? trace.tags : undefined,
      'tollgate.stream': context.stream,
      'tollgate.cache': context.cache,
      'tollgate.routed_to': routed ? model?.name : undefined,
      'tollgate.fallback': serving === model ? undefined : serving?.name,
      'tollgate.target': target?.id,
      'tollgate.attempts': context.attempts,
      'tollgate.output_cap': context.outputCap ?? undefined,
      'tollgate.cost_usd': dollars(context.costNano),
      'tollgate.overhead_ms': overheadMs,
    }),
  });
}

/** What a collector wants besides. No spread in the literal: it would cost each span more than the rest of it. */
const withOwn = (own: Attributes | false | undefined, attributes: Attributes): Attributes =>
  own ? { ...attributes, ...own } : attributes;

/** Langfuse takes what names a model for a generation, unless it is told what it is. */
const langfuseTrace = (trace: RequestTrace, { call, caller }: RequestContext, name: string): Attributes => ({
  'langfuse.observation.type': 'span',
  'langfuse.trace.name': name,
  'langfuse.trace.tags': trace.tags,
  'langfuse.trace.metadata.request_id': call.requestId,
  'langfuse.trace.metadata.key': caller?.key.id,
  'langfuse.trace.metadata.team': caller?.key.team ?? undefined,
});

interface TracedAttempt {
  readonly reserved: Reserved;
  readonly reach: Reach;
  /** From 1. */
  readonly number: number;
  readonly spanId: string;
}

/** The end of an attempt. */
export function traceAttempt(
  { reserved, reach, number, spanId }: TracedAttempt,
  carried: Carried,
  why: FailureClass | undefined,
  bill: Bill,
  refusal: Refusal | undefined,
): void {
  const { context, request } = reserved;
  const { target } = reach;
  const { times } = carried;
  const { tokens } = bill;
  const operation = operationOf(context);
  // What a guard stopped, the target answered.
  const failed = carried.kind === 'blocked' ? null : (refusal?.code ?? null);
  const firstByteMs = times.firstByteAt === null ? undefined : times.firstByteAt - times.sentAt;
  const choices = request.facts.choices;
  const { trace } = context;
  trace?.attempted(spanId, {
    name: `${operation} ${target.model}`,
    startedAt: times.sentAt,
    endedAt: times.endedAt,
    error: failed,
    attributes: withOwn(trace?.langfuse && langfuseAttempt(operation, bill), {
      'gen_ai.operation.name': operation,
      'gen_ai.provider.name': target.providerType.genAiName ?? target.providerType.type,
      'gen_ai.request.model': target.model,
      'gen_ai.request.max_tokens': context.outputCap ?? request.facts.maxOutput ?? undefined,
      'gen_ai.request.choice.count': choices > 1 ? choices : undefined,
      'gen_ai.request.stream': request.stream || undefined,
      'gen_ai.response.model': servedModel(carried)?.slice(0, 200),
      'gen_ai.response.time_to_first_chunk': firstByteMs === undefined ? undefined : firstByteMs / 1000,
      'gen_ai.usage.input_tokens': inputOf(tokens),
      'gen_ai.usage.output_tokens': tokens.output,
      'gen_ai.usage.cache_read.input_tokens': tokens.cache_read || undefined,
      'gen_ai.usage.cache_creation.input_tokens': tokens.cache_write_5m + tokens.cache_write_1h || undefined,
      'gen_ai.usage.reasoning.output_tokens': tokens.reasoning || undefined,
      'server.address': target.host,
      'http.response.status_code': upstreamStatus(carried),
      'error.type': why ?? failed ?? undefined,
      'tollgate.attempt': number,
      'tollgate.provider_request_id': times.providerRequestId,
      'tollgate.provider': target.provider,
      'tollgate.target': target.id,
      'tollgate.usage_source': bill.source,
      'tollgate.cost_usd': dollars(bill.cost.total),
    }),
  });
}

const langfuseAttempt = (operation: string, bill: Bill): Attributes => ({
  'langfuse.observation.type': operation === 'embeddings' ? 'embedding' : 'generation',
  'langfuse.observation.cost_details': JSON.stringify({ total: dollars(bill.cost.total) }),
});

const ANSWERED: ReadonlySet<Carried['kind']> = new Set(['whole', 'streamed', 'blocked']);

function upstreamStatus(carried: Carried): number | undefined {
  if (carried.kind === 'failed') return carried.failure.status;
  return ANSWERED.has(carried.kind) ? 200 : undefined;
}
