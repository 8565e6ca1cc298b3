/**
 * The request path, a straight line. Every station has one way in and one way out: a refusal is a value that ends the line
 * and is written in the caller's dialect; a fault is an exception that the edge turns into `internal_error`. The ledger is
 * written before the last byte. Nothing here calls a database: keys are in memory but for their first use, entries are
 * appended and written in batches.
 */
import type { CacheState } from '../cache/cache.js';
import type { Recall } from '../cache/recall.js';
import type { Authenticator } from '../keys/authenticate.js';
import type { Caller } from '../keys/key.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Clock } from '../lib/clock.js';
import { ok, type Refusal, type Result, refuse, refused, statusOf } from '../lib/errors.js';
import { newId } from '../lib/ids.js';
import { usd } from '../lib/money.js';
import type { Price } from '../pricing/price.js';
import { completionAsStream } from '../protocol/openai-chat-chunks.js';
import { type ChatRequest, readChatRequest } from '../protocol/openai-chat-request.js';
import { plan } from '../router/plan.js';
import { send } from '../router/send.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { estimate } from '../tokens/estimate.js';
import type { Deadlines } from '../upstream/deadline.js';
import { admit } from './admit.js';
import { createCaching, tagsOf } from './caching.js';
import type { Call, CallHeaders, Reply } from './call.js';
import { exchangeFor } from './exchange.js';
import { refusalOf } from './failure.js';
import { baseHead, streamHead, wholeHead } from './head.js';
import { type Carried, carry } from './meter.js';
import type { Model, Models, Target } from './model.js';
import { type Bill, bill } from './settle.js';

export interface GatewayPorts {
  readonly clock: Clock;
  readonly authenticator: Authenticator;
  /** The models of the snapshot in force. */
  readonly models: () => Models;
  readonly ledger: Ledger;
  /** Asked only for models whose answers are cached. */
  readonly recall: Recall;
  readonly deadlines: Deadlines;
  readonly metrics: Metrics;
  readonly log: Log;
}

export interface Gateway {
  /** Serves one call; resolves once its last byte is handed to the connection. */
  serve(call: Call, reply: Reply): Promise<void>;
}

/** What the stations have found out about a call; the access line and the metrics are written from it. */
interface Course {
  readonly call: Call;
  reply: Reply;
  startedAt: number;
  headers: CallHeaders | undefined;
  caller: Caller | undefined;
  request: ChatRequest | undefined;
  model: Model | undefined;
  target: Target | undefined;
  countedInput: number;
  cache: CacheState;
  attempts: number;
  /** Request fields that the target's dialect cannot express and that were left out. */
  dropped: readonly string[];
}

type With<Field extends keyof Course> = Course & { [Name in Field]: NonNullable<Course[Name]> };
/** A course whose caller is known. */
type Known = With<'headers' | 'caller'>;
/** A course whose request was read, admitted and planned. */
type Underway = With<'headers' | 'caller' | 'request' | 'model'>;

const newCourse = (call: Call, reply: Reply): Course => ({
  call,
  reply,
  startedAt: call.arrivedAt,
  headers: undefined,
  caller: undefined,
  request: undefined,
  model: undefined,
  target: undefined,
  countedInput: 0,
  cache: 'off',
  attempts: 0,
  dropped: NONE,
});

interface Attempted {
  readonly target: Target;
  readonly carried: Carried;
  readonly bill: Bill;
  readonly refusal: Refusal | undefined;
  readonly overheadMs: number;
}

