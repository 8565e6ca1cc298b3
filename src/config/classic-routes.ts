/**
 * Classic routes as used: secrets and certificates are read, limits are limits of the engine. What is left out stays left
 * out: its default belongs to the part of `src/routes` that acts on it.
 */
import { resolve as resolvePath } from 'node:path';
import type { LimitSpec } from '../lib/limit-spec.js';
import { HIDDEN, hide, hideAll, hideInUrl } from './hide.js';
import type { Path } from './problem.js';
import type { WrittenAuth } from './route-auth-schema.js';
import type { Policy, WrittenRoute } from './route-schema.js';
import type { WrittenSecret } from './scalars.js';

type Secrets<T> = T extends WrittenSecret ? string : T;
type Read<T, K extends keyof T> = Omit<T, K> & { readonly [N in K]: Secrets<T[N]> | Extract<T[N], undefined> };

export type JwtConfig = Omit<NonNullable<WrittenAuth['jwt']>, 'secret' | 'jwks_file'> & {
  readonly secret: string | undefined;
  /** The content of `jwks_file`. */
  readonly jwks: string | undefined;
};
export type IntrospectionConfig = Read<NonNullable<WrittenAuth['introspection']>, 'client_secret'>;
export type BasicConfig = Omit<NonNullable<WrittenAuth['basic']>, 'users'> & {
  readonly users: Readonly<Record<string, string>>;
};
export type KeyAuthConfig = NonNullable<WrittenAuth['key']>;
export type ForwardAuthConfig = NonNullable<WrittenAuth['forward']>;
export interface AuthConfig {
  readonly key?: KeyAuthConfig | undefined;
  readonly jwt?: JwtConfig | undefined;
  readonly introspection?: IntrospectionConfig | undefined;
  readonly basic?: BasicConfig | undefined;
  readonly forward?: ForwardAuthConfig | undefined;
  readonly anonymous?: { readonly consumer?: string | undefined } | undefined;
  readonly none?: object | undefined;
}
export interface RouteLimitConfig {
  readonly spec: LimitSpec;
  readonly by: 'route' | 'consumer' | 'ip' | { readonly header: string };
}
/** Certificates as their text. */
export interface TlsConfig {
  readonly verify?: boolean | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly server_name?: string | undefined;
}
export type BreakerConfig = NonNullable<WrittenRoute['breaker']>;
export type UpstreamConfig = Omit<NonNullable<WrittenRoute['upstream']>, 'tls'> & {
  readonly tls?: TlsConfig | undefined;
};
export type PartConfig = Omit<NonNullable<WrittenRoute['compose']>[number], 'tls'> & {
  readonly tls?: TlsConfig | undefined;
};
export type RouteConfig = Omit<WrittenRoute, 'auth' | 'limits' | 'upstream' | 'compose'> & {
  readonly auth: AuthConfig;
  readonly limits: readonly RouteLimitConfig[];
  readonly upstream?: UpstreamConfig | undefined;
  readonly compose?: readonly PartConfig[] | undefined;
};
export type { Policy };
export type CorsConfig = NonNullable<WrittenRoute['cors']>;
export type CacheConfig = NonNullable<WrittenRoute['cache']>;
export type RequestChanges = NonNullable<WrittenRoute['request']>;
export type HeaderChanges = NonNullable<RequestChanges['headers']>;
export type BodyChanges = NonNullable<RequestChanges['body']>;
export type ConditionalChanges = NonNullable<NonNullable<WrittenRoute['response']>['when']>[number];
export type HealthConfig = NonNullable<UpstreamConfig['health']>;

type Report = (path: Path, message: string) => void;
type ReadSecret = (path: Path, value: WrittenSecret) => string;

