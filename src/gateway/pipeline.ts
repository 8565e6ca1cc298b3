/**
 * The request path, a straight line. Every station has one way in and one way out: a refusal is a value that ends the line
 * and is written in the caller's dialect; a fault is an exception that the edge turns into `internal_error`. What an attempt
 * may cost is in the ledger's spool before it is sent, and what it cost before the last byte. Nothing here calls a database:
 * keys are in memory but for their first use, entries are appended and written in batches.
 */
import type { Recall } from '../cache/recall.js';
import type { Model, Target } from '../catalog/model.js';
import type { InForce } from '../catalog/snapshot.js';
import { completionAsStream } from '../formats/openai-chat/chunks.js';
import { readRequest } from '../formats/request.js';
import type { Authenticator } from '../identity/authenticate.js';
import type { Ledger } from '../ledger/ledger.js';
import type { Clock } from '../lib/clock.js';
import { ok, type Refusal, type Result, refuse, refused, statusOf } from '../lib/errors.js';
import { usd } from '../lib/money.js';
import type { Random } from '../lib/random.js';
import type { RunningLog } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Deadlines } from '../upstream/deadline.js';
import { admit } from './admit.js';
import { createAttempts } from './attempt.js';
import { type Attempts, goOn, mayGoOn, tryTarget } from './attempts.js';
import { createCaching, type Turn } from './caching.js';
import { type Call, headersOf, type Reply } from './call.js';
import { createChooser } from './choose.js';
import { countInput } from './count-input.js';
import {
  type Attempted,
  type Course,
  type Granted,
  isCacheable,
  type Known,
  newCourse,
  type Underway,
} from './course.js';
import { baseHead, streamHead, wholeHead } from './head.js';
import type { Grant, Limiter } from './limiter.js';
import { type AskedRoute, routed } from './routing.js';

export interface GatewayPorts {
  readonly clock: Clock;
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  /** What is in force; a request enters it once and is served by that one to its end. */
  readonly snapshots: { enter(): { readonly value: Pick<InForce, 'models'>; leave(): void } };
  readonly ledger: Ledger;
  readonly limiter: Limiter;
  /** Asked only for models whose answers are cached. */
  readonly recall: (...question: Parameters<Recall>) => ReturnType<Recall>;
  readonly deadlines: Deadlines;
  readonly metrics: Metrics;
  readonly access: RunningLog['access'];
  readonly random: Random;
}

export interface Gateway {
  /** Serves one call; resolves once its last byte is handed to the connection. */
  serve(call: Call, reply: Reply): Promise<void>;
}

