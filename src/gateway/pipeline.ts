/**
 * The request path, a straight line of stages, each a value made from the one before (`stages.ts`). A refusal is a value that
 * ends the line and is written in the caller's format; a fault is an exception that the edge turns into `internal_error`. What
 * an attempt may cost is in the ledger's spool before it is sent, and what it cost before the last byte. Nothing here calls a
 * database: keys are in memory but for their first use, entries are appended and written in batches.
 */
import type { Model } from '../catalog/model.js';
import type { ModelRequest } from '../formats/request.js';
import { ok, type Refusal, type Result, refusalHeaders, refused, statusOf } from '../lib/errors.js';
import { then } from '../lib/then.js';
import type { Counted } from '../tokens/count.js';
import { admit } from './admit.js';
import { deadlineOf } from './ask-patience.js';
import { createAttempt } from './attempt.js';
import { attemptAll, isRefusal } from './attempts.js';
import { breaking } from './breaking.js';
import { createCaching, type Turn } from './caching.js';
import { type Call, headersOf } from './call.js';
import { countInput } from './count-input.js';
import type { GatewayPorts } from './gateway-ports.js';
import { givenUp } from './given-up.js';
import { guardInput } from './guard-input.js';
import { baseHead, extraOf, streamHead } from './head.js';
import { keepAliveOf } from './keep-alive.js';
import { demandOf, type Grant, type Limiter } from './limiter.js';
import { RequestContext } from './request-context.js';
import type { ResponseWriter } from './response-writer.js';
import { type AskedRoute, routed } from './routing.js';
import { createKnownThoughSpent } from './spent.js';
import type { Admitted, AttemptResult, Authenticated, Reach, Received, Reserved } from './stages.js';
import { tapeFor } from './tape.js';
import { TargetPicker } from './targets.js';
import { createTelling } from './telling.js';
import { followUps, traceOf } from './trace-spans.js';

/** What it takes to answer a call. */
type Answerable = Pick<Received, 'call' | 'writer' | 'context'>;

export interface Gateway {
  /** Serves one call; resolves once its last byte is handed to the connection. */
  serve(call: Call, writer: ResponseWriter & { interrupt(): void }): Promise<void>;
}

