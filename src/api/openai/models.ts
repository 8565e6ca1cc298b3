/**
 * The list of models: as Anthropic has it for clients that name its API version, else as OpenAI has it, with what is known of
 * each model beside it. Codex, which names its own version, finds the list in its form as well.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isServed } from '../../catalog/is-served.js';
import type { Models } from '../../catalog/model.js';
import { type ModelTraits, traitsOf } from '../../catalog/traits.js';
import { aliased, aliasesOf, mayUseModel } from '../../identity/allow.js';
import type { Authenticator } from '../../identity/authenticate.js';
import type { Caller } from '../../identity/key.js';
import type { ModelAbilities } from '../../lib/abilities-spec.js';
import type { Clock } from '../../lib/clock.js';
import { type Refusal, refuse } from '../../lib/errors.js';
import { tokenOf } from '../call-headers.js';
import { sendError } from '../errors.js';
import { routeOf } from '../route.js';
import { anthropicModel, anthropicPage } from './anthropic-models.js';

export interface ModelsDeps {
  readonly clock: Clock;
  readonly authenticator: Authenticator;
  readonly models: () => Models;
}

/** A model as it is listed. */
export interface ListedModel {
  readonly name: string;
  /** Seconds since the Unix epoch. */
  readonly createdS: number;
  readonly traits: ModelTraits;
}

export function modelsRoutes(app: FastifyInstance, deps: ModelsDeps): void {
  app.route({ ...routeOf('listModels'), handler: (request, reply) => listModels(deps, request, reply) });
  app.route({ ...routeOf('retrieveModel'), handler: (request, reply) => oneModel(deps, request, reply) });
}

/** Both SDKs may send a bearer token to the same address: only Anthropic's names a version of its API. */
const isAnthropics = ({ headers }: FastifyRequest): boolean => headers['anthropic-version'] !== undefined;

async function listModels(deps: ModelsDeps, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const caller = await deps.authenticator.authenticate(tokenOf(request.headers));
  if (!caller.ok) return fail(request, reply, caller.refusal);
  const models = deps.models();
  const names = listedNames(caller.value, models);
  const listed = names.map((name) => listedModel(name, caller.value, models, deps.clock.now()));
  withId(request, reply);
  if (isAnthropics(request)) return anthropicPage(listed, request.query as Record<string, unknown>);
  const list = { object: 'list', data: listed.map(openaiModel) };
  const forCodex = (request.query as Record<string, unknown>)['client_version'] !== undefined;
  return forCodex ? { ...list, models: listed.map(codexModel) } : list;
}

async function oneModel(deps: ModelsDeps, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const caller = await deps.authenticator.authenticate(tokenOf(request.headers));
  if (!caller.ok) return fail(request, reply, caller.refusal);
  const name = (request.params as { '*': string })['*'];
  const models = deps.models();
  if (!mayList(caller.value, name, models)) {
    const words = `The model '${name.slice(0, 100)}' does not exist, or this key may not use it.`;
    return fail(request, reply, refuse('model_not_found', words, { param: 'model' }));
  }
  const listed = listedModel(name, caller.value, models, deps.clock.now());
  withId(request, reply);
  return isAnthropics(request) ? anthropicModel(listed) : openaiModel(listed);
}

const fail = (request: FastifyRequest, reply: FastifyReply, refusal: Refusal) =>
  sendError(isAnthropics(request) ? 'anthropic-messages' : 'openai-chat', request, reply, refusal);

function withId(request: FastifyRequest, reply: FastifyReply): void {
  const id = request.id;
  reply.header('x-request-id', id);
  if (isAnthropics(request)) reply.header('request-id', id);
}

/** The names that a caller can ask for. */
export function listedNames(caller: Caller, models: Models): string[] {
  const own = models.list().map(({ name }) => name);
  return [...new Set([...own, ...Object.keys(aliasesOf(caller))])].filter((name) => mayList(caller, name, models));
}

export const mayList = (caller: Caller, name: string, models: Models): boolean =>
  isServed(models.get(aliased(caller, name)), models) && mayUse(caller, name);

/** An alias may be used by who may use it or what it stands for. */
const mayUse = (caller: Caller, name: string): boolean =>
  mayUseModel(caller.key, name) || mayUseModel(caller.key, aliased(caller, name));

const listedModel = (name: string, caller: Caller, models: Models, nowMs: number): ListedModel => ({
  name,
  createdS: models.createdS,
  traits: traitsOf(models.get(aliased(caller, name))!, models, nowMs),
});

/** What is not known is left out. */
const openaiModel = ({ name, createdS, traits }: ListedModel) => ({
  id: name,
  object: 'model',
  created: createdS,
  owned_by: 'tollgate',
  ...(traits.contextWindow !== null && { context_window: traits.contextWindow }),
  ...(traits.maxOutput !== null && { max_output_tokens: traits.maxOutput }),
  ...(traits.pricing && { pricing: traits.pricing }),
  ...abilitiesJson(traits.abilities),
});

const abilitiesJson = ({ input, output, ...can }: ModelAbilities) => {
  const { sampling, tools, forcedTool: forced_tool, jsonSchema: json_schema, reasoning } = can;
  const known = Object.entries({ sampling, tools, forced_tool, json_schema, reasoning }).filter(
    ([, one]) => one !== null,
  );
  return {
    ...(input && output && { modalities: { input, output } }),
    ...(known.length > 0 && { abilities: Object.fromEntries(known) }),
  };
};

/** Codex takes a model of which it is told no window for one of its own. */
const codexModel = ({ name, traits }: ListedModel) => ({
  slug: name,
  display_name: name,
  ...(traits.contextWindow !== null && { context_window: traits.contextWindow }),
});
