/** `/admin/v1/targets/{id}/open|close`: a breaker by hand. The id is `provider/model`, percent-encoded. */
import { z } from 'zod';
import { ok, refuse, refused } from '../../lib/errors.js';
import type { AdminApp } from './admin-api.js';
import { problem } from './errors.js';
import { type Writing, write } from './once.js';
import { byId } from './schemas.js';

export interface Breaking {
  /** Answers the target as it is then; undefined: there is none with this id. */
  readonly setBreaker: (id: string, to: 'open' | 'closed') => object | undefined;
}

const problems = { '4xx': { content: { 'application/problem+json': { schema: problem } } } };
const target = z.looseObject({ id: z.string(), breaker: z.enum(['closed', 'half_open', 'open', 'held_open']) });

export function targetsRoutes(app: AdminApp, deps: Writing & Breaking): void {
  const actions = [
    {
      verb: 'open',
      to: 'open',
      summary: 'Send nothing to a target until it is closed again. Of this gateway process.',
    },
    {
      verb: 'close',
      to: 'closed',
      summary: 'Send to a target again, whatever it did; its failures are forgotten. Of this gateway process.',
    },
  ] as const;
  for (const { verb, to, summary } of actions) {
    app.post(
      `/targets/:id/${verb}`,
      {
        config: { access: 'admin' },
        schema: { tags: ['targets'], summary, params: byId, response: { 200: target, ...problems } },
      },
      (request, reply) =>
        write(deps, request, reply, async ({ tx }) => {
          const { id } = request.params;
          const done = deps.setBreaker(id, to);
          if (!done) return refused(refuse('not_found', `No model has a target with the id ${id}.`));
          await tx.audit({
            at: deps.clock.now(),
            actor: request.adminActor,
            action: `target.${verb}`,
            subject: id,
            detail: {},
          });
          return ok({ status: 200, body: done });
        }),
    );
  }
}
