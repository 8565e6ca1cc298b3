/** Answers to requests that no handler takes: what is not there, what another method would do, what cannot be read. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { dialectAt, isLacking, methodsAt, pathOf } from '../api/addresses.js';
import { handleError } from '../api/admin/errors.js';
import { sendError } from '../api/errors.js';
import { refuse } from '../lib/errors.js';

const LONGEST_TOLD = 200;

/** Fastify's handler for what it has no route for. */
export function withoutHandler(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // Where no classic route has the root, it leads to the console.
  if (pathOf(request.url) === '/' && (request.method === 'GET' || request.method === 'HEAD'))
    return reply.redirect('/ui', 302);
  const asked = `${request.method} ${pathOf(request.url).slice(0, LONGEST_TOLD)}`;
  const allowed = methodsAt(request.url);
  return sendError(dialectAt(request.url), request, reply, refusalOf(asked, request, allowed));
}

function refusalOf(asked: string, { method, url, headers }: FastifyRequest, allowed: readonly string[]) {
  // Clients that try a WebSocket first fall back to POST at this status and at no other.
  if (headers.upgrade !== undefined && method === 'GET' && allowed.includes('POST'))
    return refuse(
      'upgrade_required',
      `${asked} is not served over a WebSocket: send a POST, with \`stream: true\` for events.`,
    );
  if (allowed.length > 0 && !allowed.includes(method)) {
    const allow = allowed.join(', ');
    return refuse('method_not_allowed', `${asked} is not possible; ${allow} would be.`, { headers: { allow } });
  }
  if (isLacking(url)) return refuse('not_found', `${asked} is not served by this version of Tollgate.`);
  return refuse('not_found', `There is no ${asked}.`);
}

/** Fastify's error handler outside the admin API. */
export function unreadable(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const dialect = dialectAt(request.url);
  if (dialect === 'problem') return handleError(error, request, reply);
  const { statusCode = 500 } = error as { statusCode?: number };
  const code = statusCode < 500 ? 'invalid_value' : 'internal_error';
  return sendError(dialect, request, reply, refuse(code, 'The request cannot be read.'));
}
