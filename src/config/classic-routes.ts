/**
 * Classic routes as used: secrets and certificates are read, limits are limits of the engine. What is left out stays left
 * out: its default belongs to the part of `src/routes` that acts on it.
 */
import { resolve as resolvePath } from 'node:path';
import type { LimitSpec } from '../lib/limit-spec.js';
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
      auth: resolveAuth(route.auth, [...at, 'auth'], secret, file),
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
): AuthConfig {
  if (!written || Object.values(written).every((one) => one === undefined)) return { key: {} };
  const { jwt, introspection, basic, ...rest } = written;
  const ways = {
    ...rest,
    jwt: jwt && resolveJwt(jwt, [...at, 'jwt'], secret, file),
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

const HIDDEN = '(hidden)';
const hideAll = (values: Readonly<Record<string, unknown>> | undefined) =>
  values && Object.fromEntries(Object.keys(values).map((name) => [name, HIDDEN]));

/** A route safe to show. */
export function describeRoute(route: RouteConfig) {
  const { jwt, introspection, basic } = route.auth;
  const { headers } = route.request ?? {};
  return {
    ...route,
    auth: {
      ...route.auth,
      jwt: jwt && { ...jwt, secret: jwt.secret && HIDDEN },
      introspection: introspection && { ...introspection, client_secret: HIDDEN },
      basic: basic && { ...basic, users: hideAll(basic.users) },
    },
    request: route.request && {
      ...route.request,
      headers: headers && { ...headers, set: hideAll(headers.set), add: hideAll(headers.add) },
    },
    upstream: route.upstream && { ...route.upstream, tls: hideTls(route.upstream.tls) },
    compose: route.compose?.map((part) => ({ ...part, tls: hideTls(part.tls) })),
  };
}

const hideTls = (tls: TlsConfig | undefined) => tls && { ...tls, key: tls.key && HIDDEN };

/** What a route means, in a line. */
export function explainRoute(route: RouteConfig): string {
  const { path, methods, host } = route.match;
  const paths = (Array.isArray(path) ? path : [path]).join(', ');
  const hosts = host === undefined ? '' : `${(Array.isArray(host) ? host : [host]).join(', ')}`;
  const to = route.upstream
    ? route.upstream.targets.map(({ url }) => url).join(', ')
    : route.compose
      ? `${route.compose.length} parts`
      : route.redirect
        ? route.redirect.to
        : 'a fixed answer';
  const ways = Object.entries(route.auth).flatMap(([name, way]) => (way === undefined ? [] : [name]));
  const who = ways.includes('none') ? 'open to anybody' : `for ${ways.join(' or ')}`;
  return `${methods?.join(' ') ?? 'any method'} ${hosts}${paths} -> ${to}; ${who}`;
}
