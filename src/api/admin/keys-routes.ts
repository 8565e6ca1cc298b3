/** Keys: `/admin/v1/keys`. */
import { z } from 'zod';
import type { Key } from '../../identity/key.js';
import type { Shown } from '../../identity/keys.js';
import { readsWithin } from '../../identity/reads-within.js';
import type { Principal } from '../../identity/roles.js';
import type { CaptureMode } from '../../lib/capture-spec.js';
import { ok, type Refusal, type Result, refuse, refused } from '../../lib/errors.js';
import type { Priority } from '../../lib/priority.js';
import { type ListStanding, noStanding } from '../../operations/list-standing.js';
import type { AdminApp } from './admin-api.js';
import { batchOf, keyAnswer, listedKey, listOf, showKey, shownKeyAnswer, showPage } from './answers.js';
import { makeEach, oneOrMany } from './bulk.js';
import { sendRefusal } from './errors.js';
import { type GuardsReading, unknownGuard } from './guardrails-routes.js';
import { type Writing, write } from './once.js';
import { route } from './route.js';
import { byId, keyPatch, keyQuery, newKey, pageOf, rotation } from './schemas.js';

const shown = ({ secret, key }: { secret: string | null; key: Key }) => ({ key: secret, ...showKey(key) });
const rotated = (result: Result<Shown>) => (result.ok ? ok({ status: 200, body: shown(result.value) }) : result);

const newKeys = oneOrMany(newKey);
const madeKeys = z.union([shownKeyAnswer, batchOf(shownKeyAnswer)]);

const notTaken = refuse('insufficient_scope', 'sha256: keys of other gateways are taken over by admins.', {
  param: 'sha256',
});

/** Who has to do with named teams may have less captured, and not more. */
const captureProblem = (capture: CaptureMode | null | undefined, { teams }: Principal): Refusal | undefined =>
  teams === null || capture === undefined || capture === 'off' ? undefined : moreCaptured;
const moreCaptured = refuse('insufficient_scope', 'capture: an admin says what is captured; you may set it to `off`.', {
  param: 'capture',
});

/** In an overload a key of high priority is served at the cost of all other teams. */
const priorityProblem = (priority: Priority | null | undefined, { teams }: Principal): Refusal | undefined =>
  teams === null || priority !== 'high' ? undefined : notHigh;
const notHigh = refuse(
  'insufficient_scope',
  'priority: an admin says which keys are `high`; you may set `low` or `normal`.',
  {
    param: 'priority',
  },
);

export interface Standings {
  /** How what a list shows stands. */
  readonly standing: ListStanding;
}

export function keysRoutes(app: AdminApp, deps: Writing & Standings & Pick<GuardsReading, 'knowsGuard'>): void {
  const { read } = deps.keys;

  route(app, 'createKey', {
    schema: { body: newKeys, response: { 201: madeKeys } },
    handler: (request, reply) =>
      write(deps, request, reply, async (writes) => {
        const made = await makeEach(request.body, async ({ sha256, prefix, blocked, ...fields }) => {
          const wrong =
            unknownGuard(fields.guards, deps) ??
            captureProblem(fields.capture ?? undefined, request.principal) ??
            priorityProblem(fields.priority, request.principal);
          if (wrong) return refused(wrong);
          if (sha256 !== undefined) {
            // A hash is taken once for all teams: by it one team could keep the keys of another from being taken over.
            if (request.principal.teams !== null) return refused(notTaken);
            // Whoever took a key over has its secret.
            const taken = await writes.takeKey({ ...fields, sha256, prefix, blocked });
            return taken.ok ? ok(shown({ key: taken.value, secret: null })) : taken;
          }
          const created = await writes.createKey(fields);
          return created.ok ? ok(shown(created.value)) : created;
        });
        if (!made.ok) return made;
        if ('id' in made.value) reply.header('location', `/admin/v1/keys/${made.value.id}`);
        return ok({ status: 201, body: made.value });
      }),
  });

  route(app, 'listKeys', {
    schema: { querystring: keyQuery, response: { 200: listOf(listedKey) } },
    handler: async ({ query, principal }) => {
      const { limit, after } = pageOf(query);
      const filter = { team: query.team, name: query.name, q: query.q, revoked: query.include_revoked };
      const keys = await readsWithin(read, principal.teams).keys(filter, { limit: limit + 1, after });
      const standing = await deps.standing.ofKeys(keys.slice(0, limit));
      return showPage(keys, limit, (key: Key) => ({ ...showKey(key), ...(standing.get(key.id) ?? noStanding) }));
    },
  });

  route(app, 'getKey', {
    schema: { params: byId, response: { 200: keyAnswer } },
    handler: async ({ params, principal }, reply) => {
      const key = await readsWithin(read, principal.teams).key(params.id);
      if (!key) return sendRefusal(reply, refuse('not_found', `There is no key with the id ${params.id}.`));
      return showKey(key);
    },
  });

  route(app, 'updateKey', {
    schema: { params: byId, body: keyPatch, response: { 200: keyAnswer } },
    handler: (request, reply) =>
      write(deps, request, reply, async (writes) => {
        const { guards, capture, priority } = request.body;
        const wrong =
          unknownGuard(guards, deps) ??
          captureProblem(capture, request.principal) ??
          priorityProblem(priority, request.principal);
        if (wrong) return refused(wrong);
        const patched = await writes.patchKey(request.params.id, request.body);
        return patched.ok ? ok({ status: 200, body: showKey(patched.value) }) : patched;
      }),
  });

  route(app, 'rotateKey', {
    schema: { params: byId, body: rotation, response: { 200: shownKeyAnswer } },
    handler: (request, reply) =>
      write(deps, request, reply, async (writes) =>
        rotated(await writes.rotateKey(request.params.id, request.body?.overlap ?? 0)),
      ),
  });

  for (const change of ['revokeKey', 'blockKey', 'unblockKey'] as const) {
    route(app, change, {
      schema: { params: byId, response: { 200: keyAnswer } },
      handler: (request, reply) =>
        write(deps, request, reply, async (writes) => {
          const changed = await writes[change](request.params.id);
          return changed.ok ? ok({ status: 200, body: showKey(changed.value) }) : changed;
        }),
    });
  }
}
