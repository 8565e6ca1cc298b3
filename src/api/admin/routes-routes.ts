/** `/admin/v1/routes`: classic routes and how their targets are; breakers by hand. A target's id is its URL, percent-encoded. */
import { z } from 'zod';
import { ok, type Result } from '../../lib/errors.js';
import type { AdminApp } from './admin-api.js';
import { listOf } from './answers.js';
import { problem } from './errors.js';
import { type Writing, write } from './once.js';
import { text } from './schemas.js';

export interface Routing {
  /** Routes as plain data. */
  readonly routes: () => readonly object[];
  /** Answers the target as it is then. */
  readonly setRouteBreaker: (route: string, target: string, to: 'open' | 'closed') => Result<object>;
}

const config = { access: 'admin' } as const;
const problems = { '4xx': { content: { 'application/problem+json': { schema: problem } } } };
const target = z.looseObject({ id: z.string(), breaker: z.enum(['closed', 'half_open', 'open', 'held_open']) });
const route = z.looseObject({
  id: z.string(),
  kind: z.enum(['upstream', 'compose', 'respond', 'redirect']),
  targets: z.array(
    z.looseObject({
      id: z.string(),
      healthy: z.boolean(),
      breaker: target.shape.breaker.nullable().describe('null: the route has no breaker.'),
    }),
  ),
});
const params = z.strictObject({ route: text(100), id: text(1_000) });

export function routesRoutes(app: AdminApp, deps: Writing & Routing): void {
  app.get(
    '/routes',
    {
      config,
      schema: {
        tags: ['routes'],
        summary: 'Classic routes and how their targets are: breaker, health, latency. Of this gateway process.',
        response: { 200: listOf(route), ...problems },
      },
    },
    () => ({ data: [...deps.routes()] as z.output<typeof route>[], next_cursor: null }),
  );

  const actions = [
    { verb: 'open', to: 'open', summary: 'Send nothing of a route to a target until it is closed again.' },
    { verb: 'close', to: 'closed', summary: 'Send to a target of a route again; its failures are forgotten.' },
  ] as const;
  for (const { verb, to, summary } of actions) {
    app.post(
      `/routes/:route/targets/:id/${verb}`,
      {
        config,
        schema: {
          tags: ['routes'],
          summary: `${summary} Of this gateway process.`,
          params,
          response: { 200: target, ...problems },
        },
      },
      (request, reply) =>
        write(deps, request, reply, async ({ tx }) => {
          const { route: name, id } = request.params;
          const done = deps.setRouteBreaker(name, id, to);
          if (!done.ok) return done;
          await tx.audit({
            at: deps.clock.now(),
            actor: request.adminActor,
            action: `route_target.${verb}`,
            subject: `${name} ${id}`,
            detail: {},
          });
          return ok({ status: 200, body: done.value });
        }),
    );
  }
}
