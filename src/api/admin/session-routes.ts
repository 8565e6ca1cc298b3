/** Signing in and out: `/admin/v1/session`. A session is for browsers; scripts send a key or a token. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Guesses } from '../../identity/guesses.js';
import { isOfTeams, type Principal, roles } from '../../identity/roles.js';
import { deleteSession, findForSignIn, passwordOf, type SignedIn } from '../../identity/sessions-pg.js';
import { emailOf } from '../../identity/user.js';
import * as users from '../../identity/users.js';
import { findUser } from '../../identity/users-pg.js';
import { ok, type Refusal, type Result, refuse, refused } from '../../lib/errors.js';
import { addressOf } from '../../lib/forwarded.js';
import type { AdminApp } from './admin-api.js';
import { adminOf } from './auth.js';
import { clearCookie, isOwnPage, SESSION } from './cookies.js';
import { sendRefusal } from './errors.js';
import { type Strangers, signedIn } from './gate.js';
import { baseOf } from './oidc-routes.js';
import { write } from './once.js';
import { route } from './route.js';
import { audited, begin, type SigningIn } from './session-begin.js';
import { password, showUser, userAnswer } from './user-schemas.js';

const credentials = z
  .strictObject({
    admin_key: z.string().min(1).max(1_000).optional().describe('The admin key.'),
    email: z.string().trim().min(1).max(300).optional().describe('The address of a user.'),
    password: z.string().min(1).max(1_000).optional().describe("The user's password."),
  })
  .refine(
    ({ admin_key, email, password: given }) =>
      admin_key === undefined ? email !== undefined && given !== undefined : (email ?? given) === undefined,
    'say admin_key, or email and password',
  )
  .meta({ id: 'Credentials' });

const sessionAnswer = z
  .object({
    actor: z.string().describe('Who it is, in the words of the audit log.'),
    role: z.enum(roles).describe('What may be done.'),
    teams: z.array(z.string()).nullable().describe('The teams that it has to do with; null: all.'),
    user: userAnswer.nullable().describe('The user; null: the admin key.'),
    ends_at: z.string().describe('When the session ends unless it is used.'),
  })
  .meta({ id: 'Session' });

const signInAnswer = z
  .object({
    session: sessionAnswer.nullable().describe('null: nobody has signed in.'),
    ways: z
      .object({
        admin_key: z.boolean().describe('With the admin key.'),
        password: z.boolean().describe('With an address and a password.'),
        oidc: z.string().nullable().describe('By OIDC: what the button is called. null: not.'),
      })
      .describe('How to sign in.'),
  })
  .meta({ id: 'SignIn' });

const signedOut = z
  .object({
    signed_out: z.boolean().describe('true.'),
    end_session_url: z
      .string()
      .nullable()
      .describe('Where the browser goes on to sign out at the issuer too; null: there is nothing of the kind.'),
  })
  .meta({ id: 'SignedOut' });

const newPassword = z
  .strictObject({
    current: z.string().min(1).max(1_000).describe('The password until now.'),
    password,
  })
  .meta({ id: 'PasswordChange' });

const wrong = refuse('invalid_api_key', 'The address or the password is wrong, or this user may not sign in.');
const wrongKey = refuse(
  'invalid_api_key',
  'This is not the admin key. The first start of the gateway says where it is.',
);
const otherSite = refuse('insufficient_scope', 'Another site made the browser ask for this.');
const busy = refuse('unavailable', 'Too many are signing in. Try again in a moment.');
const noSession = refuse('invalid_value', 'This needs a session of a user: sign in with a password.');

const slowDown = (waitMs: number): Refusal =>
  refuse('rate_limit_exceeded', `Too many wrong passwords. Try again in ${Math.ceil(waitMs / 1000)} seconds.`, {
    headers: { 'retry-after-ms': String(Math.ceil(waitMs)) },
  });

export function sessionRoutes(app: AdminApp, deps: SigningIn, strangers: Strangers): void {
  const { query, clock, passwords } = deps;
  const guesses = new Guesses();

  /** Whether this is the password of an account; what was tried is counted. */
  async function isRight(ip: string, account: string, given: string, kept: string | null): Promise<Result<boolean>> {
    const address = addressOf(ip) ?? ip;
    const waitMs = guesses.waitMs(address, account, clock.monotonic());
    if (waitMs > 0) return refused(slowDown(waitMs));
    // Counted before it is known, so that many at once do not get by.
    guesses.failed(address, account, clock.monotonic());
    const right = await passwords.matches(given, kept);
    if (right === null) {
      guesses.takenBack(address, account);
      return refused(busy);
    }
    if (right) guesses.succeeded(address, account);
    else {
      deps.onWrongKey?.('password');
      await strangers.refusals.signIn(address, account);
    }
    return ok(right);
  }

  async function byPassword(ip: string, email: string, given: string): Promise<Result<SignedIn>> {
    const account = emailOf(email) ?? '(no address)';
    const user = await findForSignIn(query, account);
    const right = await isRight(ip, account, given, user?.blocked ? null : (user?.password ?? null));
    if (!right.ok) return right;
    return right.value ? ok({ user: user!.id, admin: null, password: user!.password! }) : refused(wrong);
  }

  async function byAdminKey({ ip, method, url }: FastifyRequest, key: string): Promise<Result<SignedIn>> {
    const admin = adminOf(`Bearer ${key.trim()}`, deps.adminKey());
    if (admin !== null) return ok({ user: null, admin });
    const address = addressOf(ip) ?? ip;
    deps.onWrongKey?.('admin_key');
    const waitMs = strangers.wrongKeys.count(address, performance.now());
    await strangers.refusals.stranger(address, { method, path: url });
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    return refused(wrongKey);
  }

  const shown = async (principal: Principal) => {
    const user = principal.user === null ? null : await findUser(query, principal.user);
    const teams = isOfTeams(principal.role) ? [...(principal.teams ?? [])].sort() : null;
    return {
      ...{ actor: principal.actor, role: principal.role, teams, user: user && showUser(user) },
      ends_at: new Date(principal.session?.endsAt ?? clock.now()).toISOString(),
    };
  };
  const answer = async (principal: Principal | null) => ({
    session: principal && (await shown(principal)),
    ways: { admin_key: deps.adminKey() !== '', password: true, oidc: deps.oidc()?.name ?? null },
  });

  /** Whoever signed out here is signed out here, also while the issuer is away. */
  const endSessionUrl = async (request: FastifyRequest): Promise<string | null> => {
    const oidc = deps.oidc();
    return oidc && (await oidc.endSessionUrl(`${baseOf(request, oidc.url)}/ui/`).catch(() => null));
  };

  route(app, 'getSession', {
    schema: { response: { 200: signInAnswer } },
    handler: async (request) => answer(await signedIn(request, deps)),
  });

  route(app, 'createSession', {
    schema: { body: credentials, response: { 200: signInAnswer } },
    handler: async (request, reply) => {
      if (!isOwnPage(request)) return sendRefusal(reply, otherSite);
      const { admin_key: key, email, password: given } = request.body;
      const found = key === undefined ? await byPassword(request.ip, email!, given!) : await byAdminKey(request, key);
      if (!found.ok) return sendRefusal(reply, found.refusal);
      const by = key === undefined ? 'password' : 'admin_key';
      const principal = await begin(request, reply, deps, found.value, { by });
      return principal ? answer(principal) : sendRefusal(reply, wrong);
    },
  });

  route(app, 'deleteSession', {
    schema: { response: { 200: signedOut } },
    handler: async (request, reply) => {
      const { session, actor } = request.principal;
      if (session) {
        await deleteSession(query, session.hash);
        await audited(deps, actor, 'session.end');
      }
      clearCookie(request, reply, SESSION);
      return { signed_out: true, end_session_url: session?.oidc ? await endSessionUrl(request) : null };
    },
  });

  route(app, 'changePassword', {
    schema: { body: newPassword, response: { 200: userAnswer } },
    handler: async (request, reply) => {
      const { user, session } = request.principal;
      if (user === null || !session) return sendRefusal(reply, noSession);
      const { current, password: next } = request.body;
      const before = await passwordOf(query, user);
      const right = await isRight(request.ip, user, current, before);
      if (!right.ok) return sendRefusal(reply, right.refusal);
      if (!right.value) return sendRefusal(reply, users.notYourPassword);
      const kept = await passwords.hash(next);
      if (kept === null) return sendRefusal(reply, busy);
      return write(deps, request, reply, async ({ tx }) => {
        const by = { tx, actor: request.adminActor, nowMs: clock.now() };
        const changed = await users.changePassword(by, user, { before: before!, password: kept, except: session.hash });
        return changed.ok ? ok({ status: 200, body: showUser(changed.value) }) : changed;
      });
    },
  });
}
