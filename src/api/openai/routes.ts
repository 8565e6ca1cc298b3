/** The OpenAI-compatible endpoints under `/v1`. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Models } from '../../catalog/model.js';
import { openaiErrors } from '../../formats/openai-chat/errors.js';
import type { Handler } from '../../front/client.js';
import { aliased, aliasesOf, mayUseModel } from '../../identity/allow.js';
import type { Authenticator } from '../../identity/authenticate.js';
import type { Caller } from '../../identity/key.js';
import { type Refusal, refuse, statusOf } from '../../lib/errors.js';
import { requestIdOf, tokenOf } from '../call-headers.js';

interface OpenAiDeps {
  readonly authenticator: Authenticator;
  readonly models: () => Models;
}

/** The request path's own addresses, below `/v1` and without it. */
export type CallHandlers = Readonly<Record<'/chat/completions' | '/embeddings', Handler>>;

export function openaiRoutes(app: FastifyInstance, deps: OpenAiDeps, calls: CallHandlers): void {
  for (const prefix of ['/v1', '']) {
    for (const [path, call] of Object.entries(calls)) {
      app.post(`${prefix}${path}`, { config: { access: 'key' } }, ({ raw }, reply) => {
        reply.hijack();
        call(raw, reply.raw);
      });
    }
    app.get(`${prefix}/models`, { config: { access: 'key' } }, (request, reply) => listModels(deps, request, reply));
    app.get(`${prefix}/models/*`, { config: { access: 'key' } }, (request, reply) => oneModel(deps, request, reply));
  }
}

async function listModels(deps: OpenAiDeps, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const caller = await deps.authenticator.authenticate(tokenOf(request.headers));
  if (!caller.ok) return sendOpenAiError(request, reply, caller.refusal);
  const models = deps.models();
  const may = (name: string) => models.get(aliased(caller.value, name)) && mayUse(caller.value, name);
  const own = models.list().map(({ name }) => name);
  const names = [...new Set([...own, ...Object.keys(aliasesOf(caller.value))])].filter(may);
  reply.header('x-request-id', requestIdOf(request.headers));
  return { object: 'list', data: names.map((name) => modelJson(name, models.createdS)) };
}

async function oneModel(deps: OpenAiDeps, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const caller = await deps.authenticator.authenticate(tokenOf(request.headers));
  if (!caller.ok) return sendOpenAiError(request, reply, caller.refusal);
  const name = (request.params as { '*': string })['*'];
  const models = deps.models();
  if (!models.get(aliased(caller.value, name)) || !mayUse(caller.value, name)) {
    const words = `The model '${name.slice(0, 100)}' does not exist, or this key may not use it.`;
    return sendOpenAiError(request, reply, refuse('model_not_found', words, { param: 'model' }));
  }
  reply.header('x-request-id', requestIdOf(request.headers));
  return modelJson(name, models.createdS);
}

/** An alias may be used by who may use it or what it stands for. */
const mayUse = (caller: Caller, name: string): boolean =>
  mayUseModel(caller.key, name) || mayUseModel(caller.key, aliased(caller, name));

const modelJson = (id: string, created: number) => ({ id, object: 'model', created, owned_by: 'tollgate' });

export function sendOpenAiError(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply {
  const requestId = requestIdOf(request.headers);
  reply
    .code(statusOf(refusal))
    .headers({ 'x-request-id': requestId, 'content-type': 'application/json', ...refusal.headers });
  return reply.send(openaiErrors.body(refusal, requestId));
}
