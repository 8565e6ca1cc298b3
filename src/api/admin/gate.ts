/**
 * Who may call what of the admin API: one hook in front of every route of it, before anything of a body is read. Who calls is
 * the request's `principal`; what the operation needs stands in `access.ts`. Whoever tries wrong keys is slowed down, and is in
 * the audit log, as is each answer with 403. Nothing is remembered of users: a change of theirs is in force at once.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Keys } from '../../identity/keys.js';
import type { Principal } from '../../identity/roles.js';
import { principalOfSession, type SessionTimes } from '../../identity/sessions.js';
import { principalOfToken } from '../../identity/tokens.js';
import type { Clock } from '../../lib/clock.js';
import { ok, type Result, refuse, refused } from '../../lib/errors.js';
import { addressOf } from '../../lib/forwarded.js';
import type { Query } from '../../lib/query.js';
import { needOf } from '../access.js';
import { actorOf, adminOf, bearerOf } from './auth.js';
import { cookieOf, mayUseCookie, SESSION } from './cookies.js';
import { sendRefusal, unauthorized } from './errors.js';
import { Refusals } from './refusals.js';
import { WrongKeys } from './wrong-keys.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls the admin API; nobody on its public routes and elsewhere. */
    principal: Principal;
    /** The same in the words of the audit log. */
    readonly adminActor: string;
  }
}

export interface Guarding {
  readonly keys: Keys;
  readonly clock: Clock;
  /** The admin key now in force. Empty: nobody is the admin. */
  readonly adminKey: () => string;
  /** Somebody came without a key, or with a wrong one, for metrics. */
  readonly onWrongKey?: (reason: 'admin_key' | 'password' | 'oidc') => void;
  readonly sessionTimes: () => SessionTimes;
  /** Users, their tokens and sessions are read with it. */
  readonly query: Query;
}

const NOBODY: Principal = { actor: '', role: 'member', teams: new Set(), user: null, token: null };

/** What is remembered of strangers. */
export interface Strangers {
  readonly wrongKeys: WrongKeys;
  readonly refusals: Refusals;
}

export function guard(app: FastifyInstance, deps: Guarding): Strangers {
  const wrongKeys = new WrongKeys();
  const refusals = new Refusals(deps, (error) => app.log.warn({ err: error }, 'a refusal is not in the audit log'));
  app.decorateRequest('principal', null as unknown as Principal);
  app.decorateRequest('adminActor', {
    getter() {
      return this.principal.actor;
    },
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    request.principal = NOBODY;
    const { access, operationId } = request.routeOptions.config;
    if (access === 'public') return;
    const found = await principalOf(request, deps);
    if (found === null) return refuseStranger(request, reply, { deps, wrongKeys, refusals });
    if (!found.ok) return sendRefusal(reply, found.refusal);
    request.principal = found.value;
    const { role } = found.value;
    // A path that does not exist is told of to everybody who is known.
    if (operationId === undefined || needOf(operationId).roles.includes(role)) return;
    return sendRefusal(reply, refuse('insufficient_scope', uncovered(role, needOf(operationId).roles)));
  });
  app.addHook('onSend', async (request, reply) => {
    if (reply.statusCode === 403 && request.principal.actor !== '') await refusals.denied(request);
  });
  return { wrongKeys, refusals };
}

const uncovered = (role: string, needed: readonly string[]): string =>
  needed.length === 0
    ? 'This operation is closed.'
    : `The role ${role} does not cover this: it takes ${needed.join(' or ')}. An admin can change roles.`;

/** Who has signed in in the browser that asks; null: nobody, or another site made it ask. */
export async function signedIn(request: FastifyRequest, deps: Guarding): Promise<Principal | null> {
  const cookie = cookieOf(request, SESSION);
  if (cookie === undefined || !mayUseCookie(request)) return null;
  const { query, clock, sessionTimes, adminKey } = deps;
  const now = { nowMs: clock.now(), times: sessionTimes(), adminActor: actorOf(adminKey()) };
  return principalOfSession(query, cookie, now);
}

/** Null: nobody who is known. */
async function principalOf(request: FastifyRequest, deps: Guarding): Promise<Result<Principal> | null> {
  const { authorization } = request.headers;
  const { adminKey, query, clock } = deps;
  if (authorization === undefined) {
    const found = await signedIn(request, deps);
    return found && ok(found);
  }
  const actor = adminOf(authorization, adminKey());
  if (actor !== null) return ok({ actor, role: 'admin', teams: null, user: null, token: null });
  const bearer = bearerOf(authorization);
  if (bearer === undefined) return null;
  const found = await principalOfToken(query, bearer, clock.now());
  return found === null || found.ok ? found : refused(withScheme(found.refusal));
}

const withScheme = <T extends object>(refusal: T) => ({ ...refusal, headers: { 'www-authenticate': 'Bearer' } });

async function refuseStranger(
  { id, ip, method, url, log, headers }: FastifyRequest,
  reply: FastifyReply,
  { deps, wrongKeys, refusals }: { deps: Guarding; wrongKeys: WrongKeys; refusals: Refusals },
): Promise<FastifyReply> {
  const path = url.split('?', 1)[0]!;
  const sent = headers.authorization !== undefined;
  log.warn({ ip, method, path, sent }, 'no admin key');
  deps.onWrongKey?.('admin_key');
  reply.header('x-request-id', id);
  if (!sent) return sendRefusal(reply, unauthorized);
  const address = addressOf(ip) ?? ip;
  const waitMs = wrongKeys.count(address, performance.now());
  await refusals.stranger(address, { method, path });
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  return sendRefusal(reply, unauthorized);
}
