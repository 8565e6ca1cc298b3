/** `/admin/v1/routes`: classic routes and how their targets are; breakers by hand. A target's id is its URL, percent-encoded. */
import { z } from 'zod';
import { ok, type Result } from '../../lib/errors.js';
import type { AdminApp } from './admin-api.js';
import { listOf } from './answers.js';
import { type Writing, write } from './once.js';
import { route } from './route.js';
import { text } from './schemas.js';
import { routeState, routeTarget } from './state-schemas.js';

export interface Routing {
  /** Routes as plain data. */
  readonly routes: () => readonly object[];
  /** Answers the target as it is then. */
  readonly setRouteBreaker: (route: string, target: string, to: 'open' | 'closed') => Result<object>;
}

const params = z.strictObject({ route: text(100), id: text(1_000) });

export function routesRoutes(app: AdminApp, deps: Writing & Routing): void {
  route(app, 'listRoutes', {
    schema: { response: { 200: listOf(routeState) } },
    handler: () => ({ data: [...deps.routes()] as z.output<typeof routeState>[], next_cursor: null }),
  });

  const actions = [
    { operation: 'openRouteTarget', to: 'open', action: 'route_target.open' },
    { operation: 'closeRouteTarget', to: 'closed', action: 'route_target.close' },
  ] as const;
  for (const { operation, to, action } of actions) {
    route(app, operation, {
      schema: { params, response: { 200: routeTarget } },
      handler: (request, reply) =>
        write(deps, request, reply, async ({ tx }) => {
          const { route: name, id } = request.params;
          const done = deps.setRouteBreaker(name, id, to);
          if (!done.ok) return done;
          const subject = `${name} ${id}`;
          await tx.audit({ at: deps.clock.now(), actor: request.adminActor, action, subject, detail: {} });
          return ok({ status: 200, body: done.value });
        }),
    });
  }
}
