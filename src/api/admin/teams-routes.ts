/** Teams: `/admin/v1/teams`. A team's name is its id. */
import { readsWithin } from '../../identity/reads-within.js';
import { ok, refuse } from '../../lib/errors.js';
import type { AdminApp } from './admin-api.js';
import { listOf, showPage, showTeam, teamAnswer } from './answers.js';
import { sendRefusal } from './errors.js';
import { type Writing, write } from './once.js';
import { route } from './route.js';
import { byId, newTeam, pageOf, teamPatch, teamQuery } from './schemas.js';

export function teamsRoutes(app: AdminApp, deps: Writing): void {
  const { read } = deps.keys;

  route(app, 'createTeam', {
    schema: { body: newTeam, response: { 201: teamAnswer } },
    handler: (request, reply) =>
      write(deps, request, reply, async (writes) => {
        const { name, markup, ...fields } = request.body;
        const created = await writes.createTeam(name, { ...fields, markup_ppm: markup });
        if (created.ok) reply.header('location', `/admin/v1/teams/${encodeURIComponent(name)}`);
        return created.ok ? ok({ status: 201, body: showTeam(created.value) }) : created;
      }),
  });

  route(app, 'listTeams', {
    schema: { querystring: teamQuery, response: { 200: listOf(teamAnswer) } },
    handler: async ({ query, principal }) => {
      const { limit, after } = pageOf(query);
      const found = await readsWithin(read, principal.teams).teams({ limit: limit + 1, after });
      return showPage(found, limit, showTeam);
    },
  });

  route(app, 'getTeam', {
    schema: { params: byId, response: { 200: teamAnswer } },
    handler: async ({ params, principal }, reply) => {
      const team = await readsWithin(read, principal.teams).team(params.id);
      if (!team) return sendRefusal(reply, refuse('not_found', `There is no team named ${params.id}.`));
      return showTeam(team);
    },
  });

  route(app, 'updateTeam', {
    schema: { params: byId, body: teamPatch, response: { 200: teamAnswer } },
    handler: (request, reply) =>
      write(deps, request, reply, async (writes) => {
        const { markup, ...fields } = request.body;
        const patched = await writes.patchTeam(request.params.id, { ...fields, markup_ppm: markup });
        return patched.ok ? ok({ status: 200, body: showTeam(patched.value) }) : patched;
      }),
  });

  for (const change of ['deleteTeam', 'blockTeam', 'unblockTeam'] as const) {
    route(app, change, {
      schema: { params: byId, response: { 200: teamAnswer } },
      handler: (request, reply) =>
        write(deps, request, reply, async (writes) => {
          const changed = await writes[change](request.params.id);
          return changed.ok ? ok({ status: 200, body: showTeam(changed.value) }) : changed;
        }),
    });
  }
}
