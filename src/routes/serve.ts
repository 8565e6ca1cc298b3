/**
 * A request through the stations of its route, in the order that is promised: ip, cors, auth, limits, then the checks that the
 * body needs, the cache, and the upstream: breaker, transform, balance, forward, for each attempt anew. Nothing here waits for
 * what need not be waited for: keys and limits in memory answer at once.
 */
import { type Refusal, refuse } from '../lib/errors.js';
import { fill } from '../lib/template.js';
import { fullRefusalOf, heldHeaders, unavailableRefusal } from '../limits/words.js';
import { forwardVisit } from './attempts.js';
import type { AnswerCache, Fill, Found } from './cache.js';
import { directivesOf } from './cache-rules.js';
import type { Judged } from './gate.js';
import { type ServeDeps, stands } from './policy.js';
import { renew } from './renew.js';
import { giveKept, replay } from './replay.js';
import type { Route } from './route.js';
import { valueFor } from './values.js';
import type { Visit } from './visit.js';

export async function serve(visit: Visit, route: Route, deps: ServeDeps): Promise<void> {
  const outside = route.ip?.(visit.ip);
  if (outside && stands(visit, route, 'ip', outside, deps)) return visit.refuse(outside);
  if (route.cors?.handle(visit)) return;
  const asked = route.gate.check(visit);
  const judged = asked instanceof Promise ? await asked : asked;
  if (!enter(visit, route, judged, deps)) return;
  const overloaded = deps.overload.refuses(visit.consumer.key?.priority ?? 'normal');
  if (overloaded) {
    deps.onPolicy(route.name, 'overload', overloaded, false, visit);
    return visit.refuse(overloaded);
  }
  const reserving = route.limits.reserve(visit);
  if (reserving) {
    const outcome = reserving instanceof Promise ? await reserving : reserving;
    if (outcome.kind === 'reserved') {
      visit.hold = outcome.hold;
      const { parts } = outcome.hold;
      visit.extra.push(...heldHeaders(parts, route.limits.nowMs()));
    } else {
      if (outcome.kind === 'denied') deps.onDenied(outcome.denial.limit);
      const refusal =
        outcome.kind === 'denied'
          ? fullRefusalOf(outcome.denial, route.limits.nowMs())
          : unavailableRefusal(outcome.retryAfterMs);
      if (stands(visit, route, 'limits', refusal, deps)) return visit.refuse(refusal);
      for (const [name, value] of Object.entries(refusal.headers ?? {}))
        if (name.includes('ratelimit')) visit.extra.push(name, value);
    }
  }
  // The client may have left while it was waited for.
  if (visit.gone) return route.limits.settle(visit);
  const malformed = route.validation?.head(visit);
  if (malformed && stands(visit, route, 'validate', malformed, deps)) return visit.refuse(malformed);
  const tooLarge = declaredTooLarge(visit, route);
  if (tooLarge && stands(visit, route, 'body_limit', tooLarge, deps)) return visit.refuse(tooLarge);
  if (route.fixed) return answerFixed(visit, route);
  if (route.redirect) return redirect(visit, route);
  if (route.compose) return await route.compose.serve(visit, route, deps);
  const fill = route.cache ? fromCache(visit, route, route.cache, deps) : null;
  if (fill === 'answered') return;
  await forwardVisit(visit, route, fill, deps);
}

/** Answers with what is kept, or says what to do with what the upstream answers. */
function fromCache(visit: Visit, route: Route, cache: AnswerCache, deps: ServeDeps): Fill | null | 'answered' {
  const key = cache.keyOf(visit);
  const found: Found = key === undefined ? { kind: 'nothing' } : cache.find(visit, key);
  if (key !== undefined && (found.kind === 'fresh' || found.kind === 'stale')) {
    if (found.kind === 'stale') void renew(visit, route, cache, key, found.kept, deps);
    giveKept(visit, route, found.kept, found.kind === 'fresh' ? 'hit' : 'stale');
    return 'answered';
  }
  if (directivesOf(visit.header('cache-control')).has('only-if-cached')) {
    visit.refuse(refuse('not_cached', 'There is no answer in the cache, and no other was wanted (only-if-cached).'));
    return 'answered';
  }
  if (key === undefined) return null;
  if (cache.tells(visit)) visit.cacheState = 'miss';
  return cache.fill(visit, key, found.kind === 'validate' ? found.kept : null);
}

/** Takes the consumer that the gate let in, or answers why it let nobody in. */
function enter(visit: Visit, route: Route, judged: Judged, deps: ServeDeps): boolean {
  if ('body' in judged) {
    const refusal = refuse('invalid_token', `The authorisation service answered ${judged.status}.`);
    if (!stands(visit, route, 'auth', refusal, deps)) return true;
    visit.answer(judged.status, judged.headers, judged.body);
    return false;
  }
  if (judged.ok) {
    visit.consumer = judged.value;
    return true;
  }
  if (!stands(visit, route, 'auth', judged.refusal, deps)) return true;
  visit.refuse(judged.refusal);
  return false;
}

function declaredTooLarge(visit: Visit, route: Route): Refusal | undefined {
  const declared = visit.req.headers['content-length'];
  if (declared === undefined || Number(declared) <= route.bodyLimit) return undefined;
  return refuse('request_too_large', `The request body is larger than ${route.bodyLimit} bytes (body_limit).`);
}

function answerFixed(visit: Visit, route: Route): void {
  const { status, headers, body } = route.fixed!;
  const all: string[] = [];
  for (const [name, template] of headers) {
    const value = fill(template, (key) => valueFor(visit, key));
    if (value !== undefined && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)) all.push(name, value);
  }
  replay(visit, route, status, all, body ?? Buffer.alloc(0));
}

function redirect(visit: Visit, route: Route): void {
  const { status, to } = route.redirect!;
  const location = fill(
    to,
    (name) => valueFor(visit, name),
    (value, name) => (name === 'path' || name === 'query' ? value : encodeURIComponent(value)),
  );
  if (location === undefined || !/^[\x21-\x7e]*$/.test(location))
    return visit.refuse(refuse('invalid_request', 'The request holds a value that cannot be put into a URL.'));
  visit.answer(status, ['location', location]);
}
