/** The list of models, as OpenAI has it. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isServed } from '../../catalog/is-served.js';
import type { Models } from '../../catalog/model.js';
import { aliased, aliasesOf, mayUseModel } from '../../identity/allow.js';
import type { Authenticator } from '../../identity/authenticate.js';
import type { Caller } from '../../identity/key.js';
import { refuse } from '../../lib/errors.js';
import { requestIdOf, tokenOf } from '../call-headers.js';
import { sendError } from '../errors.js';
import { routeOf } from '../route.js';

export interface ModelsDeps {
  readonly authenticator: Authenticator;
  readonly models: () => Models;
}

export function modelsRoutes(app: FastifyInstance, deps: ModelsDeps): void {
  app.route({ ...routeOf('listModels'), handler: (request, reply) => listModels(deps, request, reply) });
  app.route({ ...routeOf('retrieveModel'), handler: (request, reply) => oneModel(deps, request, reply) });
}

async function listModels(deps: ModelsDeps, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const caller = await deps.authenticator.authenticate(tokenOf(request.headers));
  if (!caller.ok) return sendError('openai-chat', request, reply, caller.refusal);
  const models = deps.models();
  const may = (name: string) => isServed(models.get(aliased(caller.value, name)), models) && mayUse(caller.value, name);
  const own = models.list().map(({ name }) => name);
  const names = [...new Set([...own, ...Object.keys(aliasesOf(caller.value))])].filter(may);
  reply.header('x-request-id', requestIdOf(request.headers));
  return { object: 'list', data: names.map((name) => modelJson(name, models.createdS)) };
}

async function oneModel(deps: ModelsDeps, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const caller = await deps.authenticator.authenticate(tokenOf(request.headers));
  if (!caller.ok) return sendError('openai-chat', request, reply, caller.refusal);
  const name = (request.params as { '*': string })['*'];
  const models = deps.models();
  if (!isServed(models.get(aliased(caller.value, name)), models) || !mayUse(caller.value, name)) {
    const words = `The model '${name.slice(0, 100)}' does not exist, or this key may not use it.`;
    return sendError('openai-chat', request, reply, refuse('model_not_found', words, { param: 'model' }));
  }
  reply.header('x-request-id', requestIdOf(request.headers));
  return modelJson(name, models.createdS);
}

/** An alias may be used by who may use it or what it stands for. */
const mayUse = (caller: Caller, name: string): boolean =>
  mayUseModel(caller.key, name) || mayUseModel(caller.key, aliased(caller, name));

const modelJson = (id: string, created: number) => ({ id, object: 'model', created, owned_by: 'tollgate' });
