/** Errors where the request path is not: each in the dialect of the path that was asked for. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { messagesErrors } from '../formats/anthropic-messages/errors.js';
import { googleErrors } from '../formats/google-gemini/errors.js';
import { openaiErrors } from '../formats/openai-chat/errors.js';
import { type Refusal, refusalHeaders, statusOf } from '../lib/errors.js';
import { sendRefusal } from './admin/errors.js';
import { requestIdOf } from './call-headers.js';
import type { Dialect } from './table.js';

type Body = (refusal: Refusal, requestId: string) => string | Buffer;

const bodies: Readonly<Record<Exclude<Dialect, 'problem'>, Body>> = {
  'openai-chat': openaiErrors.body,
  'anthropic-messages': messagesErrors.body,
  'google-rpc': googleErrors.body,
};

export function sendError(
  dialect: Dialect,
  request: FastifyRequest,
  reply: FastifyReply,
  refusal: Refusal,
): FastifyReply {
  if (dialect === 'problem') return sendRefusal(reply, refusal);
  const requestId = requestIdOf(request.headers);
  const status = statusOf(refusal);
  const headers = { 'x-request-id': requestId, 'content-type': 'application/json' };
  reply.code(status).headers({ ...headers, ...refusalHeaders(refusal.headers, status) });
  if (dialect === 'anthropic-messages') reply.header('request-id', requestId);
  return reply.send(bodies[dialect](refusal, requestId));
}
