/** Teams: `/admin/v1/teams`. A team's name is its id. */
import { z } from 'zod';
import type { Team } from '../../identity/key.js';
import { readsWithin } from '../../identity/reads-within.js';
import { countMembers, listUsers } from '../../identity/users-pg.js';
import { ok, refuse, refused } from '../../lib/errors.js';
import { noStanding } from '../../operations/list-standing.js';
import type { AdminApp } from './admin-api.js';
import { batchOf, listedTeam, listOf, showPage, showTeam, teamAnswer } from './answers.js';
import { makeEach, oneOrMany } from './bulk.js';
import { sendRefusal } from './errors.js';
import { type GuardsReading, unknownGuard } from './guardrails-routes.js';
import type { Standings } from './keys-routes.js';
import { type Writing, write } from './once.js';
import { route } from './route.js';
import { byId, newTeam, pageOf, teamPatch, teamQuery } from './schemas.js';
import { memberAnswer, memberQuery, showMember } from './user-schemas.js';
import type { People } from './users-routes.js';

const newTeams = oneOrMany(newTeam);
const madeTeams = z.union([teamAnswer, batchOf(teamAnswer)]);

type Deps = Writing & Standings & Pick<GuardsReading, 'knowsGuard'> & Pick<People, 'query'>;

export function teamsRoutes(app: AdminApp, deps: Deps): void {
  const { read } = deps.keys;

  route(app, 'createTeam', {
    schema: { body: newTeams, response: { 201: madeTeams } },
    handler: (request, reply) =>
      write(deps, request, reply, async (writes) => {
        const made = await makeEach(request.body, async ({ name, markup, ...fields }) => {
          const unknown = unknownGuard(fields.guards, deps);
          if (unknown) return refused(unknown);
          const created = await writes.createTeam(name, { ...fields, markup_ppm: markup });
          return created.ok ? ok(showTeam(created.value)) : created;
        });
        if (!made.ok) return made;
        if ('id' in made.value) reply.header('location', `/admin/v1/teams/${encodeURIComponent(made.value.id)}`);
        return ok({ status: 201, body: made.value });
      }),
  });

  route(app, 'listTeams', {
    schema: { querystring: teamQuery, response: { 200: listOf(listedTeam) } },
    handler: async ({ query, principal }) => {
      const { limit, after } = pageOf(query);
      const teams = await readsWithin(read, principal.teams).teams({ limit: limit + 1, after }, null, query.q);
      const [standing, members] = await Promise.all([
        deps.standing.ofTeams(teams.slice(0, limit)),
        countMembers(
          deps.query,
          teams.map(({ id }) => id),
        ),
      ]);
      return showPage(teams, limit, (team: Team) => ({
        ...showTeam(team),
        ...(standing.get(team.id) ?? noStanding),
        members: members.get(team.id) ?? 0,
      }));
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

  route(app, 'listTeamMembers', {
    schema: { params: byId, querystring: memberQuery, response: { 200: listOf(memberAnswer) } },
    handler: async ({ params, query, principal }, reply) => {
      const team = await readsWithin(read, principal.teams).team(params.id);
      if (!team) return sendRefusal(reply, refuse('not_found', `There is no team named ${params.id}.`));
      const { limit, after } = pageOf(query);
      return showPage(await listUsers(deps.query, { team: team.id }, limit + 1, after), limit, showMember);
    },
  });

  route(app, 'updateTeam', {
    schema: { params: byId, body: teamPatch, response: { 200: teamAnswer } },
    handler: (request, reply) =>
      write(deps, request, reply, async (writes) => {
        const { markup, ...fields } = request.body;
        const unknown = unknownGuard(fields.guards, deps);
        if (unknown) return refused(unknown);
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
