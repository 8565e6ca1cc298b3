/** How a session begins, whichever way somebody signed in, and what signing in needs. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isOfTeams, type Principal } from '../../identity/roles.js';
import { beginSession } from '../../identity/sessions.js';
import { deleteSession, type SignedIn } from '../../identity/sessions-pg.js';
import { userSeen } from '../../identity/tokens-pg.js';
import { findUser } from '../../identity/users-pg.js';
import { ok } from '../../lib/errors.js';
import type { Json } from '../../lib/json.js';
import { SESSION, setCookie } from './cookies.js';
import { type Guarding, signedIn } from './gate.js';
import type { OidcSignIn } from './oidc-routes.js';
import type { People } from './users-routes.js';

export interface SigningIn extends People, Guarding {
  /** Who signs in by OIDC; null: nobody does. */
  readonly oidc: () => OidcSignIn | null;
}

/**
 * A new session, whatever cookie there was: what a browser held before it signed in is worth nothing after. Null: the password
 * was changed meanwhile.
 */
export async function begin(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: SigningIn,
  of: SignedIn,
  { by, secure }: { readonly by: 'admin_key' | 'password' | 'oidc'; readonly secure?: boolean | undefined },
): Promise<Principal | null> {
  const { query, clock, sessionTimes } = deps;
  const before = await signedIn(request, deps);
  if (before?.session) await deleteSession(query, before.session.hash);
  const times = sessionTimes();
  const secret = await beginSession(query, of, clock.now(), times);
  if (secret === null) return null;
  if (of.user !== null) await userSeen(query, of.user, clock.now());
  setCookie(request, reply, SESSION, secret, { maxAgeS: Math.floor(times.longest / 1000), sameSite: 'Strict', secure });
  const actor = of.user === null ? of.admin : `user:${of.user}`;
  await audited(deps, actor, 'session.begin', { by });
  const user = of.user === null ? null : await findUser(query, of.user);
  const role = user?.role ?? 'admin';
  const teams = user && isOfTeams(user.role) ? new Set(user.teams) : null;
  const session = { hash: Buffer.alloc(0), endsAt: clock.now() + times.idle, oidc: by === 'oidc' };
  return { actor, role, teams, user: of.user, token: null, session };
}

export const audited = ({ keys, clock }: SigningIn, actor: string, action: string, detail: Json = {}) =>
  keys.write(actor, async ({ tx }) => {
    await tx.audit({ at: clock.now(), actor, action, subject: actor, detail });
    return ok(null);
  });
