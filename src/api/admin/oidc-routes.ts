/**
 * Signing in by OIDC: the browser is sent to the issuer (`/session/oidc`) and comes back (`/session/oidc/callback`). What ties the
 * two together is a cookie that only this browser has, and a row in Postgres that is taken once, so that they may happen at two
 * gateways. Nonce and verifier are made of the cookie and the state, and are kept nowhere. What goes wrong is told on the
 * page of the sign-in by a word of a closed set; nothing that the issuer or an address says is shown.
 */
import { createHash, createHmac } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { accessOf, type OidcRules } from '../../identity/oidc-access.js';
import { identityOf, signInByOidc } from '../../identity/oidc-users.js';
import { insertSignIn, takeSignIn } from '../../identity/sign-ins-pg.js';
import { ok } from '../../lib/errors.js';
import { addressOf } from '../../lib/forwarded.js';
import { randomSecret } from '../../lib/ids.js';
import { networkOf } from '../../lib/network-of.js';
import { messageOf } from '../../lib/thrown.js';
import type { AdminApp } from './admin-api.js';
import { cookieOf, setCookie } from './cookies.js';
import type { Strangers } from './gate.js';
import { localPath } from './return-path.js';
import { route } from './route.js';
import { begin, type SigningIn } from './session-begin.js';

