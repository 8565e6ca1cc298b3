/** Keys: `/admin/v1/keys`. */
import type { Shown } from '../../identity/keys.js';
import { readsWithin } from '../../identity/reads-within.js';
import { ok, type Result, refuse } from '../../lib/errors.js';
import type { AdminApp } from './admin-api.js';
import { keyAnswer, listOf, showKey, shownKeyAnswer, showPage } from './answers.js';
import { sendRefusal } from './errors.js';
import { type Writing, write } from './once.js';
import { route } from './route.js';
import { byId, keyPatch, keyQuery, newKey, pageOf, rotation } from './schemas.js';

const shown = (status: number) => (result: Result<Shown>) =>
  result.ok ? ok({ status, body: { key: result.value.secret, ...showKey(result.value.key) } }) : result;

export function keysRoutes(app: AdminApp, deps: Writing): void {
  const { read } = deps.keys;

  route(app, 'createKey', {
    schema: { body: newKey, response: { 201: shownKeyAnswer } },
    handler: (request, reply) =>
      write(deps, request, reply, async (writes) => {
        const created = await writes.createKey(request.body);
        if (created.ok) reply.header('location', `/admin/v1/keys/${created.value.key.id}`);
        return shown(201)(created);
      }),
  });

  route(app, 'listKeys', {
    schema: { querystring: keyQuery, response: { 200: listOf(keyAnswer) } },
    handler: async ({ query, principal }) => {
      const { limit, after } = pageOf(query);
      const filter = { team: query.team, name: query.name, revoked: query.include_revoked };
      return showPage(
        await readsWithin(read, principal.teams).keys(filter, { limit: limit + 1, after }),
        limit,
        showKey,
      );
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
        const patched = await writes.patchKey(request.params.id, request.body);
        return patched.ok ? ok({ status: 200, body: showKey(patched.value) }) : patched;
      }),
  });

  route(app, 'rotateKey', {
    schema: { params: byId, body: rotation, response: { 200: shownKeyAnswer } },
    handler: (request, reply) =>
      write(deps, request, reply, async (writes) =>
        shown(200)(await writes.rotateKey(request.params.id, request.body?.overlap ?? 0)),
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
