/** `/admin/v1/targets/{id}/open|close`: a breaker by hand. The id is `provider/model`, percent-encoded. */
import { ok, refuse, refused } from '../../lib/errors.js';
import type { AdminApp } from './admin-api.js';
import { type Writing, write } from './once.js';
import { route } from './route.js';
import { byId } from './schemas.js';
import { targetState } from './state-schemas.js';

export interface Breaking {
  /** Answers the target as it is then; undefined: there is none with this id. */
  readonly setBreaker: (id: string, to: 'open' | 'closed') => object | undefined;
}

export function targetsRoutes(app: AdminApp, deps: Writing & Breaking): void {
  const actions = [
    { operation: 'openTarget', to: 'open', action: 'target.open' },
    { operation: 'closeTarget', to: 'closed', action: 'target.close' },
  ] as const;
  for (const { operation, to, action } of actions) {
    route(app, operation, {
      schema: { params: byId, response: { 200: targetState } },
      handler: (request, reply) =>
        write(deps, request, reply, async ({ tx }) => {
          const { id } = request.params;
          const done = deps.setBreaker(id, to);
          if (!done) return refused(refuse('not_found', `No model has a target with the id ${id}.`));
          await tx.audit({ at: deps.clock.now(), actor: request.adminActor, action, subject: id, detail: {} });
          return ok({ status: 200, body: done });
        }),
    });
  }
}
