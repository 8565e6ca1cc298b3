/** One attempt on one target: the request in the target's dialect, its bytes carried, the bill, the entry in the ledger. */

import type { Model, Target } from '../catalog/model.js';
import type { FailureClass } from '../formats/failure-class.js';
import type { Entry } from '../ledger/entry.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Clock } from '../lib/clock.js';
import { type Refusal, refuse } from '../lib/errors.js';
import type { Price } from '../pricing/price.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Deadlines, Timeouts } from '../upstream/deadline.js';
import type { CallHeaders } from './call.js';
import { countInput } from './count-input.js';
import type { Attempted, Granted } from './course.js';
import { intentOf, Progress, resultOf } from './entry.js';
import { exchangeFor } from './exchange.js';
import { refusalOf } from './failure.js';
import { streamHead } from './head.js';
import type { Limiter } from './limiter.js';
import { type Carried, Meter } from './meter.js';
import type { Entrant } from './race.js';
import { type Bill, bill } from './usage-accounting.js';
import { learn } from './verdict.js';

interface Ports {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly limiter: Limiter;
  readonly deadlines: Deadlines;
  readonly metrics: Metrics;
}

/** Answers what came of it, or a refusal where nothing could be sent. */
export type AttemptOn = (course: Granted, target: Target, entrant?: Entrant) => Promise<Attempted | Refusal>;

export function createAttempts({ clock, ledger, limiter, deadlines, metrics }: Ports): AttemptOn {
  async function attemptOn(course: Granted, target: Target, entrant?: Entrant): Promise<Attempted | Refusal> {
    const { request, serving, headers } = course;
    const reply = entrant?.reply ?? course.reply;
    course.target = target;
    const price = target.priceAt(clock.now());
    if (!price) return unpriced(serving);
    const { grant } = course;
    const counted = inputAt(course, target);
    const countedInput = typeof counted === 'number' ? counted : await counted;
    if (course.attempts > 0 || target !== grant.target) {
      const refusal = await limiter.move(grant, serving, target, countedInput, course.running);
      if (refusal) return refusal;
    }
    course.outputCap = limiter.cap(grant, serving, target);
    const exchange = exchangeFor(request, serving, target, clock.now(), course.outputCap);
    if (!exchange.ok) return exchange.refusal;
    if (reply.gone) return refuse('client_closed_request', 'The caller left before the request was sent.');
    const number = ++course.attempts;
    const intent = intentOf({ course, countedInput, grant, target, price, number, nowMs: clock.now() });
    const begun = ledger.begin(intent);
    const unentered = begun instanceof Promise ? await begun : begun;
    if (unentered || reply.gone) course.attempts--;
    if (unentered) return unentered;
    if (reply.gone) {
      ledger.abandon(intent.id);
      return refuse('client_closed_request', 'The caller left before the request was sent.');
    }
    const { dropped } = exchange.value;
    course.dropped = dropped;
    const place = entrant && { model: serving, target, countedInput };
    if (place) course.running = [...course.running, place];
    const trip = target.state.begin(clock.monotonic());
    const carried = await new Promise<Carried>((resolve) => {
      const meter = new Meter(
        {
          call: {
            to: target.to[request.endpoint]!,
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
          progress: request.stream ? progressOf(course, intent, target, price) : null,
          deadlines,
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
    if (place) course.running = course.running.filter((one) => one !== place);
    const billed = bill(carried, target, price, countedInput, limiter.grantedOutput(grant));
    return record(course, target, intent, carried, why, billed instanceof Promise ? await billed : billed);
  }

  const progressOf = ({ caller, grant }: Granted, intent: Entry, target: Target, price: Price): Progress =>
    new Progress({
      ...{ ledger, intent, target, price, clock },
      markupPpm: caller.team?.markup_ppm,
      mostOutput: limiter.grantedOutput(grant),
    });

  /** The first attempt has what the model allows; later ones what is left of the whole. */
  function timeoutsOf({ serving, headers, deadlineMs }: Granted, number: number): Timeouts {
    if (number === 1 && headers.timeoutMs === null) return serving.timeouts;
    const left = Math.max(1, deadlineMs - clock.monotonic());
    return { ...serving.timeouts, total: Math.min(left, serving.timeouts.total) };
  }

  /** Appends the attempt's entry. */
  function record(
    course: Granted,
    target: Target,
    intent: Entry,
    carried: Carried,
    why: FailureClass | undefined,
    settled: Bill,
  ): Attempted {
    const { grant, serving } = course;
    limiter.record(grant, serving, target, settled);
    const refusal = refusalFor(carried, target, why);
    course.waitedMs += carried.times.endedAt - carried.times.sentAt;
    course.costNano += settled.cost.total;
    const overheadMs = Math.max(0, clock.monotonic() - course.startedAt - course.waitedMs);
    ledger.append(resultOf(intent, { course, carried, bill: settled, refusal, overheadMs }));
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

/** The input as the target counts it; the request's own count is that of its first target. */
function inputAt(course: Granted, target: Target): number | Promise<number> {
  course.counting ??= target.counting;
  const { encoding, factor } = target.counting;
  if (encoding === course.counting.encoding && factor === course.counting.factor) return course.countedInput;
  return countInput(course.request, target);
}

export const unpriced = (model: Model): Refusal =>
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

/** The upstream's status as far as it gave one; 0 for a connection that failed. */
const upstreamCode = (carried: Carried): number =>
  carried.kind === 'failed' ? (carried.failure.status ?? 0) : carried.kind === 'gone' ? 0 : 200;

function upstreamHeaders(own: readonly string[], headers: CallHeaders): string[] {
  const all = [...own, 'x-request-id', headers.requestId];
  if (headers.traceparent) all.push('traceparent', headers.traceparent);
  return all;
}
