/** One attempt on one target: the request in the target's dialect, its bytes carried, the bill, the entry in the ledger. */
import type { Ledger } from '../ledger/ledger.js';
import type { Clock } from '../lib/clock.js';
import { type Refusal, refuse, statusOf } from '../lib/errors.js';
import { newId } from '../lib/ids.js';
import type { Price } from '../pricing/price.js';
import type { FailureClass } from '../protocol/failure-class.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Deadlines, Timeouts } from '../upstream/deadline.js';
import { tagsOf } from './caching.js';
import type { CallHeaders } from './call.js';
import type { Attempted, Underway } from './course.js';
import { exchangeFor } from './exchange.js';
import { refusalOf } from './failure.js';
import { streamHead } from './head.js';
import { type Carried, Meter } from './meter.js';
import type { Model, Target } from './model.js';
import type { Entrant } from './race.js';
import { type Bill, bill } from './settle.js';
import { learn } from './verdict.js';

interface Ports {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly deadlines: Deadlines;
  readonly metrics: Metrics;
}

/** Answers what came of it, or a refusal where nothing could be sent. */
export type AttemptOn = (course: Underway, target: Target, entrant?: Entrant) => Promise<Attempted | Refusal>;

export function createAttempts({ clock, ledger, deadlines, metrics }: Ports): AttemptOn {
  async function attemptOn(course: Underway, target: Target, entrant?: Entrant): Promise<Attempted | Refusal> {
    const { request, serving, headers } = course;
    const reply = entrant?.reply ?? course.reply;
    course.target = target;
    const price = target.priceAt(clock.now());
    if (!price) return unpriced(serving);
    const exchange = exchangeFor(request, serving, target, clock.now());
    if (!exchange.ok) return exchange.refusal;
    if (reply.gone) return refuse('client_closed_request', 'The caller left before the request was sent.');
    const number = ++course.attempts;
    const { dropped } = exchange.value;
    course.dropped = dropped;
    const trip = target.state.begin(clock.monotonic());
    const carried = await new Promise<Carried>((resolve) => {
      const meter = new Meter(
        {
          call: {
            to: target.to,
            headers: upstreamHeaders(target.headers[trip.slot]!, headers),
            body: exchange.value.body,
            timeouts: timeoutsOf(course, number),
          },
          exchange: exchange.value,
          stream: request.stream,
          reply,
          keepAlive: course.call.dialect.keepAlive,
          streamHead: () => {
            course.target = target;
            course.dropped = dropped;
            return streamHead(course);
          },
          deadlines: deadlines,
          clock,
          limitHeaders: target.adaptor.limitHeaders,
          probe: serving.probe,
          avoidPolicy: course.chain?.canAvoidPolicy ?? false,
          claim: entrant?.claim,
        },
        resolve,
      );
      meter.start();
      entrant?.runs(meter);
    });
    const why = learn(carried, trip, serving, target);
    const billed = bill(carried, target, price, course.countedInput);
    return record(course, target, price, number, carried, why, billed instanceof Promise ? await billed : billed);
  }

  /** The first attempt has what the model allows; later ones what is left of the whole. */
  function timeoutsOf({ serving, headers, deadlineMs }: Underway, number: number): Timeouts {
    if (number === 1 && headers.timeoutMs === null) return serving.timeouts;
    const left = Math.max(1, deadlineMs - clock.monotonic());
    return { ...serving.timeouts, total: Math.min(left, serving.timeouts.total) };
  }

  /** Appends the attempt's entry. */
  function record(
    course: Underway,
    target: Target,
    price: Price,
    number: number,
    carried: Carried,
    why: FailureClass | undefined,
    settled: Bill,
  ): Attempted {
    const { call, request, headers, caller } = course;
    const refusal = refusalFor(carried, target, why);
    const status = refusal ? statusOf(refusal) : 200;
    const firstByteMs = carried.times.firstByteAt === null ? null : carried.times.firstByteAt - carried.times.sentAt;
    course.waitedMs += carried.times.endedAt - carried.times.sentAt;
    course.costNano += settled.cost.total;
    const overheadMs = Math.max(0, clock.monotonic() - course.startedAt - course.waitedMs);
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
      model: request.model,
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
    metrics.upstreamResponse(target.label, upstreamCode(carried));
    target.state.usage?.end(
      { input: settled.tokens.input, output: settled.tokens.output, costNano: settled.cost.total },
      carried.times.endedAt,
    );
    return { target, carried, why, bill: settled, refusal, overheadMs };
  }

  return attemptOn;
}

const unpriced = (model: Model): Refusal =>
  refuse(
    'no_target_available',
    `The model '${model.name}' is not served, since its price is not known. Set models.${model.name}.price or defaults.price.`,
    { headers: { 'x-should-retry': 'false' } },
  );

function refusalFor(carried: Carried, target: Target, why: FailureClass | undefined): Refusal | undefined {
  if (carried.kind === 'failed') return refusalOf(carried.failure, target, why);
  if (carried.kind !== 'gone') return undefined;
  return carried.superseded
    ? refuse('superseded', 'Another target answered first.')
    : refuse('client_closed_request', 'The caller left.');
}

function servedModel(carried: Carried): string | undefined {
  return carried.kind === 'whole' ? carried.answer.servedModel : carried.reading?.servedModel;
}

/** The upstream's status as far as it gave one; 0 for a connection that failed. */
const upstreamCode = (carried: Carried): number =>
  carried.kind === 'failed' ? (carried.failure.status ?? 0) : carried.kind === 'gone' ? 0 : 200;

function upstreamHeaders(own: readonly string[], headers: CallHeaders): string[] {
  const all = [...own, 'x-request-id', headers.requestId];
  if (headers.traceparent) all.push('traceparent', headers.traceparent);
  return all;
}