export function resolveRoutes(
  written: readonly WrittenRoute[],
  baseDir: string,
  secret: ReadSecret,
  read: (file: string) => Buffer,
  report: Report,
): RouteConfig[] {
  const file = (path: Path, name: string | undefined): string | undefined => {
    if (name === undefined) return undefined;
    const full = resolvePath(baseDir, name);
    try {
      return read(full).toString('utf8');
    } catch (error) {
      report(path, `cannot read ${full}: ${(error as NodeJS.ErrnoException).code}`);
      return undefined;
    }
  };
  const tls = (path: Path, value: NonNullable<WrittenRoute['upstream']>['tls']): TlsConfig | undefined =>
    value && {
      ...value,
      ca: file([...path, 'ca'], value.ca),
      cert: file([...path, 'cert'], value.cert),
      key: file([...path, 'key'], value.key),
    };
  return written.map((route, i) => {
    const at: Path = ['routes', i];
    return {
      ...route,
      auth: resolveAuth(route.auth, [...at, 'auth'], secret, file, report),
      limits: (route.limits ?? []).map(limitOf),
      upstream: route.upstream && { ...route.upstream, tls: tls([...at, 'upstream', 'tls'], route.upstream.tls) },
      compose: route.compose?.map((part, n) => ({ ...part, tls: tls([...at, 'compose', n, 'tls'], part.tls) })),
    };
  });
}

function resolveAuth(
  written: WrittenAuth | undefined,
  at: Path,
  secret: ReadSecret,
  file: (path: Path, name: string | undefined) => string | undefined,
  report: Report,
): AuthConfig {
  if (!written || Object.values(written).every((one) => one === undefined)) return { key: {} };
  const { jwt, introspection, basic, ...rest } = written;
  const ways = {
    ...rest,
    jwt: jwt && longEnough(resolveJwt(jwt, [...at, 'jwt'], secret, file), [...at, 'jwt'], report),
    introspection: introspection && {
      ...introspection,
      client_secret: secret([...at, 'introspection', 'client_secret'], introspection.client_secret),
    },
    basic: basic && {
      ...basic,
      users: Object.fromEntries(
        Object.entries(basic.users).map(([user, value]) => [user, secret([...at, 'basic', 'users', user], value)]),
      ),
    },
  };
  // An anonymous consumer is what a request without a credential is: with nothing else, keys are the credentials.
  const alone = Object.entries(ways).every(([name, one]) => name === 'anonymous' || one === undefined);
  return alone ? { ...ways, key: {} } : ways;
}

interface JwtFiles {
  readonly secret?: WrittenSecret | undefined;
  readonly jwks_file?: string | undefined;
}

/** With the secret and the key set themselves. */
export const resolveJwt = <T extends JwtFiles>(
  { secret: written, jwks_file, ...jwt }: T,
  at: Path,
  secret: ReadSecret,
  file: (path: Path, name: string | undefined) => string | undefined,
) => ({
  ...jwt,
  secret: written === undefined ? undefined : secret([...at, 'secret'], written),
  jwks: file([...at, 'jwks_file'], jwks_file),
});

/** Bytes of what each of them computes: a shorter secret is easier to guess than the hash (RFC 7518 3.2). */
const HASH_BYTES: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };

/** Reports a secret that is shorter than the hash that it is for. */
export function longEnough<T extends { secret: string | undefined; algorithms?: readonly string[] | undefined }>(
  jwt: T,
  at: Path,
  report: Report,
): T {
  const least = Math.max(0, ...(jwt.algorithms ?? []).map((name) => HASH_BYTES[name] ?? 0));
  if (jwt.secret !== undefined && Buffer.byteLength(jwt.secret) < least)
    report([...at, 'secret'], `expected at least ${least} random characters`);
  return jwt;
}

function limitOf(written: NonNullable<WrittenRoute['limits']>[number]): RouteLimitConfig {
  const { unit = 'requests', max, per, by = 'consumer' } = written;
  return {
    spec: {
      unit,
      max: Number(String(max).replaceAll('_', '')),
      per: per ?? null,
      model: null,
      warn_at: [],
      timezone: 'UTC',
      on_exhausted: 'reject',
    },
    by: by.startsWith('header:') ? { header: by.slice(7).toLowerCase() } : (by as 'route' | 'consumer' | 'ip'),
  };
}

