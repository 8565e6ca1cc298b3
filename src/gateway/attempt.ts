/**
 * One attempt on one target: the request in the target's format, its bytes carried, the bill, the entry in the ledger. What
 * goes wrong in the gateway's own code is a fault: the caller is told `internal_error`, the target is not blamed, the log has
 * the cause, and what was used is entered all the same.
 */
import { carry } from '../catalog/carrier.js';
import type { Model, Target } from '../catalog/model.js';
import type { FailureClass } from '../formats/failure.js';
import type { Translation } from '../formats/translation.js';
import type { Usage } from '../formats/usage.js';
import type { Entry } from '../ledger/entry.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Clock } from '../lib/clock.js';
import { type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import { passedHeaders } from '../lib/passed-headers.js';
import type { Price } from '../pricing/price.js';
import type { Trip } from '../router/target-state.js';
import type { Metrics } from '../telemetry/metrics.js';
import { newSpanId } from '../telemetry/trace.js';
import type { Counted } from '../tokens/count.js';
import type { Deadlines, Timeouts } from '../upstream/deadline.js';
import type { AttemptOutcome } from './attempts.js';
import type { Carried } from './carried.js';
import { countAlike, countInput } from './count-input.js';
import { intentOf, Progress, resultOf } from './entry.js';
import { refusalOf } from './failure.js';
import { givenUp } from './given-up.js';
import type { GuardPorts } from './guard-input.js';
import { guardedEnd, guardedTranslation, stopped } from './guard-output.js';
import { streamHead, wholeHead } from './head.js';
import type { Limiter } from './limiter.js';
import { Meter } from './meter.js';
import { carriedParts } from './parts.js';
import { type MostUsage, mostUsage } from './plausible-usage.js';
import { priceFor, unpriced } from './price-for.js';
import type { Entrant } from './race.js';
import type { ResponseWriter } from './response-writer.js';
import type { AttemptResult, Reach, Reserved } from './stages.js';
import type { PickedTarget } from './targets.js';
import { traceAttempt } from './trace-spans.js';
import { upstreamHeaders } from './upstream-headers.js';
import { type Bill, bill, worstBill } from './usage-accounting.js';
import { learn, maySignAnew, refusedUsage } from './verdict.js';

interface AttemptPorts {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly limiter: Limiter;
  readonly deadlines: Deadlines;
  readonly metrics: Metrics;
  readonly guards: GuardPorts;
  /** Told of what went wrong in the gateway itself. */
  readonly onFault: (error: unknown, requestId: string) => void;
  /** Told of a report of more than the request can have used, and of what is entered instead. */
  readonly onImplausible: (target: string, entered: Usage, requestId: string) => void;
}

export type Attempt = (reserved: Reserved, on: PickedTarget, entrant?: Entrant) => Promise<AttemptOutcome>;

export const internalError: Refusal = refuse(
  'internal_error',
  'The gateway failed. The request id leads to the cause in its log.',
);

/** An attempt on its way. */
interface Underway {
  readonly reserved: Reserved;
  readonly reach: Reach;
  readonly price: Price;
  readonly translation: Translation;
  /** Those of the caller that go on to the target. */
  readonly headers: readonly string[];
  readonly writer: ResponseWriter;
  readonly entrant: Entrant | undefined;
  /** Of the attempt, from 1. */
  readonly number: number;
  readonly intent: Entry;
  /** Of its trace; empty where it is not traced. */
  readonly spanId: string;
  readonly most: MostUsage;
}

export function createAttempt({
  clock,
  ledger,
  limiter,
  deadlines,
  metrics,
  guards,
  onFault,
  onImplausible,
}: AttemptPorts): Attempt {
  async function attempt(
    reserved: Reserved,
    { model, target }: PickedTarget,
    entrant?: Entrant,
  ): Promise<AttemptOutcome> {
    const { context, grant } = reserved;
    const writer = entrant?.writer ?? reserved.writer;
    context.target = target;
    const price = priceFor(target, reserved.request, clock.now());
    if (!price) return unpriced(model, target, clock.now());
    const counted = inputAt(reserved, target);
    const input = counted instanceof Promise ? await counted : counted;
    const reach: Reach = { model, target, input };
    if (context.attempts > 0 || target !== grant.target) {
      const refusal = await limiter.move(grant, reach);
      if (refusal) return refusal;
    }
    context.outputCap = limiter.cap(grant, reach);
    const translating = translate(reserved, reach);
    const translated = translating instanceof Promise ? await translating : translating;
    if (!translated.ok) return translated.refusal;
    const passed = passedHeaders(reserved.headers.received, target.carriers[reserved.request.format]!.passes);
    if (!passed.ok) return passed.refusal;
    if (writer.gone) return givenUp(writer);
    const number = ++context.attempts;
    const intent = intentOf({ reserved, reach, price, number, nowMs: clock.now() });
    const begun = ledger.begin(intent);
    const unentered = begun instanceof Promise ? await begun : begun;
    if (unentered || writer.gone) context.attempts--;
    if (unentered) return unentered;
    if (writer.gone) {
      ledger.abandon(intent.id);
      return givenUp(writer);
    }
    const translation = translated.value;
    context.dropped = translation.dropped;
    const granted = limiter.grantedOutput(grant);
    const most = mostUsage(reserved.request, reach, translation.body.length, context.outputCap, granted);
    const headers = passed.value;
    const result = await carryOut({
      reserved,
      reach,
      price,
      translation,
      headers,
      writer,
      entrant,
      number,
      intent,
      spanId: context.trace ? newSpanId() : '',
      most,
    });
    if (!translation.asksUsage || !refusedUsage(result.carried)) return result;
    target.state.refusesUsage = true;
    return { ...result, asksAgain: true };
  }

  /** A translator that throws is at fault, and not the target. */
  function translate(
    { request, context, call }: Reserved,
    { model, target }: Reach,
  ): Result<Translation> | Promise<Result<Translation>> {
    const fault = (error: unknown): Result<never> => {
      onFault(error, call.requestId);
      return refused(internalError);
    };
    try {
      const carried = carry(request, model, target, {
        maxOutput: context.outputCap,
        refusesUsage: target.state.refusesUsage,
        nowMs: clock.now(),
        clock,
      });
      return carried instanceof Promise ? carried.catch(fault) : carried;
    } catch (error) {
      return fault(error);
    }
  }

  async function carryOut(underway: Underway): Promise<AttemptResult> {
    const { reserved, reach, entrant } = underway;
    const { target } = reach;
    const { grant, targets } = reserved;
    if (entrant) grant.beside = [...grant.beside, reach];
    targets.sent(target);
    const trip = target.state.begin(clock.monotonic());
    const came = await bytesOf(underway, trip);
    const carried = reserved.guarded ? await guardedEnd(came, reserved, guards) : came;
    const anew = maySignAnew(carried, target);
    const why = judged(underway, carried, trip, anew);
    if (entrant) grant.beside = grant.beside.filter((one) => one !== reach);
    if (carried.kind === 'fault') onFault(carried.error, reserved.call.requestId);
    const settled = billed(underway, carried);
    const result = record(underway, carried, why, settled instanceof Promise ? await settled : settled);
    return anew ? { ...result, asksAgain: true } : result;
  }

  /** What the attempt teaches of its target. A failure that cannot be judged is held against nobody. */
  function judged(underway: Underway, carried: Carried, trip: Trip, anew: boolean): FailureClass | undefined {
    const { reserved, reach } = underway;
    const { target, model } = reach;
    try {
      if (!anew) return learn(carried, trip, model, target);
      target.state.abandoned(trip, carried.times.endedAt);
      return 'credential';
    } catch (error) {
      onFault(error, reserved.call.requestId);
      target.state.abandoned(trip, carried.times.endedAt, false);
      return 'transient';
    }
  }

  function bytesOf(underway: Underway, trip: Trip): Promise<Carried> {
    const { reserved, reach, translation, writer, entrant, number, intent } = underway;
    const { request, context, targets, keepAlive, guarded } = reserved;
    const { target, model } = reach;
    const carrier = target.carriers[request.format]!;
    const to = carrier.to[request.stream ? 'stream' : 'whole'];
    const { trace } = context;
    const { slot } = trip;
    const sent = upstreamHeaders(carrier.headers[slot]!, underway.headers, reserved.headers, trace, underway.spanId);
    const { sign } = target;
    const call = {
      to,
      headers: sent,
      sign: sign ? (body: Buffer) => sign(slot, to.path, sent, body, clock.now()) : undefined,
      body: translation.body,
      timeouts: timeoutsOf(reserved, model, number),
    };
    return new Promise((resolve) => {
      const meter = new Meter(
        {
          call,
          parts: translation.parts && carriedParts(translation.parts, context, target.id, call, clock),
          translation: guarded ? guardedTranslation(translation, reserved, guards) : translation,
          stream: request.stream,
          writer,
          keepAlive,
          streamHead: () => {
            context.target = target;
            context.serving = model;
            context.dropped = translation.dropped;
            return streamHead(context);
          },
          onSending: () => ledger.sent(intent.id),
          onFirstByte: () => target.state.heard(trip, clock.monotonic()),
          progress: request.stream ? progressOf(underway) : null,
          deadlines,
          clock,
          limitHeaders: target.providerType.limitHeaders,
          errorTypeHeader: target.providerType.errorTypeHeader,
          requestId: reserved.call.requestId,
          requestIdHeader: target.providerType.requestIdHeader ?? 'x-request-id',
          probe: model.probe,
          avoidPolicy: targets.canAvoidPolicy,
          refuseEmpty: model.refuseEmpty,
          claim: entrant?.claim,
          stopped: guarded ? (reading) => stopped(reading, guarded) : undefined,
        },
        resolve,
      );
      meter.start();
      entrant?.runs(meter);
    });
  }

  const progressOf = ({ reserved: { caller }, reach: { target }, intent, price, most }: Underway): Progress =>
    new Progress({ ledger, intent, target, price, clock, most, markupPpm: caller.team?.markup_ppm });

  /** The first attempt has what the model allows; later ones what is left of the whole. */
  function timeoutsOf({ headers, deadlineMs, request }: Reserved, model: Model, number: number): Timeouts {
    const timeouts = request.stream ? model.timeouts : model.wholeTimeouts;
    if (number === 1 && headers.timeoutMs === null) return timeouts;
    const leftMs = Math.max(1, deadlineMs - clock.monotonic());
    return { ...timeouts, total: Math.min(leftMs, timeouts.total) };
  }

  /** Whatever throws here is logged, and the attempt is entered at the worst that was held for it. */
  function billed({ reserved, reach, price, most }: Underway, carried: Carried): Bill | Promise<Bill> {
    const worst = (error: unknown): Bill => {
      onFault(error, reserved.call.requestId);
      return worstBill(reach.input.expected, limiter.grantedOutput(reserved.grant), price);
    };
    try {
      const settled = bill(carried, reach.target, price, reach.input.expected, most);
      return settled instanceof Promise ? settled.catch(worst) : settled;
    } catch (error) {
      return worst(error);
    }
  }

  function record(underway: Underway, carried: Carried, why: FailureClass | undefined, settled: Bill): AttemptResult {
    const { reserved, reach, intent, writer, entrant } = underway;
    const { context, grant, call, caller, model: asked } = reserved;
    const { target, model } = reach;
    limiter.record(grant, reach, settled);
    context.waitedMs += carried.times.endedAt - carried.times.sentAt;
    context.costNano += settled.cost.total;
    const overheadMs = Math.max(0, clock.monotonic() - context.startedAt - context.waitedMs);
    let refusal = refusalFor(carried, target, why, writer);
    let head: readonly string[] | undefined;
    if (!refusal && carried.kind === 'whole' && !reserved.request.stream) {
      try {
        head = wholeHead(context, overheadMs, carried.answer.body.length);
      } catch (error) {
        onFault(error, call.requestId);
        refusal = internalError;
      }
    }
    const ended = { reserved, carried, bill: settled, refusal, overheadMs, hedged: entrant?.raced() };
    ledger.append(resultOf(intent, ended));
    context.tape?.entered(intent.id, !(carried.kind === 'gone' && carried.superseded));
    metrics.usage(asked.label, target.provider, caller.key.team, settled.tokens, settled.cost.total);
    if (settled.implausible) {
      metrics.implausibleUsage(target.label);
      onImplausible(target.label, settled.tokens, call.requestId);
    }
    metrics.upstreamResponse(target.label, upstreamCode(carried));
    if (context.trace) traceAttempt(underway, carried, why, settled, refusal);
    target.state.usage?.end(
      { input: settled.tokens.input, output: settled.tokens.output, costNano: settled.cost.total },
      carried.times.endedAt,
    );
    return { model, target, carried, why, bill: settled, refusal, overheadMs, head };
  }

  return attempt;
}

/** The input as the target counts it; that of the first target is known. */
function inputAt({ first, request }: Reserved, target: Target): Counted | Promise<Counted> {
  return countAlike(target, first.target) ? first.input : countInput(request.facts, target);
}

function refusalFor(
  carried: Carried,
  target: Target,
  why: FailureClass | undefined,
  writer: ResponseWriter,
): Refusal | undefined {
  if (carried.kind === 'failed') {
    const { failure, times } = carried;
    const retryAfterMs = failure.retryAfterMs ?? times.resetMs;
    return refusalOf({ ...failure, retryAfterMs }, target, why);
  }
  if (carried.kind === 'fault') return internalError;
  if (carried.kind === 'blocked') return carried.refusal;
  if (carried.kind !== 'gone') return undefined;
  if (carried.superseded) return refuse('superseded', 'Another target answered first.');
  return givenUp(writer);
}

/** The upstream's status as far as it gave one; 0 for a connection that failed. */
function upstreamCode(carried: Carried): number {
  if (carried.kind === 'failed') return carried.failure.status ?? 0;
  return carried.kind === 'gone' || carried.kind === 'fault' ? 0 : 200;
}
