/** The OpenAI-compatible endpoints under `/v1`. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Models } from '../../gateway/model.js';
import { mayUseModel } from '../../keys/allow.js';
import type { Authenticator } from '../../keys/authenticate.js';
import { type Refusal, refuse, statusOf } from '../../lib/errors.js';
import { requestIdOf, tokenOf } from '../call-headers.js';
import type { RawHandler } from '../raw.js';
import { openaiDialect } from './dialect.js';

interface OpenAiDeps {
  readonly authenticator: Authenticator;
  readonly models: () => Models;
}

export function openaiRoutes(app: FastifyInstance, deps: OpenAiDeps, chat: RawHandler): void {
  for (const prefix of ['/v1', '']) {
    app.post(`${prefix}/chat/completions`, { config: { access: 'key' } }, ({ raw }, reply) => {
      reply.hijack();
      chat(raw, reply.raw);
    });
    app.get(`${prefix}/models`, { config: { access: 'key' } }, (request, reply) => listModels(deps, request, reply));
    app.get(`${prefix}/models/*`, { config: { access: 'key' } }, (request, reply) => oneModel(deps, request, reply));
  }
}

async function listModels(deps: OpenAiDeps, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const caller = await deps.authenticator.authenticate(tokenOf(request.headers));
  if (!caller.ok) return sendOpenAiError(request, reply, caller.refusal);
  const models = deps.models();
  const data = models.list().filter(({ name }) => mayUseModel(caller.value.key, name));
  reply.header('x-request-id', requestIdOf(request.headers));
  return { object: 'list', data: data.map(({ name }) => modelJson(name, models.createdS)) };
}

async function oneModel(deps: OpenAiDeps, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const caller = await deps.authenticator.authenticate(tokenOf(request.headers));
  if (!caller.ok) return sendOpenAiError(request, reply, caller.refusal);
  const name = (request.params as { '*': string })['*'];
  const models = deps.models();
  if (!models.get(name) || !mayUseModel(caller.value.key, name)) {
    const words = `The model '${name.slice(0, 100)}' does not exist, or this key may not use it.`;
    return sendOpenAiError(request, reply, refuse('model_not_found', words, { param: 'model' }));
  }
  reply.header('x-request-id', requestIdOf(request.headers));
  return modelJson(name, models.createdS);
}

const modelJson = (id: string, created: number) => ({ id, object: 'model', created, owned_by: 'tollgate' });

export function sendOpenAiError(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply {
  const requestId = requestIdOf(request.headers);
  reply
    .code(statusOf(refusal))
    .headers({ 'x-request-id': requestId, 'content-type': 'application/json', ...refusal.headers });
  return reply.send(openaiDialect.errorBody(refusal, requestId));
}