export function createGateway(ports: GatewayPorts): Gateway {
  const { clock, ledger, metrics, log } = ports;
  const caching = createCaching(ports);

  async function serve(call: Call, reply: Reply): Promise<void> {
    const course = newCourse(call, reply);
    const known = ports.authenticator.authenticate(call.token);
    const caller = known instanceof Promise ? await known : known;
    if (!caller.ok) return refuseCall(course, caller.refusal);
    course.caller = caller.value;
    if (!call.headers.ok) return refuseCall(course, call.headers.refusal);
    course.headers = call.headers.value;
    const body = await call.readBody();
    course.startedAt = clock.monotonic();
    if (!body) return left(course);
    const planned = body.ok ? prepare(course as Known, body.value) : body;
    if (!planned.ok) return refuseCall(course, planned.refusal);
    const underway = course as Underway;
    const [first] = planned.value;
    const counted = estimate(underway.request.json, first.counting, first.model);
    course.countedInput = typeof counted === 'number' ? counted : await counted;
    const turn = underway.model.cache ? await caching.turn(underway) : undefined;
    if (turn?.kind === 'answered') return finish(course, 200);
    if (turn?.kind === 'gone') return left(course);
    if (turn?.kind === 'refused') return refuseCall(course, turn.refusal);
    try {
      const outcome = await send(planned.value, (target, number) => attemptOn(underway, target, number));
      if ('code' in outcome) return refuseCall(course, outcome);
      const durable = ledger.durable();
      if (durable) await durable;
      answer(underway, outcome);
      turn?.keep(outcome);
    } finally {
      turn?.end();
    }
  }

  /** Reads the request and plans it: the targets that it may reach. */
  function prepare(course: Known, body: Buffer): Result<readonly [Target, ...Target[]]> {
    const { call } = course;
    const request = readChatRequest(body);
    if (!request.ok) return request;
    course.request = request.value;
    const model = admit(course.caller, call.endpoint, request.value.model, call.ip, ports.models());
    if (!model.ok) return model;
    course.model = model.value;
    const targets = plan(model.value);
    if (!atLeastOne(targets)) {
      return refused(refuse('no_target_available', `The model '${model.value.name}' has no target.`));
    }
    return ok(targets);
  }

  async function attemptOn(course: Underway, target: Target, number: number): Promise<Attempted | Refusal> {
    const { request, model, headers, reply } = course;
    course.target = target;
    const price = target.priceAt(clock.now());
    if (!price) return unpriced(model);
    const exchange = exchangeFor(request, model, target, clock.now());
    if (!exchange.ok) return exchange.refusal;
    if (reply.gone) return refuse('client_closed_request', 'The caller left before the request was sent.');
    course.attempts = number;
    course.dropped = exchange.value.dropped;
    const carried = await carry({
      call: {
        to: target.to,
        headers: upstreamHeaders(target, headers),
        body: exchange.value.body,
        timeouts:
          headers.timeoutMs === null
            ? model.timeouts
            : { ...model.timeouts, total: Math.min(headers.timeoutMs, model.timeouts.total) },
      },
      exchange: exchange.value,
      stream: request.stream,
      reply,
      keepAlive: course.call.dialect.keepAlive,
      streamHead: () => streamHead(course),
      deadlines: ports.deadlines,
      clock,
    });
    const billed = bill(carried, target, price, course.countedInput);
    return record(course, target, price, number, carried, billed instanceof Promise ? await billed : billed);
  }

  /** Appends the attempt's entry. */
  function record(
    course: Underway,
    target: Target,
    price: Price,
    number: number,
    carried: Carried,
    settled: Bill,
  ): Attempted {
    const { call, request, headers, caller, model } = course;
    const refusal = refusalFor(carried, target);
    const status = refusal ? statusOf(refusal) : 200;
    const firstByteMs = carried.times.firstByteAt === null ? null : carried.times.firstByteAt - carried.times.sentAt;
    const overheadMs = carried.times.sentAt - course.startedAt + (clock.monotonic() - carried.times.endedAt);
    ledger.append({
      id: newId('ent', clock.now()),
      at: Math.round(clock.now() - (clock.monotonic() - carried.times.sentAt)),
      request_id: call.requestId,
      attempt: number,
      key: caller.key.id,
      team: caller.key.team,
      user: headers.user ?? request.user,
      tags: tagsOf(caller, headers),
      metadata: headers.metadata ? { ...request.metadata, ...headers.metadata } : request.metadata,
      endpoint: call.endpoint,
      model: model.name,
      served_model: servedModel(carried) ?? null,
      provider: target.provider,
      target: target.id,
      status,
      error: refusal?.code ?? null,
      stream: request.stream,
      cache: course.cache,
      tokens: settled.tokens,
      usage_source: settled.source,
      cost_nusd: settled.cost,
      price_version: price.version,
      first_byte_ms: firstByteMs,
      duration_ms: carried.times.endedAt - carried.times.sentAt,
      overhead_ms: overheadMs,
    });
    metrics.usage(settled.tokens, settled.cost.total);
    metrics.upstreamResponse(target.id, upstreamCode(carried));
    return { target, carried, bill: settled, refusal, overheadMs };
  }

  function answer(course: Underway, attempted: Attempted): void {
    const { reply, request, call } = course;
    const { carried, refusal } = attempted;
    if (carried.kind === 'gone') return left(course, attempted);
    if (refusal && !reply.started) return refuseCall(course, refusal, attempted);
    if (refusal) reply.breakOff(call.dialect.errorEvent(refusal, call.requestId));
    else if (carried.kind === 'streamed') {
      if (!reply.started) reply.head(200, streamHead(course));
      reply.end(carried.reading.closing(extra(course, attempted)));
    } else if (carried.kind === 'whole') {
      const { body } = carried.answer;
      if (request.stream) {
        reply.head(200, streamHead(course));
        reply.end(completionAsStream(body, request.askedUsage, extra(course, attempted)));
      } else {
        reply.head(200, wholeHead(course, attempted, body.length));
        reply.end(body);
      }
    }
    finish(course, refusal ? statusOf(refusal) : 200, attempted, refusal);
  }

  function refuseCall(course: Course, refusal: Refusal, attempted?: Attempted): void {
    const { call, reply } = course;
    if (reply.gone) return left(course, attempted);
    const status = statusOf(refusal);
    const body = call.dialect.errorBody(refusal, call.requestId);
    const head = [...baseHead(course), 'content-type', 'application/json', 'content-length', String(body.length)];
    for (const name in refusal.headers) head.push(name, refusal.headers[name]!);
    reply.head(status, head);
    reply.end(body);
    finish(course, status, attempted, refusal);
  }

  function left(course: Course, attempted?: Attempted): void {
    finish(course, 499, attempted, refuse('client_closed_request', 'The caller left.'));
  }

  /** Metrics and the access line: field by field, so that no header and no prompt slips in. */
  function finish(course: Course, status: number, attempted?: Attempted, refusal?: Refusal): void {
    const { call, caller, model, target, request } = course;
    const durationMs = clock.monotonic() - call.arrivedAt;
    const carried = attempted?.carried;
    const firstByteMs =
      carried && carried.times.firstByteAt !== null ? carried.times.firstByteAt - carried.times.sentAt : null;
    const overheadMs = attempted?.overheadMs ?? durationMs;
    metrics.request({
      endpoint: call.endpoint,
      model: model?.name ?? 'none',
      provider: target?.provider ?? 'none',
      status,
      durationMs,
      overheadMs,
      firstByteMs,
    });
    log.info(
      {
        request_id: call.requestId,
        endpoint: call.endpoint,
        status,
        error: refusal?.code,
        reason: refusal && attempted ? refusal.message : undefined,
        key: caller?.key.id,
        team: caller?.key.team ?? undefined,
        model: model?.name,
        target: target?.id,
        stream: request?.stream,
        attempts: course.attempts,
        cache: course.cache === 'off' ? undefined : course.cache,
        input_tokens: attempted?.bill.tokens.input,
        output_tokens: attempted?.bill.tokens.output,
        cost_usd: attempted ? usd(attempted.bill.cost.total) : undefined,
        duration_ms: round(durationMs),
        overhead_ms: round(overheadMs),
        first_byte_ms: firstByteMs === null ? undefined : round(firstByteMs),
      },
      'request',
    );
  }

  return { serve };
}

