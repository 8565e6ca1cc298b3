/**
 * Who may call a route is said by the route itself, and a route that says nothing is closed: it cannot be registered. Each
 * server or plugin adds `declaresAccess(...)` as an `onRoute` hook before its routes, and enforces what they say in one
 * `onRequest` hook of its own.
 */
import type { RouteOptions } from 'fastify';

/** `admin`: the admin key. `key`: a virtual key. `public`: anybody. */
export type Access = 'admin' | 'key' | 'public';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
}

/** An `onRoute` hook that throws where a route does not say who may call it, or says something not in `allowed`. */
export const declaresAccess =
  (...allowed: readonly Access[]) =>
  (route: RouteOptions): void => {
    const access = route.config?.access;
    if (access !== undefined && allowed.includes(access)) return;
    const said = access === undefined ? 'does not say who may call it' : `cannot be for \`${access}\` here`;
    throw new Error(
      `The route ${String(route.method)} ${route.url} ${said}: set config.access to ${allowed.map((one) => `'${one}'`).join(' or ')}.`,
    );
  };
