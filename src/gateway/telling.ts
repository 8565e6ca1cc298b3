/** The end of a request in metrics and in its access line: field by field, so that no header and no prompt slips in. */
import type { GuardWords } from '../guardrails/text-guard.js';
import type { Clock } from '../lib/clock.js';
import type { Refusal } from '../lib/errors.js';
import { usd } from '../lib/money.js';
import type { RefusalTally } from '../reports/refusals.js';
import type { RunningLog } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { RequestContext } from './request-context.js';
import type { AttemptResult } from './stages.js';
import { traceIdOf, traceRequest } from './trace-spans.js';

interface TellingPorts {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly refusals: Pick<RefusalTally, 'add'>;
  readonly access: RunningLog['access'];
}

type Tell = (context: RequestContext, status: number, result?: AttemptResult, refusal?: Refusal) => void;

export const createTelling =
  ({ clock, metrics, refusals, access }: TellingPorts): Tell =>
  (context, status, result, refusal) => {
    const { call, caller, model, target, serving, routed } = context;
    const { endpoint } = call.format;
    const durationMs = clock.monotonic() - call.arrivedAt;
    const times = result?.carried.times;
    const firstByteMs = times && times.firstByteAt !== null ? times.firstByteAt - times.sentAt : null;
    const overheadMs = result?.overheadMs ?? durationMs;
    metrics.request({
      endpoint,
      model: model?.label ?? 'none',
      provider: target?.provider ?? 'none',
      status,
      durationMs,
      overheadMs,
      firstByteMs,
    });
    // What a target was tried for and failed at is the target's.
    if (refusal && !result && status !== CLIENT_LEFT) {
      metrics.refused(refusal.code, caller?.key.team ?? null);
      refusals.add(refusal.code, caller?.key.id ?? null, caller?.key.team ?? null, model?.label ?? null);
    }
    if (context.trace) traceRequest(context.trace, context, clock.monotonic(), { status, overheadMs, refusal });
    access({
      request_id: call.requestId,
      trace_id: traceIdOf(context),
      endpoint,
      status,
      error: refusal?.code,
      reason: refusal && result ? (refusal.cause ?? refusal.message) : refusal?.cause,
      key: caller?.key.id,
      team: caller?.key.team ?? undefined,
      model: model?.name,
      asked_model: routed?.name,
      target: target?.id,
      stream: context.stream,
      fallback: serving === model ? undefined : serving?.name,
      cache: context.cache === 'off' ? undefined : context.cache,
      attempts: context.attempts,
      provider_request_id: times?.providerRequestId,
      guards: context.guards ? saidBy(context.guards) : undefined,
      input_tokens: result?.bill.tokens.input,
      output_tokens: result?.bill.tokens.output,
      cost_usd: result ? usd(context.costNano) : undefined,
      duration_ms: round(durationMs),
      overhead_ms: round(overheadMs),
      first_byte_ms: firstByteMs === null ? undefined : round(firstByteMs),
    });
  };

const CLIENT_LEFT = 499;
/** `mask:redact:input:2,policy:block:output:1`: names and counts. */
function saidBy({ said }: GuardWords): string | undefined {
  if (said.length === 0) return undefined;
  return said.map(({ guard, action, side, count }) => `${guard}:${action}:${side}:${count}`).join(',');
}

const round = (ms: number): number => Math.round(ms * 100) / 100;