const NONE: readonly string[] = [];

const atLeastOne = (targets: readonly Target[]): targets is readonly [Target, ...Target[]] => targets.length > 0;

const round = (ms: number): number => Math.round(ms * 100) / 100;

const unpriced = (model: Model): Refusal =>
  refuse(
    'no_target_available',
    `The model '${model.name}' is not served, since its price is not known. Set models.${model.name}.price or defaults.price.`,
    { headers: { 'x-should-retry': 'false' } },
  );

function refusalFor(carried: Carried, target: Target): Refusal | undefined {
  if (carried.kind === 'gone') return refuse('client_closed_request', 'The caller left.');
  return carried.kind === 'failed' ? refusalOf(carried.failure, target) : undefined;
}

function servedModel(carried: Carried): string | undefined {
  return carried.kind === 'whole' ? carried.answer.servedModel : carried.reading?.servedModel;
}

/** The upstream's status as far as it gave one; 0 for a connection that failed. */
const upstreamCode = (carried: Carried): number =>
  carried.kind === 'failed' ? (carried.failure.status ?? 0) : carried.kind === 'gone' ? 0 : 200;

function upstreamHeaders(target: Target, headers: CallHeaders): string[] {
  const all = [...target.headers, 'x-request-id', headers.requestId];
  if (headers.traceparent) all.push('traceparent', headers.traceparent);
  return all;
}

const extra = (course: Course, attempted: Attempted) => ({
  cost_usd: usd(attempted.bill.cost.total),
  attempts: course.attempts,
  cache: course.cache,
});
