/**
 * Who may call what of the admin API: one hook in front of every route of it, before anything of a body is read. Who calls is
 * the request's `principal`; what the operation needs stands in `access.ts`. Whoever tries wrong keys is slowed down.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Principal } from '../../identity/roles.js';
import { refuse } from '../../lib/errors.js';
import { addressOf } from '../../lib/forwarded.js';
import { newId } from '../../lib/ids.js';
import { needOf } from '../access.js';
import { adminOf } from './auth.js';
import { sendRefusal, unauthorized } from './errors.js';
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
  /** The admin key now in force. Empty: nobody is the admin. */
  readonly adminKey: () => string;
  /** Somebody without the admin key asked for what needs it, for metrics. */
  readonly onWrongKey?: () => void;
}

const NOBODY: Principal = { actor: '', role: 'member', teams: new Set() };

const SANE_ID = /^[\w.:/+=@-]{1,128}$/;
const requestIdOf = (given: unknown): string =>
  typeof given === 'string' && SANE_ID.test(given) ? given : newId('req');

export function guard(app: FastifyInstance, deps: Guarding): void {
  const wrongKeys = new WrongKeys();
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
    const principal = principalOf(request, deps);
    if (principal === null) return refuseStranger(request, reply, deps, wrongKeys);
    request.principal = principal;
    // A path that does not exist is told of to everybody who is known.
    if (operationId === undefined || needOf(operationId).roles.includes(principal.role)) return;
    return sendRefusal(reply, refuse('insufficient_scope', `The role ${principal.role} does not cover this.`));
  });
}

function principalOf(request: FastifyRequest, { adminKey }: Guarding): Principal | null {
  const actor = adminOf(request.headers.authorization, adminKey());
  return actor === null ? null : { actor, role: 'admin', teams: null };
}

async function refuseStranger(
  { ip, method, url, log, headers }: FastifyRequest,
  reply: FastifyReply,
  deps: Guarding,
  wrongKeys: WrongKeys,
): Promise<FastifyReply> {
  const requestId = requestIdOf(headers['x-request-id']);
  const path = url.split('?', 1)[0];
  log.warn({ request_id: requestId, ip, method, path, sent: headers.authorization !== undefined }, 'no admin key');
  deps.onWrongKey?.();
  const waitMs = headers.authorization === undefined ? 0 : wrongKeys.count(addressOf(ip) ?? ip, performance.now());
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  reply.header('x-request-id', requestId);
  return sendRefusal(reply, unauthorized);
}
