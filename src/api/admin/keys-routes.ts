/** `/admin/v1/keys`. */
import type { Shown } from '../../identity/keys.js';
import { ok, type Result, refuse } from '../../lib/errors.js';
import type { AdminApp } from './admin-api.js';
import { keyAnswer, listOf, showKey, shownKeyAnswer, showPage } from './answers.js';
import { problem, sendRefusal } from './errors.js';
import { type Writing, write } from './once.js';
import { byId, keyPatch, keyQuery, newKey, pageOf, rotation } from './schemas.js';

const config = { access: 'admin' } as const;
const tags = ['keys'];
const problems = { '4xx': { content: { 'application/problem+json': { schema: problem } } } };

const shown = (status: number) => (result: Result<Shown>) =>
  result.ok ? ok({ status, body: { key: result.value.secret, ...showKey(result.value.key) } }) : result;

export function keysRoutes(app: AdminApp, deps: Writing): void {
  const { read } = deps.keys;

  app.post(
    '/keys',
    {
      config,
      schema: {
        tags,
        summary: 'Create a key. Its secret is in this answer and nowhere else.',
        body: newKey,
        response: { 201: shownKeyAnswer, ...problems },
      },
    },
    (request, reply) =>
      write(deps, request, reply, async (writes) => {
        const created = await writes.createKey(request.body);
        if (created.ok) reply.header('location', `/admin/v1/keys/${created.value.key.id}`);
        return shown(201)(created);
      }),
  );

  app.get(
    '/keys',
    {
      config,
      schema: {
        tags,
        summary: 'List keys, newest first.',
        querystring: keyQuery,
        response: { 200: listOf(keyAnswer), ...problems },
      },
    },
    async ({ query }) => {
      const { limit, after } = pageOf(query);
      const filter = { team: query.team, name: query.name, revoked: query.include_revoked };
      return showPage(await read.keys(filter, { limit: limit + 1, after }), limit, showKey);
    },
  );

  app.get(
    '/keys/:id',
    { config, schema: { tags, summary: 'Show a key.', params: byId, response: { 200: keyAnswer, ...problems } } },
    async ({ params }, reply) => {
      const key = await read.key(params.id);
      if (!key) return sendRefusal(reply, refuse('not_found', `There is no key with the id ${params.id}.`));
      return showKey(key);
    },
  );

  app.patch(
    '/keys/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Change a key: a JSON merge patch, in which null empties a field.',
        params: byId,
        body: keyPatch,
        response: { 200: keyAnswer, ...problems },
      },
    },
    (request, reply) =>
      write(deps, request, reply, async (writes) => {
        const patched = await writes.patchKey(request.params.id, request.body);
        return patched.ok ? ok({ status: 200, body: showKey(patched.value) }) : patched;
      }),
  );

  app.post(
    '/keys/:id/rotate',
    {
      config,
      schema: {
        tags,
        summary: 'Give a key a new secret. The old one stops at once, or works on for `overlap`.',
        params: byId,
        body: rotation,
        response: { 200: shownKeyAnswer, ...problems },
      },
    },
    (request, reply) =>
      write(deps, request, reply, async (writes) =>
        shown(200)(await writes.rotateKey(request.params.id, request.body?.overlap ?? 0)),
      ),
  );

  const changes = [
    { method: 'DELETE', url: '/keys/:id', does: 'revokeKey', summary: 'Revoke a key, for good.' },
    { method: 'POST', url: '/keys/:id/block', does: 'blockKey', summary: 'Refuse a key until it is unblocked.' },
    { method: 'POST', url: '/keys/:id/unblock', does: 'unblockKey', summary: 'Take a key again.' },
  ] as const;
  for (const { method, url, does, summary } of changes) {
    const schema = { tags, summary, params: byId, response: { 200: keyAnswer, ...problems } };
    app.route({
      method,
      url,
      config,
      schema,
      handler: (request, reply) =>
        write(deps, request, reply, async (writes) => {
          const changed = await writes[does](request.params.id);
          return changed.ok ? ok({ status: 200, body: showKey(changed.value) }) : changed;
        }),
    });
  }
}
