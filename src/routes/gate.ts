/**
 * Who is calling a route. Each configured way looks for a credential of its own kind; the first whose credential is good lets
 * the request in, a bad credential is refused, and none at all is the anonymous consumer where there is one. What was used as
 * a credential does not go upstream.
 */
import type { AuthConfig } from '../config/classic-routes.js';
import { mayComeFrom } from '../identity/allow.js';
import type { Authenticator } from '../identity/authenticate.js';
import type { Caller } from '../identity/key.js';
import { resembles } from '../identity/secret.js';
import { type JwtDeps, looksLikeJwt } from '../jwt/verifier.js';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import { BasicAuth } from './auth-basic.js';
import { askForward, type Verdict } from './auth-forward.js';
import { Introspection } from './auth-introspection.js';
import { JwtAuth } from './auth-jwt.js';
import { consumerFrom } from './claims.js';
import { type Consumer, consumerOf, NOBODY } from './consumer.js';
import type { Visit } from './visit.js';

export interface GateDeps extends JwtDeps {
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  readonly onRefused: (reason: string) => void;
}

export type Judged = Result<Consumer> | Verdict;

const OPEN: Judged = ok(NOBODY);
export const KEY_HEADERS: readonly string[] = ['authorization', 'x-api-key', 'api-key'];
/** The endpoint that a key's `endpoints` must name to be good for routes. */
const ENDPOINT = 'routes';

/** Headers that a client may never set on a route with such authentication. */
export function claimedHeaders(auth: AuthConfig): string[] {
  return [
    ...Object.values(auth.jwt?.claims_to_headers ?? {}),
    ...Object.values(auth.introspection?.claims_to_headers ?? {}),
    ...Object.values(auth.forward?.response_headers ?? {}),
  ];
}

export class Gate {
  readonly #auth: AuthConfig;
  readonly #route: string;
  readonly #sent: readonly string[];
  readonly #deps: GateDeps;
  readonly #jwt: JwtAuth | null;
  readonly #introspection: Introspection | null;
  readonly #basic: BasicAuth | null;
  readonly #anonymous: Judged | null;
  readonly #challenge: Result<never>;
  readonly #ofCaller = new WeakMap<Caller, Consumer>();
  readonly #ofClaims = new WeakMap<object, Result<Consumer>>();

  /** `sent`: claims that templates of the route send upstream. */
  constructor(auth: AuthConfig, route: string, sent: readonly string[], deps: GateDeps) {
    this.#auth = auth;
    this.#sent = sent;
    this.#route = route;
    this.#deps = deps;
    this.#jwt = auth.jwt ? new JwtAuth(auth.jwt, deps) : null;
    this.#introspection = auth.introspection
      ? new Introspection(auth.introspection, deps.ask, deps.clock, deps.onFault)
      : null;
    this.#basic = auth.basic ? new BasicAuth(auth.basic) : null;
    const { anonymous } = auth;
    this.#anonymous = anonymous ? ok(consumerOf({ kind: 'anonymous', id: anonymous.consumer ?? 'anonymous' })) : null;
    this.#challenge = refused(challengeOf(auth));
  }

