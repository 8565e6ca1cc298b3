/**
 * A request to its upstream, and to another target where that makes sense. A body that is small is kept, so that it can be sent
 * again; a larger one streams and is sent once. Another attempt is made only for what the route names, only while nothing went
 * to the client, within the budget, and only where it cannot do something twice: the request was never sent, or its method is
 * idempotent, or it carries an `Idempotency-Key`. A connection that was closed under a GET just as it was used is not the
 * upstream's answer: that is tried once more by itself.
 */
import { type Refusal, refuse } from '../lib/errors.js';
import { newSpanId } from '../telemetry/trace.js';
import { Backend } from './backend.js';
import { type Body, bodyOf, keptBytesOf } from './body.js';
import type { Fill } from './cache.js';
import type { Failure, ForwardRequest } from './forward.js';
import { cookieValue } from './gate.js';
import { loops, removeFrom, withoutHeaders } from './headers.js';
import { type ServeDeps, stands } from './policy.js';
import { type AttemptEnd, Relay } from './relay.js';
import { giveKept } from './replay.js';
import type { Route } from './route.js';
import { asChildOf, traceAttempt } from './trace.js';
import { Upload } from './upload.js';
import type { Visit } from './visit.js';

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
/** Methods that change nothing (RFC 9110 9.2.1): after all others what is kept may be old. */
export const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const BACKOFF_MS = 25;

export async function forwardVisit(visit: Visit, route: Route, fill: Fill | null, deps: ServeDeps): Promise<void> {
  if (loops(visit.header('via')))
    return visit.refuse(refuse('loop_detected', 'This request went through the gateway over and over.'));
  const upstream = route.upstream!;
  const asked = bodyOf(visit, route, deps);
  const got = asked instanceof Promise ? await asked : asked;
  if (got === undefined) return;
  const target = route.pathEdit ? route.pathEdit.apply(visit) : undefined;
  if (target && !target.ok) return visit.refuse(target.refusal);
  const path = target?.ok ? target.value : visit.path + visit.query;
  const { retryOn: on, retryStatuses: again } = upstream;
  const most = upstream.config.retry?.max_attempts ?? 2;
  const tried: Backend[] = [];
  let stale = false;
  upstream.counted();
  for (;;) {
    const picked = pick(visit, route, tried, fill, deps);
    if (!(picked instanceof Backend)) return giveUp(visit, route, picked, fill);
    const backend = picked;
    visit.attempts += 1;
    visit.target = backend.id;
    const startedAt = deps.deadlines.now();
    if (visit.trace) visit.spanId = newSpanId();
    const made = requestFor(visit, route, backend, path, got, fill);
    if ('code' in made) return visit.refuse(made);
    // One kept connection was stale: others may be as well.
    const request = stale ? { ...made, fresh: true } : made;
    if (visit.attempts === 1) mirrored(route, request, got);
    const repeatable = !(got instanceof Upload) && mayRepeat(visit, request.method);
    const more = visit.attempts < most;
    const outcome = await attempt(
      visit,
      route,
      backend,
      request,
      more && repeatable && again.size > 0 ? again : null,
      fill,
      deps,
    );
    if (visit.trace) traceAttempt(visit.trace, visit, startedAt, deps.deadlines.now(), outcome);
    if (outcome.kind === 'kept') return giveKept(visit, route, outcome.kept, outcome.state);
    if (outcome.kind !== 'again') return ended(visit, route, outcome, fill, deps);
    tried.push(backend);
    const { failure, why } = outcome;
    if (!mayGoOn(visit, got, failure, why, { on, more, repeatable }) || !upstream.mayRetry()) {
      return failure
        ? failed(visit, route, failure, fill, deps)
        : giveUp(visit, route, refuse('upstream_error', `The upstream answered ${why}.`), fill);
    }
    stale ||= why === 'reset';
    deps.onRetry(route.name, why);
    if (upstream.backends.length === 1 && why !== 'reset') await pause(visit.attempts);
    if (visit.gone) return;
  }
}

/** A copy for the mirror: of a body that streams once it is whole, where it is small enough. */
function mirrored(route: Route, { method, path, headers }: ForwardRequest, body: Body): void {
  const { mirror } = route;
  if (!mirror?.wants()) return;
  if (!(body instanceof Upload)) return mirror.send(method, path, headers, body);
  const plain = [...headers];
  removeFrom(plain, 'content-length');
  body.copyTo(keptBytesOf(route), (whole) => mirror.send(method, path, plain, whole));
}

function mayGoOn(
  visit: Visit,
  body: Body,
  failure: Failure | null,
  why: string,
  { on, more, repeatable }: { on: readonly (string | number)[]; more: boolean; repeatable: boolean },
): boolean {
  if (failure === null) return true; // a status: was asked for
  if (failure.kind === 'connect') {
    const unsent = !(body instanceof Upload) || (!body.started && !body.destroyed);
    return more && unsent && on.includes('connect_error');
  }
  if (!repeatable) return false;
  // Once by itself: a kept connection may be closed by its other end at any moment.
  if (why === 'reset' && visit.attempts === 1 && visit.method !== 'PUT' && visit.method !== 'DELETE') return true;
  return more && on.includes(why);
}