export function createGateway(ports: GatewayPorts): Gateway {
  const { clock, ledger, limiter, metrics, access, random } = ports;
  const attemptOn = createAttempts(ports);
  const caching = createCaching(ports);
  const chooser = createChooser({ clock, random, onFallback: () => metrics.fallback() });

  async function serve(call: Call, reply: Reply): Promise<void> {
    const snapshot = ports.snapshots.enter();
    try {
      await run(newCourse(call, reply, snapshot.value.models));
    } finally {
      snapshot.leave();
    }
  }

  async function run(course: Course): Promise<void> {
    const { call } = course;
    const known = ports.authenticator.authenticate(call.token);
    const caller = known instanceof Promise ? await known : known;
    if (!caller.ok) return refuseCall(course, caller.refusal);
    course.caller = caller.value;
    if (!call.headers.ok) return refuseCall(course, call.headers.refusal);
    course.headers = headersOf(caller.value, call.headers.value);
    const body = await call.readBody();
    course.startedAt = clock.monotonic();
    if (!body) return left(course);
    const prepared = body.ok ? prepare(course as Known, body.value) : body;
    if (!prepared.ok) return refuseCall(course, prepared.refusal);
    const underway = course as Underway;
    const asked = underway.model.route ? await chooseModel(underway) : undefined;
    if (asked && !asked.ok) return refuseCall(course, asked.refusal);
    const found = firstTarget(underway);
    if (!found.ok) return refuseCall(course, found.refusal);
    let first = found.value;
    const counted = asked?.value.countedFor(first) ?? countInput(underway.request, first);
    course.countedInput = typeof counted === 'number' ? counted : await counted;
    const reserved = limiter.reserve(underway, first, () => chooser.reachable(underway), course.countedInput);
    let granted = reserved instanceof Promise ? await reserved : reserved;
    if (!granted.ok && granted.refusal.atTarget) granted = await reserveElsewhere(underway, first, granted);
    if (!granted.ok) return refuseCall(course, granted.refusal);
    const grant = granted.value;
    first = grant.target;
    course.grant = grant;
    course.limitHead = limiter.headers(grant);
    let turn: Turn | undefined;
    try {
      if (underway.model.cache && isCacheable(course)) turn = await caching.turn(course);
      const outcome = !turn || turn.kind === 'fetch' ? await deliver(course as Granted, first) : undefined;
      const closed = limiter.close(grant);
      const durable = ledger.durable();
      if (durable) await durable;
      if (closed) await closed;
      if (!outcome) return endTurn(underway, turn!);
      if ('code' in outcome) return refuseCall(course, outcome);
      answer(underway, outcome);
      if (turn?.kind === 'fetch') turn.keep(outcome);
    } catch (error) {
      await limiter.fail(grant);
      throw error;
    } finally {
      if (turn?.kind === 'fetch') turn.end();
    }
  }

  /** The cache answered, or nothing is left to do. */
  function endTurn(course: Underway, turn: Turn): void {
    if (turn.kind === 'refused') return refuseCall(course, turn.refusal);
    if (turn.kind !== 'known' || course.reply.gone) return left(course);
    turn.write();
    finish(course, 200);
  }

  /** Reads the request and admits it to the model that it asks for. */
  function prepare(course: Known, body: Buffer): Result<Model> {
    const { call } = course;
    const request = readRequest(call.endpoint, body);
    if (!request.ok) return request;
    course.request = request.value;
    const { key } = course.caller;
    const { tags, user } = course.headers;
    course.user = (user ?? request.value.user) || null;
    course.tags = tags.length > 0 ? [...new Set([...key.tags, ...tags])] : key.tags;
    const model = admit(course.caller, call.endpoint, request.value.model, call.ip, course.models);
    if (!model.ok) return model;
    course.model = model.value;
    const unentered = ledger.refusal();
    return unentered ? refused(unentered) : model;
  }

  /** Puts the model that a route chooses into the place of the one that was asked for. */
  async function chooseModel(course: Underway): Promise<Result<AskedRoute>> {
    const { request, headers, caller, models, model } = course;
    const chosen = await routed(model, { request, headers, caller, models, nowMs: clock.now(), random });
    if (!chosen.ok) return chosen;
    course.routed = model;
    course.model = chosen.value.model;
    return ok(chosen.value.asked);
  }

  function firstTarget(course: Underway): Result<Target> {
    const { model, headers } = course;
    course.serving = model;
    const total = Math.min(headers.timeoutMs ?? Number.POSITIVE_INFINITY, model.timeouts.total);
    course.deadlineMs = clock.monotonic() + total;
    return chooser.first(course);
  }

  /** The first target is at a limit of its own: the next one that is not. Where all are, the last refusal stands. */
  async function reserveElsewhere(course: Underway, full: Target, refused: Result<Grant>): Promise<Result<Grant>> {
    const { chain } = course;
    let step = chain?.passOver(full, clock.monotonic());
    while (chain && step) {
      const { model, target } = step;
      if (model !== course.serving) metrics.fallback();
      course.serving = model;
      course.countedInput = await countInput(course.request, target);
      const granted = await limiter.reserve(course, target, () => chooser.reachable(course), course.countedInput);
      if (granted.ok || !granted.refusal.atTarget) return granted;
      step = chain.passOver(target, clock.monotonic());
    }
    course.serving = course.model;
    return refused;
  }

  async function deliver(course: Granted, first: Target): Promise<Attempted | Refusal> {
    const { chain } = course;
    if (!chain) {
      const outcome = await attemptOn(course, first);
      if (!mayGoOn(outcome, false) || course.model.retry.max_attempts === 1) return outcome;
      const late = chooser.chain(course);
      late.begin(first);
      return goOn(course, late, first, outcome, attemptsOf(course));
    }
    const attempts = attemptsOf(course);
    const outcome = await tryTarget(course, chain, first, attempts);
    return mayGoOn(outcome, chain.canAvoidPolicy) ? goOn(course, chain, first, outcome, attempts) : outcome;
  }

  const attemptsOf = (course: Granted): Attempts<Attempted> => ({
    attempt: (target, entrant) => attemptOn(course, target, entrant),
    now: () => clock.monotonic(),
    onRetry: (why) => metrics.retry(why),
    onFallback: () => metrics.fallback(),
  });

  function answer(course: Underway, attempted: Attempted): void {
    const { reply, request, call } = course;
    const { carried, refusal } = attempted;
    course.target = attempted.target;
    if (carried.kind === 'gone') return left(course, attempted);
    if (refusal && !reply.started) return refuseCall(course, refusal, attempted);
    if (refusal) reply.breakOff(call.dialect.event(refusal, call.requestId));
    else if (carried.kind === 'streamed') {
      if (!reply.started) reply.head(200, streamHead(course));
      reply.end(carried.reading.closing(extra(course)));
    } else if (carried.kind === 'whole') {
      const { body } = carried.answer;
      if (request.stream) {
        if (!reply.started) reply.head(200, streamHead(course));
        reply.end(completionAsStream(body, request.askedUsage, extra(course)));
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
    const body = call.dialect.body(refusal, call.requestId);
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
      model: model?.label ?? 'none',
      provider: target?.provider ?? 'none',
      status,
      durationMs,
      overheadMs,
      firstByteMs,
    });
    access({
      request_id: call.requestId,
      endpoint: call.endpoint,
      status,
      error: refusal?.code,
      reason: refusal && attempted ? refusal.message : undefined,
      key: caller?.key.id,
      team: caller?.key.team ?? undefined,
      model: model?.name,
      asked_model: course.routed?.name,
      target: target?.id,
      stream: request?.stream,
      fallback: course.serving === model ? undefined : course.serving?.name,
      cache: course.cache === 'off' ? undefined : course.cache,
      attempts: course.attempts,
      input_tokens: attempted?.bill.tokens.input,
      output_tokens: attempted?.bill.tokens.output,
      cost_usd: attempted ? usd(course.costNano) : undefined,
      duration_ms: round(durationMs),
      overhead_ms: round(overheadMs),
      first_byte_ms: firstByteMs === null ? undefined : round(firstByteMs),
    });
  }

  return { serve };
}

const round = (ms: number): number => Math.round(ms * 100) / 100;

const extra = (course: Course) => ({
  cost_usd: usd(course.costNano),
  attempts: course.attempts,
  cache: course.cache,
});