const shownAuth = ({ jwt, introspection, basic, forward, ...rest }: AuthConfig) => ({
  ...rest,
  jwt: jwt && { ...jwt, secret: hide(jwt.secret), jwks: hide(jwt.jwks), jwks_url: shownUrl(jwt.jwks_url) },
  introspection: introspection && { ...introspection, client_secret: HIDDEN, url: shownUrl(introspection.url) },
  basic: basic && { ...basic, users: hideAll(basic.users) },
  forward: forward && { ...forward, url: hideInUrl(forward.url) },
});

const shownUrl = (url: string | undefined): string | undefined => url && hideInUrl(url);

/** `set` and `add` hold values. */
const shownChanges = <T extends { set?: object | undefined; add?: object | undefined }>(changes: T | undefined) =>
  changes && {
    ...changes,
    set: hideAll(changes.set as Record<string, unknown> | undefined),
    add: hideAll(changes.add as Record<string, unknown> | undefined),
  };

const shownBody = (changes: BodyChanges | undefined) => changes && { ...changes, set: hideAll(changes.set) };

/** A route safe to show: every value that can carry a secret is hidden, and the names are not. */
export function describeRoute(route: RouteConfig) {
  const { request, response, respond, upstream, mirror, redirect } = route;
  const { health } = upstream ?? {};
  return {
    ...route,
    match: { ...route.match, headers: hideAll(route.match.headers) },
    auth: shownAuth(route.auth),
    request: request && {
      ...request,
      headers: shownChanges(request.headers),
      query: shownChanges(request.query),
      body: shownBody(request.body),
    },
    response: response && {
      ...response,
      headers: shownChanges(response.headers),
      body: shownBody(response.body),
      when: response.when?.map((one) => ({
        ...one,
        has: hideAll(one.has),
        headers: shownChanges(one.headers),
        body: shownBody(one.body),
      })),
      errors:
        response.errors &&
        Object.fromEntries(
          Object.entries(response.errors).map(([name, one]) => [name, { ...one, body: hide(one.body) }]),
        ),
    },
    respond: respond && { ...respond, headers: hideAll(respond.headers), body: hide(respond.body) },
    redirect: redirect && { ...redirect, to: hideInUrl(redirect.to) },
    mirror: mirror && { ...mirror, url: hideInUrl(mirror.url) },
    upstream: upstream && {
      ...upstream,
      targets: upstream.targets.map((target) => ({ ...target, url: hideInUrl(target.url) })),
      health: health && { ...health, path: health.path && hideInUrl(health.path) },
      tls: hideTls(upstream.tls),
    },
    compose: route.compose?.map((part) => ({
      ...part,
      url: hideInUrl(part.url),
      default: hide(part.default),
      tls: hideTls(part.tls),
    })),
  };
}

const hideTls = (tls: TlsConfig | undefined) => tls && { ...tls, key: tls.key && HIDDEN };

/** What a route means, in a line. */
export function explainRoute(route: RouteConfig): string {
  const { path, methods, host } = route.match;
  const paths = (Array.isArray(path) ? path : [path]).join(', ');
  const hosts = host === undefined ? '' : `${(Array.isArray(host) ? host : [host]).join(', ')}`;
  const to = route.upstream
    ? route.upstream.targets.map(({ url }) => hideInUrl(url)).join(', ')
    : route.compose
      ? `${route.compose.length} parts`
      : route.redirect
        ? hideInUrl(route.redirect.to)
        : 'a fixed answer';
  const ways = Object.entries(route.auth).flatMap(([name, way]) => (way === undefined ? [] : [name]));
  const who = ways.includes('none') ? 'open to anybody' : `for ${ways.join(' or ')}`;
  return `${methods?.join(' ') ?? 'any method'} ${hosts}${paths} -> ${to}; ${who}`;
}
