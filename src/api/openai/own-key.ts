/** `GET /v1/key`: what a caller may know of its own key: what it may use, what it spent this month, and what is left of its limits. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Authenticator } from '../../identity/authenticate.js';
import type { Caller } from '../../identity/key.js';
import { type Refusal, refuse } from '../../lib/errors.js';
import type { LimitLevels } from '../../operations/limit-levels.js';
import { type ListStanding, noStanding } from '../../operations/list-standing.js';
import { tokenOf } from '../call-headers.js';
import { sendError } from '../errors.js';
import { routeOf } from '../route.js';

export interface OwnKeyDeps {
  readonly authenticator: Authenticator;
  readonly limitLevels: LimitLevels;
  readonly standing: Pick<ListStanding, 'ofKeys'>;
}

export function ownKeyRoute(app: FastifyInstance, deps: OwnKeyDeps): void {
  app.route({
    ...routeOf('getOwnKey'),
    handler: async (request, reply) => {
      const caller = await deps.authenticator.authenticate(tokenOf(request.headers));
      if (!caller.ok) return fail(request, reply, caller.refusal);
      const limits = await limitsOf(caller.value, deps);
      if (!limits) return fail(request, reply, unknown);
      const { key, team } = caller.value;
      const { last_used_at, month } = (await deps.standing.ofKeys([key])).get(key.id) ?? noStanding;
      reply.headers({ 'x-request-id': request.id, 'cache-control': 'no-store' });
      return {
        object: 'key',
        ...{ id: key.id, name: key.name, prefix: key.prefix, team: team?.id ?? null },
        ...{ models: key.models, endpoints: key.endpoints, tags: key.tags },
        expires_at: key.expires_at === null ? null : new Date(key.expires_at).toISOString(),
        ...{ limits, month, last_used_at },
      };
    },
  });
}

/** Those of the key and of its team; undefined where what they have spent cannot be known now. */
async function limitsOf({ key, team }: Caller, { limitLevels }: OwnKeyDeps) {
  const ofKey = await limitLevels({ key: key.id });
  const ofTeam = team ? await limitLevels({ team: team.id }) : undefined;
  if (!ofKey.ok || (ofTeam && !ofTeam.ok)) return undefined;
  return [...ofKey.value, ...(ofTeam?.value ?? [])];
}

const fail = (request: FastifyRequest, reply: FastifyReply, refusal: Refusal) =>
  sendError('openai-chat', request, reply, refusal);

const unknown = refuse('unavailable', 'What the limits of this key have spent cannot be known just now. Try again.', {
  headers: { 'retry-after': '1' },
});
