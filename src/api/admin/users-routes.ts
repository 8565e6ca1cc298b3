/** Users and their tokens: `/admin/v1/users`, `/admin/v1/tokens`. */
import type { FastifyRequest } from 'fastify';
import type { KeyWrites } from '../../identity/keys.js';
import type { Passwords } from '../../identity/passwords.js';
import { createToken, revoke, whoseTokens } from '../../identity/tokens.js';
import { listTokens } from '../../identity/tokens-pg.js';
import type { User } from '../../identity/user.js';
import * as users from '../../identity/users.js';
import { findUser, listUsers } from '../../identity/users-pg.js';
import { ok, type Result, refuse } from '../../lib/errors.js';
import type { Query } from '../../lib/query.js';
import type { AdminApp } from './admin-api.js';
import { listOf, showPage } from './answers.js';
import { sendRefusal } from './errors.js';
import { type Writing, write } from './once.js';
import { route } from './route.js';
import { byId, pageOf } from './schemas.js';
import * as s from './user-schemas.js';

export interface People extends Writing {
  readonly query: Query;
  readonly passwords: Pick<Passwords, 'hash' | 'matches'>;
}

const shown = (status: number) => (result: Result<User>) =>
  result.ok ? ok({ status, body: s.showUser(result.value) }) : result;

const tooMany = refuse('unavailable', 'Too many passwords are being worked on. Try again in a moment.');

export function usersRoutes(app: AdminApp, deps: People): void {
  const { query: db, passwords } = deps;
  const by = ({ adminActor }: FastifyRequest, { tx }: KeyWrites): users.By => ({
    ...{ tx, actor: adminActor, nowMs: deps.clock.now() },
  });

  route(app, 'createUser', {
    schema: { body: s.newUser, response: { 201: s.userAnswer } },
    handler: async (request, reply) => {
      const { password: given, ...fields } = request.body;
      const password = given === undefined ? null : await passwords.hash(given);
      if (given !== undefined && password === null) return sendRefusal(reply, tooMany);
      return write(deps, request, reply, async (writes) => {
        const created = await users.createUser(by(request, writes), { ...fields, password });
        if (created.ok) reply.header('location', `/admin/v1/users/${created.value.id}`);
        return shown(201)(created);
      });
    },
  });

  route(app, 'listUsers', {
    schema: { querystring: s.userQuery, response: { 200: listOf(s.userAnswer) } },
    handler: async ({ query }) => {
      const { limit, after } = pageOf(query);
      return showPage(await listUsers(db, query, limit + 1, after), limit, s.showUser);
    },
  });

  route(app, 'getUser', {
    schema: { params: byId, response: { 200: s.userAnswer } },
    handler: async ({ params: { id } }, reply) => {
      const user = await findUser(db, id);
      return user ? s.showUser(user) : sendRefusal(reply, refuse('not_found', `There is no user with the id ${id}.`));
    },
  });

  route(app, 'updateUser', {
    schema: { params: byId, querystring: s.forced, body: s.userPatch, response: { 200: s.userAnswer } },
    handler: (request, reply) =>
      write(deps, request, reply, async (writes) => {
        const { params, body, query } = request;
        return shown(200)(await users.updateUser(by(request, writes), params.id, body, query.force ?? false));
      }),
  });

  route(app, 'deleteUser', {
    schema: { params: byId, querystring: s.forced, response: { 200: s.userAnswer } },
    handler: (request, reply) =>
      write(deps, request, reply, async (writes) =>
        shown(200)(await users.deleteUser(by(request, writes), request.params.id, request.query.force ?? false)),
      ),
  });

  for (const operation of ['blockUser', 'unblockUser'] as const) {
    route(app, operation, {
      schema: { params: byId, querystring: s.forced, response: { 200: s.userAnswer } },
      handler: (request, reply) =>
        write(deps, request, reply, async (writes) => {
          const { params, query } = request;
          const block = operation === 'blockUser';
          return shown(200)(await users.blockUser(by(request, writes), params.id, block, query.force ?? false));
        }),
    });
  }

  route(app, 'setUserPassword', {
    schema: { params: byId, body: s.newPassword, response: { 200: s.userAnswer } },
    handler: async (request, reply) => {
      const given = request.body.password;
      const password = given === null ? null : await passwords.hash(given);
      if (given !== null && password === null) return sendRefusal(reply, tooMany);
      return write(deps, request, reply, async (writes) =>
        shown(200)(await users.setPassword(by(request, writes), request.params.id, password)),
      );
    },
  });

  route(app, 'signOutUser', {
    schema: { params: byId, response: { 200: s.userAnswer } },
    handler: (request, reply) =>
      write(deps, request, reply, async (writes) =>
        shown(200)(await users.signOutUser(by(request, writes), request.params.id)),
      ),
  });

  route(app, 'createToken', {
    schema: { body: s.newToken, response: { 201: s.shownToken } },
    handler: (request, reply) =>
      write(deps, request, reply, async (writes) => {
        const made = await createToken(by(request, writes), request.principal, request.body);
        if (!made.ok) return made;
        return ok({ status: 201, body: { token: made.value.secret, ...s.showToken(made.value.token) } });
      }),
  });

  route(app, 'listTokens', {
    schema: { querystring: s.tokenQuery, response: { 200: listOf(s.tokenAnswer) } },
    handler: async ({ query, principal }) => {
      const { limit, after } = pageOf(query);
      const whose = whoseTokens(principal, true);
      if (query.user !== undefined && whose.user !== undefined && query.user !== whose.user)
        return { data: [], next_cursor: null };
      const asked = query.user === undefined ? whose : { ...whose, user: query.user };
      return showPage(
        await listTokens(db, asked, query.include_revoked ?? false, limit + 1, after),
        limit,
        s.showToken,
      );
    },
  });

  route(app, 'revokeToken', {
    schema: { params: byId, response: { 200: s.tokenAnswer } },
    handler: (request, reply) =>
      write(deps, request, reply, async (writes) => {
        const revoked = await revoke(by(request, writes), request.principal, request.params.id);
        return revoked.ok ? ok({ status: 200, body: s.showToken(revoked.value) }) : revoked;
      }),
  });
}
