/**
 * The tokens of a request, without asking a model. The target counts where it can, else the gateway does, as it counts before it
 * sends. A count is a request for the limits that count requests, and nothing for all others; it is not in the ledger.
 */
import type { Model, Models, Target } from '../catalog/model.js';
import type { TokenCount } from '../formats/format.js';
import type { ModelRequest } from '../formats/request.js';
import { noUsage } from '../formats/usage.js';
import { ok, type Refusal, type Result, refused, statusOf } from '../lib/errors.js';
import { classify } from '../router/classify.js';
import { admit } from './admit.js';
import { askForCount } from './ask-count.js';
import type { Call } from './call.js';
import { headersOf } from './call.js';
import { countInput } from './count-input.js';
import { refusalOf } from './failure.js';
import type { GatewayPorts } from './gateway-ports.js';
import { guardInput } from './guard-input.js';
import { baseHead } from './head.js';
import { RequestContext } from './request-context.js';
import type { ResponseWriter } from './response-writer.js';
import { routed } from './routing.js';

type Ports = Pick<
  GatewayPorts,
  | 'clock'
  | 'authenticator'
  | 'snapshots'
  | 'limiter'
  | 'deadlines'
  | 'metrics'
  | 'refusals'
  | 'access'
  | 'random'
  | 'running'
  | 'guards'
  | 'overload'
>;

export interface TokenCounting {
  serve(call: Call, writer: ResponseWriter & { interrupt(): void }): Promise<void>;
}

const FREE = { input: 0, cache_read: 0, cache_write: 0, output: 0, total: 0 };

export function createTokenCounting(ports: Ports): TokenCounting {
  const { clock, limiter, running } = ports;

  async function serve(call: Call, writer: ResponseWriter & { interrupt(): void }): Promise<void> {
    const snapshot = ports.snapshots.enter();
    const run = running.enter(writer);
    const context = new RequestContext(call);
    try {
      const counted = await count(call, writer, context, snapshot.value.models);
      if (counted) answer(call, writer, context, counted);
    } finally {
      running.leave(run);
      snapshot.leave();
    }
  }

  /** Undefined where the caller left. */
  async function count(
    call: Call,
    writer: ResponseWriter,
    context: RequestContext,
    models: Models,
  ): Promise<Result<Buffer> | undefined> {
    const known = await ports.authenticator.authenticate(call.token);
    if (!known.ok) return known;
    context.caller = known.value;
    const overloaded = ports.overload.refuses(known.value.key.priority);
    if (overloaded) return refused(overloaded);
    if (!call.headers.ok) return call.headers;
    const headers = headersOf(known.value, call.headers.value);
    const body = await call.readBody();
    if (!body?.ok) return body;
    const { counting } = call.format;
    const read = await counting!.read(body.value);
    if (!read.ok) return read;
    const found = admit(known.value, call.format.endpoint, read.value.model, call.ip, models);
    if (!found.ok) return found;
    const user = (headers.user ?? read.value.user) || null;
    const asking = {
      ...{ call, caller: known.value, models, request: read.value, model: found.value, user },
      read: (bytes: Buffer) => counting!.read(bytes),
      waiter: { writer, deadlineMs: Number.POSITIVE_INFINITY },
    };
    const passed = await guardInput(asking, ports.guards, context);
    if (passed && !passed.ok) return passed;
    const request = passed ? passed.value.request : read.value;
    const asked = { request, headers, caller: known.value, models, nowMs: clock.now(), random: ports.random };
    const chosen = found.value.route ? await routed(found.value, asked) : ok({ model: found.value });
    if (!chosen.ok) return chosen;
    const { model } = chosen.value;
    context.model = model;
    const target = targetOf(model, clock.monotonic());
    const { tags } = known.value.key;
    const demand = {
      caller: known.value,
      user,
      request,
      tags,
      requestId: call.requestId,
      endpoint: call.format.endpoint,
    };
    const granted = await limiter.reserveRequest(demand, { model, target });
    if (!granted.ok) return granted;
    limiter.record(granted.value, { model, target }, { tokens: noUsage(), cost: FREE });
    await limiter.close(granted.value);
    context.limitHead = limiter.headers(granted.value);
    return countAt(request, target, headers, counting!);
  }

  async function countAt(
    request: ModelRequest,
    target: Target,
    headers: Parameters<typeof askForCount>[2],
    counting: TokenCount,
  ): Promise<Result<Buffer>> {
    const told = await askForCount(request, target, headers, ports);
    if (told?.ok) return ok(told.body);
    if (told) return refused(refusalOf(told.failure, target, classify(told.failure, target.failures)));
    const { expected } = await countInput(request.facts, target);
    return ok(counting.answer(expected));
  }

  function answer(call: Call, writer: ResponseWriter, context: RequestContext, counted: Result<Buffer>): void {
    const status = counted.ok ? 200 : statusOf(counted.refusal);
    const body = counted.ok ? counted.value : call.format.errors.body(counted.refusal, call.requestId);
    const head = [...baseHead(context), 'content-type', 'application/json', 'content-length', String(body.length)];
    if (!counted.ok) for (const name in counted.refusal.headers) head.push(name, counted.refusal.headers[name]!);
    writer.head(status, head);
    writer.end(body);
    tell(call, context, status, counted.ok ? undefined : counted.refusal);
  }

  function tell(call: Call, { caller, model }: RequestContext, status: number, refusal: Refusal | undefined): void {
    const durationMs = clock.monotonic() - call.arrivedAt;
    const overheadMs = durationMs;
    ports.metrics.request({
      ...{ endpoint: ENDPOINT, model: model?.label ?? 'none', provider: 'none' },
      ...{ status, durationMs, overheadMs, firstByteMs: null },
    });
    if (refusal) {
      ports.metrics.refused(refusal.code, caller?.key.team ?? null);
      ports.refusals.add(refusal.code, caller?.key.id ?? null, caller?.key.team ?? null, model?.label ?? null);
    }
    ports.access({
      ...{ request_id: call.requestId, endpoint: ENDPOINT, status, error: refusal?.code, reason: refusal?.cause },
      ...{ key: caller?.key.id, team: caller?.key.team ?? undefined, model: model?.name },
      duration_ms: Math.round(durationMs * 100) / 100,
    });
  }

  return { serve };
}

/** In metrics and in the log. */
const ENDPOINT = 'count_tokens';

/** The target that is most likely to answer the request itself: nothing is begun, so no turn is used up. */
function targetOf({ targets }: Model, nowMs: number): Target {
  const inOrder = [...targets].sort((a, b) => a.priority - b.priority);
  return inOrder.find(({ state }) => state.readyAt(nowMs) <= nowMs) ?? inOrder[0]!;
}
