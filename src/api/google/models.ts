/** The list of models, as Google has it. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Model, Models } from '../../catalog/model.js';
import type { FormatId } from '../../formats/format-id.js';
import { aliased } from '../../identity/allow.js';
import type { Caller } from '../../identity/key.js';
import { type Result, refuse } from '../../lib/errors.js';
import { tokenOf } from '../call-headers.js';
import { sendError } from '../errors.js';
import { listedNames, type ModelsDeps, mayList } from '../openai/models.js';
import { routeOf } from '../route.js';

export function googleModelsRoutes(app: FastifyInstance, deps: ModelsDeps): void {
  app.route({ ...routeOf('listGoogleModels'), handler: (request, reply) => listModels(deps, request, reply) });
  app.route({ ...routeOf('retrieveGoogleModel'), handler: (request, reply) => oneModel(deps, request, reply) });
}

async function callerOf(deps: ModelsDeps, request: FastifyRequest): Promise<Result<Caller>> {
  const { key } = request.query as { key?: unknown };
  return deps.authenticator.authenticate(tokenOf(request.headers) ?? (typeof key === 'string' ? key : undefined));
}

/** Pages are not needed: the list is whole. */
async function listModels(deps: ModelsDeps, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const caller = await callerOf(deps, request);
  if (!caller.ok) return sendError('google-rpc', request, reply, caller.refusal);
  const models = deps.models();
  reply.header('x-request-id', request.id);
  return {
    models: listedNames(caller.value, models).map((name) => modelJson(name, modelOf(caller.value, name, models))),
  };
}

async function oneModel(deps: ModelsDeps, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const caller = await callerOf(deps, request);
  if (!caller.ok) return sendError('google-rpc', request, reply, caller.refusal);
  const name = (request.params as { '*': string })['*'];
  const models = deps.models();
  if (!mayList(caller.value, name, models)) {
    const words = `The model '${name.slice(0, 100)}' does not exist, or this key may not use it.`;
    return sendError('google-rpc', request, reply, refuse('model_not_found', words, { param: 'model' }));
  }
  reply.header('x-request-id', request.id);
  return modelJson(name, modelOf(caller.value, name, models));
}

const modelOf = (caller: Caller, name: string, models: Models): Model | undefined => models.get(aliased(caller, name));

/** What a model can be asked, by the format in which it is asked. */
const methods: readonly (readonly [FormatId, readonly string[]])[] = [
  ['google-gemini', ['generateContent', 'streamGenerateContent', 'countTokens']],
  ['google-embeddings', ['embedContent', 'batchEmbedContents']],
];

function modelJson(name: string, model: Model | undefined) {
  const targets = model?.targets ?? [];
  const reaches = (format: FormatId) => model?.route !== null || targets.some(({ carriers }) => carriers[format]);
  const most = model?.maxOutput ?? targets[0]?.maxOutput ?? null;
  return {
    name: `models/${name}`,
    version: '001',
    displayName: name,
    ...(most !== null && { outputTokenLimit: most }),
    supportedGenerationMethods: methods.flatMap(([format, names]) => (reaches(format) ? names : [])),
  };
}