  check(visit: Visit): Judged | Promise<Judged> {
    const { key, jwt, introspection } = this.#auth;
    if (this.#auth.none) return OPEN;
    if (key) {
      const token = this.#keyOf(visit);
      if (token !== undefined && (resembles(token) || (!jwt && !introspection))) return this.#byKey(visit, token);
    }
    const token = bearerOf(visit, jwt);
    if (this.#jwt && token !== undefined && (looksLikeJwt(token) || !this.#introspection))
      return this.#byJwt(visit, token);
    if (this.#introspection && token !== undefined) return this.#byIntrospection(visit, token);
    const basic = this.#basic && credentialsOf(visit, 'basic');
    if (this.#basic && basic) {
      if (!this.#auth.basic!.forward_token) hide(visit, basic);
      return this.#counted(this.#basic.check(basic));
    }
    if (this.#auth.forward) return askForward(this.#auth.forward, visit, this.#deps.ask, this.#deps.onFault);
    if (this.#anonymous && token === undefined) return this.#anonymous;
    this.#deps.onRefused(token === undefined ? 'missing' : 'unknown');
    return this.#challenge;
  }

  #counted(result: Result<Consumer>): Result<Consumer> {
    if (!result.ok) this.#deps.onRefused(result.refusal.code);
    return result;
  }

  #keyOf(visit: Visit): string | undefined {
    const { headers, query } = this.#auth.key!;
    for (const name of headers ?? KEY_HEADERS) {
      const value = visit.header(name);
      if (value === undefined) continue;
      if (name !== 'authorization') return value;
      const bearer = afterScheme(value, 'bearer');
      if (bearer !== undefined) return bearer;
      if (!value.includes(' ')) return value;
    }
    return query === undefined ? undefined : queryValue(visit.query, query);
  }

  #byKey(visit: Visit, token: string): Judged | Promise<Judged> {
    if (!this.#auth.key!.forward_token) {
      hide(visit, token);
      if (this.#auth.key!.query !== undefined) visit.query = withoutQuery(visit.query, this.#auth.key!.query);
    }
    const known = this.#deps.authenticator.authenticate(token);
    return known instanceof Promise ? known.then((result) => this.#admit(visit, result)) : this.#admit(visit, known);
  }

  #admit(visit: Visit, known: Result<Caller>): Result<Consumer> {
    if (!known.ok) return known;
    const { key, team } = known.value;
    if (!mayComeFrom(key, visit.ip))
      return refused(
        refuse('ip_not_allowed', 'This key may not be used from your address. Ask its owner to allow it.'),
      );
    const { endpoints } = key;
    if (endpoints !== null && !endpoints.includes(ENDPOINT))
      return refused(
        refuse('endpoint_not_allowed', `This key may not use routes. It may use: ${endpoints.join(', ')}.`),
      );
    const { teams } = this.#auth.key!;
    if (teams && (key.team === null || !teams.includes(key.team)))
      return refused(refuse('endpoint_not_allowed', `This key may not use the route ${this.#route}.`));
    let consumer = this.#ofCaller.get(known.value);
    if (!consumer) {
      const { id, name } = key;
      consumer = consumerOf({ kind: 'key', id, name, team: key.team, key, teamLimits: team?.limits ?? [] });
      this.#ofCaller.set(known.value, consumer);
    }
    return ok(consumer);
  }

  #byJwt(visit: Visit, token: string): Judged | Promise<Judged> {
    if (!this.#auth.jwt!.forward_token) this.#hideToken(visit, token);
    const known = this.#jwt!.verify(token);
    const then = (result: Result<object>): Judged => this.#counted(this.#fromClaims(result, 'jwt'));
    return known instanceof Promise ? known.then(then) : then(known);
  }

  #byIntrospection(visit: Visit, token: string): Judged | Promise<Judged> {
    if (!this.#auth.introspection!.forward_token) this.#hideToken(visit, token);
    const known = this.#introspection!.check(token);
    const then = (result: Result<object>): Judged => this.#counted(this.#fromClaims(result, 'introspection'));
    return known instanceof Promise ? known.then(then) : then(known);
  }

  #fromClaims(result: Result<object>, kind: 'jwt' | 'introspection'): Result<Consumer> {
    if (!result.ok) return result;
    let judged = this.#ofClaims.get(result.value);
    if (!judged) {
      const defaults = kind === 'jwt' ? ['sub'] : ['sub', 'client_id', 'username'];
      judged = consumerFrom(result.value as Record<string, unknown>, this.#auth[kind]!, kind, defaults, this.#sent);
      this.#ofClaims.set(result.value, judged);
    }
    return judged;
  }

  #hideToken(visit: Visit, token: string): void {
    hide(visit, token);
    visit.hiddenCookie = this.#auth.jwt?.cookie ?? null;
    const query = this.#auth.jwt?.query;
    if (query !== undefined) visit.query = withoutQuery(visit.query, query);
  }
}

/** Every header that holds the credential is kept from the upstream. */
function hide(visit: Visit, credential: string): void {
  const { headers } = visit.req;
  for (const name in headers) {
    const value = headers[name];
    if (name === 'cookie') continue;
    if (typeof value === 'string' && value.length >= credential.length && value.includes(credential))
      (visit.hidden ??= []).push(name);
  }
}

function afterScheme(value: string, scheme: string): string | undefined {
  return value.length > scheme.length &&
    value.charCodeAt(scheme.length) === 32 &&
    value.slice(0, scheme.length).toLowerCase() === scheme
    ? value.slice(scheme.length + 1).trim()
    : undefined;
}

function credentialsOf(visit: Visit, scheme: string): string | undefined {
  const { authorization } = visit.req.headers;
  return authorization === undefined ? undefined : afterScheme(authorization, scheme);
}

function bearerOf(visit: Visit, jwt: AuthConfig['jwt']): string | undefined {
  const header = jwt?.header;
  const written = header === undefined || header === 'authorization' ? undefined : visit.header(header);
  const token = written !== undefined ? (afterScheme(written, 'bearer') ?? written) : credentialsOf(visit, 'bearer');
  if (token !== undefined) return token;
  const { cookie } = visit.req.headers;
  const named = jwt?.cookie === undefined || cookie === undefined ? undefined : cookieValue(cookie, jwt.cookie);
  return named ?? (jwt?.query === undefined ? undefined : queryValue(visit.query, jwt.query));
}

/** The value of a cookie. */
export function cookieValue(cookies: string, name: string): string | undefined {
  for (const pair of cookies.split(';')) {
    const equals = pair.indexOf('=');
    if (equals !== -1 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}

export function queryValue(query: string, name: string): string | undefined {
  return query.includes(name) ? (new URLSearchParams(query).get(name) ?? undefined) : undefined;
}

/** The rest stays as it was written. */
export function withoutQuery(query: string, name: string): string {
  if (query === '') return query;
  const kept = query
    .slice(1)
    .split('&')
    .filter((pair) => !new URLSearchParams(pair).has(name));
  return kept.length === 0 ? '' : `?${kept.join('&')}`;
}

function challengeOf(auth: AuthConfig): Refusal {
  const schemes = [
    ...(auth.key || auth.jwt || auth.introspection ? ['Bearer'] : []),
    ...(auth.basic ? [`Basic realm="${auth.basic.realm ?? 'tollgate'}", charset="UTF-8"`] : []),
  ];
  const header = schemes.length > 0 ? { headers: { 'www-authenticate': schemes.join(', ') } } : {};
  if (auth.key && !auth.jwt && !auth.introspection && !auth.basic)
    return refuse(
      'invalid_api_key',
      'No API key was sent. Send yours as `Authorization: Bearer sk-tg-...`, `x-api-key` or `api-key`.',
      header,
    );
  return refuse('invalid_token', 'This needs a credential, and none that is known was sent.', header);
}