interface Binding {
  readonly redirectUri: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** An issuer, as far as it is asked here. Both reject with an error that has a `kind` of `reasons`. */
export interface OidcSignIn {
  readonly name: string;
  readonly issuer: string;
  /** Where browsers reach the gateway; null: as the browser says. */
  readonly url: string | null;
  readonly rules: OidcRules;
  authorizationUrl(binding: Binding): Promise<string>;
  claims(query: string, binding: Binding): Promise<Readonly<Record<string, unknown>>>;
  /** Null: it has no place to sign out. */
  endSessionUrl(returnTo: string): Promise<string | null>;
}

/** What the page of the sign-in has words for. */
const reasons = ['away', 'denied', 'invalid', 'expired', 'no_access', 'blocked', 'busy', 'off', 'unavailable'] as const;
type Reason = (typeof reasons)[number];

const BROWSER = 'tollgate_sign_in';
const LASTS_MS = 600_000;
const MOST_OF_NETWORK = 300;
const CALLBACK = '/admin/v1/session/oidc/callback';

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
const made = (secret: string, of: string): string => createHmac('sha256', secret).update(of).digest('base64url');

const found = { 302: z.null().describe('The browser is led on by `Location`.') };
const startQuery = z.strictObject({
  to: z.string().max(1_000).optional().describe('The page of the console that it leads to, such as /ui/keys.'),
});
/** Issuers may add what they like. */
const callbackQuery = z
  .object({
    state: z.string().max(200).optional().describe('Of the sign-in that was begun.'),
    code: z.string().max(8_000).optional().describe('What the issuer gives for it.'),
    error: z.string().max(200).optional().describe('Why the issuer did not.'),
  })
  .loose();

export function oidcRoutes(app: AdminApp, deps: SigningIn, strangers: Strangers): void {
  const { query, clock, keys } = deps;
  const begun = new LRUCache<string, number>({ max: 10_000, ttl: LASTS_MS, noUpdateTTL: true });

  const failed = (request: FastifyRequest, reply: FastifyReply, reason: Reason, words?: string): FastifyReply => {
    request.log.warn({ reason, error: words }, 'a sign-in by OIDC failed');
    return reply.redirect(`/ui/?sign_in=${reason}`, 302);
  };
  const faulted = (request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply => {
    const kind = (error as { kind?: Reason }).kind;
    if (kind === 'invalid' || kind === 'denied') deps.onWrongKey?.('oidc');
    // What is no fault of the issuer's is the database's.
    return failed(request, reply, kind && reasons.includes(kind) ? kind : 'unavailable', messageOf(error));
  };
  const isMany = (ip: string): boolean => {
    const network = networkOf(addressOf(ip) ?? ip);
    const count = (begun.get(network) ?? 0) + 1;
    begun.set(network, count);
    return count > MOST_OF_NETWORK;
  };
  const bindingOf = (request: FastifyRequest, { url }: OidcSignIn, browser: string, state: string): Binding => ({
    redirectUri: `${baseOf(request, url)}${CALLBACK}`,
    ...{ state, nonce: made(browser, `nonce ${state}`), verifier: made(browser, `verifier ${state}`) },
  });

  route(app, 'beginOidc', {
    hide: true,
    schema: { querystring: startQuery, response: found },
    handler: async (request, reply) => {
      const oidc = deps.oidc();
      if (!oidc) return failed(request, reply, 'off');
      if (isMany(request.ip)) return failed(request, reply, 'busy');
      // Several may be under way in the windows of one browser.
      const browser = secretIn(request) ?? randomSecret(32).toString('base64url');
      const state = randomSecret(32).toString('base64url');
      try {
        const to = await oidc.authorizationUrl(bindingOf(request, oidc, browser, state));
        const nowMs = clock.now();
        const row = { state: sha256(state), browser: sha256(browser), returnTo: localPath(request.query.to) };
        if (!(await insertSignIn(query, row, { nowMs, endsMs: nowMs + LASTS_MS })))
          return failed(request, reply, 'busy');
        const secure = oidc.url?.startsWith('https:');
        setCookie(request, reply, BROWSER, browser, { maxAgeS: LASTS_MS / 1000, sameSite: 'Lax', secure });
        return reply.redirect(to, 302);
      } catch (error) {
        return faulted(request, reply, error);
      }
    },
  });

  /** Whoever is refused is counted, and in the audit log. */
  const refuse = async (request: FastifyRequest, reply: FastifyReply, reason: Reason, account = 'oidc') => {
    deps.onWrongKey?.('oidc');
    await strangers.refusals.signIn(addressOf(request.ip) ?? request.ip, account);
    return failed(request, reply, reason);
  };

  route(app, 'endOidc', {
    hide: true,
    schema: { querystring: callbackQuery, response: found },
    handler: async (request, reply) => {
      const oidc = deps.oidc();
      if (!oidc) return failed(request, reply, 'off');
      try {
        return await end(request, reply, oidc, request.query.state);
      } catch (error) {
        return faulted(request, reply, error);
      }
    },
  });

  async function end(request: FastifyRequest, reply: FastifyReply, oidc: OidcSignIn, state: string | undefined) {
    const browser = secretIn(request);
    if (browser === undefined || state === undefined) return refuse(request, reply, 'expired');
    const returnTo = await takeSignIn(query, sha256(state), sha256(browser), clock.now());
    if (returnTo === null) return refuse(request, reply, 'expired');
    const asked = request.raw.url!.split('?').slice(1).join('?');
    const claims = await oidc.claims(asked, bindingOf(request, oidc, browser, state));
    const identity = identityOf(oidc.issuer, claims);
    if (!identity) return refuse(request, reply, 'invalid');
    const access = accessOf(claims, oidc.rules);
    const result = await keys.write('oidc', async ({ tx }) =>
      ok(await signInByOidc({ tx, actor: 'oidc', nowMs: clock.now() }, identity, access)),
    );
    if (!result.ok) return refuse(request, reply, 'invalid');
    if ('refused' in result.value) return refuse(request, reply, result.value.refused, identity.subject);
    const of = { user: result.value.user.id, admin: null, password: null };
    const secure = oidc.url?.startsWith('https:');
    const principal = await begin(request, reply, deps, of, { by: 'oidc', secure });
    return principal ? reply.redirect(returnTo, 302) : refuse(request, reply, 'blocked');
  }
}

/** Where the browser reaches the gateway. */
export const baseOf = ({ protocol, host }: FastifyRequest, url: string | null): string =>
  url ?? `${protocol}://${host}`;

const secretIn = (request: FastifyRequest): string | undefined => {
  const cookie = cookieOf(request, BROWSER);
  return cookie !== undefined && /^[\w-]{43}$/.test(cookie) ? cookie : undefined;
};
