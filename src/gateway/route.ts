/** Where a request may go: the router's plan, asked with what the gateway knows of the request. Asking changes nothing. */

import type { Model, Models, Target } from '../catalog/model.js';
import type { ModelRequest } from '../formats/request.js';
import { noUsage } from '../formats/usage.js';
import { mayUseModel } from '../identity/allow.js';
import type { Key } from '../identity/key.js';
import type { Random } from '../lib/random.js';
import { cost } from '../pricing/price.js';
import { promptAffinity } from '../router/affinity.js';
import type { Ask } from '../router/balance.js';
import type { Fallbacks } from '../router/chain.js';
import { type Plan, plan } from '../router/plan.js';

/** What a plan depends on beside the configuration and the state of the targets. */
export interface Asking {
  readonly request: ModelRequest;
  readonly user: string | null;
  /** Wall time, for prices. */
  readonly nowMs: number;
}

/** Output tokens that are taken to be usual where a request does not say how many it wants at most. */
export const USUAL_OUTPUT = 500;

export function planFor(
  model: Model,
  asking: Asking,
  turn: number,
  monotonicMs: number,
  random: Random,
  lastResort = false,
): Plan<Target> {
  return plan(model, askFor(model, asking, turn), monotonicMs, random, lastResort);
}

function askFor(model: Model, { request, user, nowMs }: Asking, turn: number): Ask<Target> {
  const tokens = { ...noUsage(), input: Math.ceil(request.body.length / 4), output: request.maxOutput ?? USUAL_OUTPUT };
  return {
    affinity: affinityOf(model, request, user),
    turn,
    costOf: (target) => {
      const price = target.priceAt(nowMs);
      return price ? cost(tokens, price).total : Number.POSITIVE_INFINITY;
    },
  };
}

function affinityOf(model: Model, request: ModelRequest, user: string | null): string | null {
  if (model.affinity === 'none' || model.targets.length < 2) return null;
  if (model.affinity === 'user') return user;
  // Nobody keeps the beginning of a text that is embedded.
  return request.endpoint === 'chat' ? promptAffinity(request.json) : null;
}

const NONE: Fallbacks<Model> = { general: [], contextWindow: [], contentPolicy: [] };

interface FallingBack {
  readonly models: Models;
  readonly model: Model;
  /** The model that was asked for, where it has a route: what it uses is open to the key. */
  readonly routed: Model | undefined;
  readonly caller: { readonly key: Key };
}

/** A key's models are a fence that fallbacks do not climb over. */
export function fallbacksOf({ models, model, routed, caller }: FallingBack, wanted: boolean): Fallbacks<Model> {
  if (!wanted || model.lone) return NONE;
  const open = routed?.route?.uses ?? [];
  const allowed = (names: readonly string[]) =>
    names.flatMap((name) => {
      const found = open.includes(name) || mayUseModel(caller.key, name) ? models.get(name) : undefined;
      return found ? [found] : [];
    });
  return {
    general: allowed(model.fallbacks),
    contextWindow: allowed(model.contextWindowFallbacks),
    contentPolicy: allowed(model.contentPolicyFallbacks),
  };
}

/** Every target that a request for the model may be sent to, whatever is known of it now. */
export function reachable(model: Model, fallbacks: Fallbacks<Model>): readonly { model: Model; target: Target }[] {
  const models = new Set([model, ...fallbacks.general, ...fallbacks.contextWindow, ...fallbacks.contentPolicy]);
  return [...models].flatMap((one) => one.targets.map((target) => ({ model: one, target })));
}