export function createGateway(ports: GatewayPorts): Gateway {
  const { capture, clock, ledger, limiter, metrics, random, running, deadlines, overload, onFault } = ports;
  const attempt = createAttempt(ports);
  const caching = createCaching(ports);
  const knownThoughSpent = createKnownThoughSpent({ caching, limiter });
  const tell = createTelling(ports);
  const attempts = { attempt, ...followUps(metrics) };

  async function serve(call: Call, writer: ResponseWriter & { interrupt(): void }): Promise<void> {
    const snapshot = ports.snapshots.enter();
    const run = running.enter(writer);
    try {
      const context = new RequestContext(call);
      if (ports.tracing) context.trace = traceOf(call, ports.tracing);
      await serveReceived({ context, call, writer, models: snapshot.value.models });
    } finally {
      running.leave(run);
      snapshot.leave();
    }
  }

  async function serveReceived(received: Received): Promise<void> {
    const { call, context } = received;
    const known = ports.authenticator.authenticate(call.token);
    const caller = known instanceof Promise ? await known : known;
    if (!caller.ok) return refuseCall(received, caller.refusal);
    context.caller = caller.value;
    const overloaded = overload.refuses(caller.value.key.priority);
    if (overloaded) return refuseCall(received, overloaded);
    if (!call.headers.ok) return refuseCall(received, call.headers.refusal);
    const body = await call.readBody();
    context.startedAt = clock.monotonic();
    if (!body) return left(received);
    if (!body.ok) return refuseCall(received, body.refusal);
    const headers = headersOf(caller.value, call.headers.value);
    const { writer, models } = received;
    const parsing = call.format.read(body.value, call.model);
    const read = parsing instanceof Promise ? await parsing : parsing;
    if (!read.ok) return refuseCall(received, read.refusal);
    const preparing = call.prepare?.(read.value, caller.value);
    const request = preparing ? await preparing : read;
    if (!request.ok) return refuseCall(received, request.refusal);
    const reading = admitted({ context, call, writer, models, caller: caller.value, headers }, request.value);
    const admission = reading instanceof Promise ? await reading : reading;
    if (!admission.ok) return refuseCall(received, admission.refusal);
    const { value, asked } = admission;
    return serveAdmitted(value, asked);
  }

  async function serveAdmitted(admitted: Admitted, asked: AskedRoute | undefined): Promise<void> {
    const onBudgetSpent = ({ label }: Model) => metrics.retryBudgetSpent(label);
    const targets = new TargetPicker(admitted, asked?.rules, { clock, random, onBudgetSpent });
    try {
      const reserving = reserve(admitted, targets, asked);
      const reserved = reserving instanceof Promise ? await reserving : reserving;
      if (!reserved.ok) return await refuseReserve(admitted, targets, reserved.refusal);
      await serveReserved(reserved.value);
    } finally {
      targets.release();
      admitted.context.tape?.over();
    }
  }

  /** `asked`: what was found out about the request on its way through the rules of a route. */
  type Admission = (Result<Admitted> & { readonly ok: false }) | { ok: true; value: Admitted; asked?: AskedRoute };

  /** Admits the request to the model that serves it. */
  function admitted(from: Authenticated, request: ModelRequest): Admission | Promise<Admission> {
    const { call, context, caller, headers, models } = from;
    context.stream = request.stream;
    const found = admit(caller, call.format.endpoint, request.model, call.ip, models);
    if (!found.ok) return found;
    const model = found.value;
    context.model = model;
    const unentered = ledger.refusal();
    if (unentered) return refused(unentered);
    const user = (headers.user ?? request.user) || null;
    const waiter = { writer: from.writer, deadlineMs: deadlineOf(from, model) };
    const guarding = guardInput({ call, caller, models, request, model, user, waiter }, ports.guards, context);
    if (!guarding) return routedTo(from, { request, user, guarded: null }, model);
    return then(guarding, (passed) => (passed.ok ? routedTo(from, { ...passed.value, user }, model) : passed));
  }

  /** To the model itself, or to one that its route chooses. */
  function routedTo(
    from: Authenticated,
    { request, user, guarded }: Pick<Admitted, 'request' | 'user' | 'guarded'>,
    model: Model,
  ): Admission | Promise<Admission> {
    const { context, caller, headers, models } = from;
    const tags = headers.tags.length > 0 ? [...new Set([...caller.key.tags, ...headers.tags])] : caller.key.tags;
    context.trace?.of(user, tags);
    const to = { request, user, tags, guarded };
    if (!model.route) return { ok: true, value: admittedTo(from, to, model, null) };
    const chosen = routed(model, { request, headers, caller, models, nowMs: clock.now(), random });
    const take = (choice: Awaited<typeof chosen>): Admission => {
      if (!choice.ok) return choice;
      const serves = choice.value.model;
      context.routed = model;
      context.model = serves;
      return { ok: true, value: admittedTo(from, to, serves, model), asked: choice.value.asked };
    };
    return chosen instanceof Promise ? chosen.then(take) : take(chosen);
  }

  /** Limits refuse the request; an answer that is known is free. */
  async function refuseReserve(request: Admitted, targets: TargetPicker, refusal: Refusal): Promise<void> {
    const found = await knownThoughSpent(request, refusal, (at, grant) => reservedAt(request, targets, at, grant));
    if (!found) return refuseCall(request, refusal);
    await ledger.durable();
    endTurn(found.reserved, found.turn);
  }

  /** Field by field: to spread a stage into the next costs V8 more than all that the stage does. */
  function admittedTo(
    authenticated: Authenticated,
    { request, user, tags, guarded }: Pick<Admitted, 'request' | 'user' | 'tags' | 'guarded'>,
    model: Model,
    from: Model | null,
  ): Admitted {
    const { context, call, writer, models, caller, headers } = authenticated;
    if (capture) context.tape = tapeFor(capture, authenticated, from ?? model, request, guarded, user, clock);
    return {
      context,
      call,
      writer: context.tape ?? writer,
      models,
      caller,
      headers,
      request,
      user,
      tags,
      model,
      routed: from,
      guarded,
      deadlineMs: deadlineOf(authenticated, model),
    };
  }

  /** Takes the limits for the first target that is not at a limit of its own. Where all are, the first refusal stands. */
  function reserve(
    request: Admitted,
    targets: TargetPicker,
    asked: AskedRoute | undefined,
  ): Result<Reserved> | Promise<Result<Reserved>> {
    const first = targets.first();
    if (!first.ok) return first;
    const { model, target } = first.value;
    if (model !== request.model) attempts.onFallback(model, request.context);
    const counted = asked?.countedFor(target) ?? countInput(request.request.facts, target);
    const take = (input: Counted): Result<Reserved> | Promise<Result<Reserved>> => {
      const reach = { model, target, input };
      const granted = limiter.reserve(demandOf(request), reach, () => targets.reachable());
      if (granted instanceof Promise || !granted.ok) return reserveElsewhere(request, targets, reach, granted);
      return ok(reservedAt(request, targets, reach, granted.value));
    };
    return counted instanceof Promise ? counted.then(take) : take(counted);
  }

  async function reserveElsewhere(
    request: Admitted,
    targets: TargetPicker,
    tried: Reach,
    asked: ReturnType<Limiter['reserve']>,
  ): Promise<Result<Reserved>> {
    const first = await asked;
    let at = tried;
    let granted = first;
    while (!granted.ok) {
      const step = granted.refusal.atTarget ? targets.passOver(at) : undefined;
      if (!step) return granted.refusal.atTarget && !first.ok ? first : granted;
      if (step.model !== at.model) attempts.onFallback(step.model, request.context);
      at = { ...step, input: await countInput(request.request.facts, step.target) };
      granted = await limiter.reserve(demandOf(request), at, () => targets.reachable());
    }
    return ok(reservedAt(request, targets, at, granted.value));
  }

  function reservedAt(admitted: Admitted, targets: TargetPicker, first: Reach, grant: Grant): Reserved {
    const { context, call, writer, models, caller, headers } = admitted;
    const { request, user, tags, model, routed: from, guarded, deadlineMs } = admitted;
    context.serving = first.model;
    context.limitHead = limiter.headers(grant);
    return {
      context,
      call,
      writer,
      models,
      caller,
      headers,
      request,
      user,
      tags,
      model,
      routed: from,
      guarded,
      deadlineMs,
      grant,
      targets,
      first,
      keepAlive: request.stream ? keepAliveOf(admitted, onFault) : null,
    };
  }

  async function serveReserved(reserved: Reserved): Promise<void> {
    const { grant, keepAlive } = reserved;
    let turn: Turn | undefined;
    if (keepAlive) deadlines.watch(keepAlive);
    try {
      const beginning = reserved.call.begins?.(reserved);
      const begun = beginning ? await beginning : undefined;
      if (begun && !begun.ok) {
        await limiter.close(grant);
        return refuseCall(reserved, begun.refusal);
      }
      const asked = caching.turn(reserved);
      if (asked) turn = await asked;
      const fetches = turn === undefined || turn.kind === 'fetch';
      const on = turn?.kind === 'fetch' ? { ...reserved, writer: turn.writer } : reserved;
      const outcome = fetches ? await attemptAll(on, attempts) : undefined;
      const closed = limiter.close(grant);
      const durable = ledger.durable();
      if (durable) await durable;
      if (closed) await closed;
      if (!outcome) return endTurn(reserved, turn!);
      if (isRefusal(outcome)) return refuseCall(on, outcome);
      answer(on, outcome);
      if (turn?.kind === 'fetch') keep(turn, outcome, reserved.call.requestId);
    } catch (error) {
      await limiter.fail(grant);
      throw error;
    } finally {
      if (keepAlive) deadlines.stop(keepAlive);
      if (turn?.kind === 'fetch') turn.end();
    }
  }

  /** The caller has its answer: what goes wrong from here on is nothing to it. */
  function keep(turn: Turn & { readonly kind: 'fetch' }, result: AttemptResult, requestId: string): void {
    try {
      turn.keep(result)?.catch((error: unknown) => onFault(error, requestId));
    } catch (error) {
      onFault(error, requestId);
    }
  }

  /** The cache answered, or nothing is left to do. */
  function endTurn(reserved: Reserved, turn: Turn): void {
    if (turn.kind === 'refused') return refuseCall(reserved, turn.refusal);
    if (turn.kind !== 'known' || reserved.writer.gone) return left(reserved);
    turn.write();
    tell(reserved.context, turn.refusal ? statusOf(turn.refusal) : 200, undefined, turn.refusal);
  }

  function answer(reserved: Reserved, result: AttemptResult): void {
    const { writer, request, call, context } = reserved;
    const { carried, refusal, model, target } = result;
    context.target = target;
    context.serving = model;
    if (carried.kind === 'gone') return left(reserved, result);
    if (refusal) return refuseCall(reserved, refusal, result);
    if (carried.kind === 'streamed') {
      if (!writer.started) writer.head(200, streamHead(context));
      writer.end(carried.reading.closing(extraOf(context)));
    } else if (carried.kind === 'whole') {
      const { body } = carried.answer;
      if (request.stream) {
        if (!writer.started) writer.head(200, streamHead(context));
        writer.end(call.format.asStream(request, body, extraOf(context)));
      } else {
        writer.head(200, result.head!);
        writer.end(body);
      }
    }
    tell(context, 200, result);
  }

  function refuseCall(from: Answerable, refusal: Refusal, result?: AttemptResult): void {
    const { call, writer, context } = from;
    if (writer.gone && !writer.interrupted) return left(from, result);
    const status = statusOf(refusal);
    if (writer.started) {
      writer.breakOff(breaking(from, refusal, result?.carried));
      return tell(context, status, result, refusal);
    }
    // What the limit that refused says takes the place of what was said of those that were taken.
    if (refusal.headers?.['ratelimit'] !== undefined) context.limitHead = [];
    const body = call.format.errors.body(refusal, call.requestId);
    const head = [...baseHead(context), 'content-type', 'application/json', 'content-length', String(body.length)];
    const told = refusalHeaders(refusal.headers, status);
    for (const name in told) head.push(name, told[name]!);
    writer.head(status, head);
    writer.end(body);
    tell(context, status, result, refusal);
  }

  /** The request was given up: its caller left, or the gateway ends and says so. */
  function left(from: Answerable, result?: AttemptResult): void {
    const { writer, context } = from;
    const refusal = givenUp(writer);
    if (writer.interrupted) return refuseCall(from, refusal, result);
    tell(context, statusOf(refusal), result, refusal);
  }

  return { serve };
}
