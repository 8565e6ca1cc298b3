/** `/admin/v1/teams`. A team's name is its id. */
import { ok, refuse } from '../../lib/errors.js';
import type { AdminApp } from './admin-api.js';
import { listOf, showPage, showTeam, teamAnswer } from './answers.js';
import { problem, sendRefusal } from './errors.js';
import { type Writing, write } from './once.js';
import { byId, newTeam, pageOf, teamPatch, teamQuery } from './schemas.js';

const config = { access: 'admin' } as const;
const tags = ['teams'];
const problems = { '4xx': { content: { 'application/problem+json': { schema: problem } } } };

export function teamsRoutes(app: AdminApp, deps: Writing): void {
  const { read } = deps.keys;

  app.post(
    '/teams',
    {
      config,
      schema: { tags, summary: 'Create a team.', body: newTeam, response: { 201: teamAnswer, ...problems } },
    },
    (request, reply) =>
      write(deps, request, reply, async (writes) => {
        const { name, markup, ...fields } = request.body;
        const created = await writes.createTeam(name, { ...fields, markup_ppm: markup });
        if (created.ok) reply.header('location', `/admin/v1/teams/${encodeURIComponent(name)}`);
        return created.ok ? ok({ status: 201, body: showTeam(created.value) }) : created;
      }),
  );

  app.get(
    '/teams',
    {
      config,
      schema: {
        tags,
        summary: 'List teams, by name.',
        querystring: teamQuery,
        response: { 200: listOf(teamAnswer), ...problems },
      },
    },
    async ({ query }) => {
      const { limit, after } = pageOf(query);
      return showPage(await read.teams({ limit: limit + 1, after }), limit, showTeam);
    },
  );

  app.get(
    '/teams/:id',
    { config, schema: { tags, summary: 'Show a team.', params: byId, response: { 200: teamAnswer, ...problems } } },
    async ({ params }, reply) => {
      const team = await read.team(params.id);
      if (!team) return sendRefusal(reply, refuse('not_found', `There is no team named ${params.id}.`));
      return showTeam(team);
    },
  );

  app.patch(
    '/teams/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Change a team: a JSON merge patch, in which null empties a field.',
        params: byId,
        body: teamPatch,
        response: { 200: teamAnswer, ...problems },
      },
    },
    (request, reply) =>
      write(deps, request, reply, async (writes) => {
        const { markup, ...fields } = request.body;
        const patched = await writes.patchTeam(request.params.id, { ...fields, markup_ppm: markup });
        return patched.ok ? ok({ status: 200, body: showTeam(patched.value) }) : patched;
      }),
  );

  const changes = [
    { method: 'DELETE', url: '/teams/:id', does: 'deleteTeam', summary: 'Delete a team that has no keys.' },
    { method: 'POST', url: '/teams/:id/block', does: 'blockTeam', summary: 'Refuse all keys of a team.' },
    { method: 'POST', url: '/teams/:id/unblock', does: 'unblockTeam', summary: 'Take the keys of a team again.' },
  ] as const;
  for (const { method, url, does, summary } of changes) {
    const schema = { tags, summary, params: byId, response: { 200: teamAnswer, ...problems } };
    app.route({
      method,
      url,
      config,
      schema,
      handler: (request, reply) =>
        write(deps, request, reply, async (writes) => {
          const changed = await writes[does](request.params.id);
          return changed.ok ? ok({ status: 200, body: showTeam(changed.value) }) : changed;
        }),
    });
  }
}