const mayRepeat = (visit: Visit, method: string): boolean =>
  !visit.upgrade && (IDEMPOTENT.has(method) || visit.req.headers['idempotency-key'] !== undefined);

const pause = (attempts: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, BACKOFF_MS * 2 ** (attempts - 1) * (0.5 + Math.random() / 2)));

/** A stale answer stands in for one that is not to be had, where that is allowed. */
function giveUp(visit: Visit, route: Route, refusal: Refusal, fill: Fill | null): void {
  const kept = visit.answered ? null : fill?.inNeed();
  if (kept) giveKept(visit, route, kept, 'stale');
  else visit.refuse(refusal);
}

/** The target whose turn it is, or why there is none. */
function pick(
  visit: Visit,
  route: Route,
  tried: readonly Backend[],
  fill: Fill | null,
  deps: ServeDeps,
): Backend | Refusal {
  const upstream = route.upstream!;
  const key = (): string => hashKey(visit, route);
  const backend = upstream.pick(key, tried);
  if (backend) return backend;
  const seconds = String(Math.max(1, Math.ceil(upstream.waitMs / 1000)));
  const open = upstream.backends.some(({ breakerState }) => breakerState !== 'closed');
  const refusal = refuse(
    'no_target_available',
    open
      ? 'The upstream fails too often and is left alone for a while. Try again later.'
      : 'No target of the upstream is healthy. Try again later.',
    { headers: { 'retry-after': seconds } },
  );
  if (fill?.inNeed() || stands(visit, route, 'breaker', refusal, deps)) return refusal;
  return upstream.pick(key, tried, true) ?? refusal;
}

export function hashKey(visit: Visit, route: Route): string {
  const { balance } = route.upstream!.config;
  if (typeof balance !== 'object') return '';
  const { hash } = balance;
  if (hash === 'ip') return visit.ip;
  if (hash === 'path') return visit.path;
  if (hash === 'consumer') return visit.consumer.identity;
  if ('header' in hash) return visit.header(hash.header) ?? visit.ip;
  return cookieValue(visit.header('cookie') ?? '', hash.cookie) ?? visit.ip;
}

export function requestFor(
  visit: Visit,
  route: Route,
  backend: Backend,
  path: string,
  body: Body,
  fill: Fill | null,
): ForwardRequest | Refusal {
  const { preserve_host } = route.upstream!.config;
  const host = preserve_host ? visit.hostHeader : backend.hostHeader;
  const secure = 'encrypted' in visit.req.socket;
  const headers = route.requestHeaders.build(visit, host, secure);
  if (visit.trace) asChildOf(visit.trace, headers, visit.spanId);
  const prefix = route.pathEdit?.strippedFrom(visit.path);
  if (prefix) headers.push('x-forwarded-prefix', prefix);
  // A changed or decoded body has another length, which is stated where it is sent.
  if (!(body instanceof Upload)) removeFrom(headers, 'content-length');
  if (visit.bodyType !== '') {
    removeFrom(headers, 'content-type');
    headers.push('content-type', visit.bodyType);
  }
  if (route.changesBodies) withoutHeaders(headers, ['accept-encoding', 'range', 'if-range']);
  const refusal = route.headerEdit?.apply(headers, visit);
  if (refusal) return refusal;
  if (fill && fill.conditions.length > 0) {
    withoutHeaders(headers, ['if-none-match', 'if-modified-since']);
    headers.push(...fill.conditions);
  }
  return {
    method: route.config.request?.method ?? visit.method,
    path: backend.basePath === '' ? path : backend.basePath + path,
    headers,
    body,
    upgrade: visit.upgrade ? (visit.req.headers.upgrade ?? 'websocket') : null,
  };
}

function attempt(
  visit: Visit,
  route: Route,
  backend: Backend,
  request: ForwardRequest,
  againOn: ReadonlySet<number> | null,
  fill: Fill | null,
  deps: ServeDeps,
): Promise<AttemptEnd> {
  return new Promise((resolve) => {
    const onHead = SAFE.has(visit.method)
      ? null
      : (status: number, headers: readonly string[]) => {
          if (status >= 200 && status < 400) deps.onChanged(visit, headers);
        };
    const relay = new Relay(visit, route, backend, { againOn, fill, onHead }, deps.deadlines, resolve);
    visit.onGone = () => relay.gone();
    relay.begin(request, route.upstream!.timeouts);
  });
}

function ended(visit: Visit, route: Route, outcome: AttemptEnd, fill: Fill | null, deps: ServeDeps): void {
  if (outcome.kind === 'failed' && !visit.answered) failed(visit, route, outcome.failure, fill, deps);
}

function failed(
  visit: Visit,
  route: Route,
  { kind, which, message }: Failure,
  fill: Fill | null,
  deps: ServeDeps,
): void {
  if (kind === 'upload') {
    if (which !== undefined) return visit.refuse(refuse('request_timeout', message));
    const refusal = refuse('request_too_large', message);
    deps.onPolicy(route.name, 'body_limit', refusal, false, visit);
    return visit.refuse(refusal);
  }
  const late = kind === 'timeout' || (kind === 'connect' && which !== undefined);
  giveUp(visit, route, refuse(late ? 'upstream_timeout' : 'upstream_error', message), fill);
}
