/**
 * From a model with a route to the model that serves, through its rules and those of the models that they use. Answers at
 * once unless a rule has to wait for a long count or for an embedding. Counting is shared with what comes after: a request
 * is counted once for each way of counting.
 */

import type { Model, Models, Target } from '../catalog/model.js';
import type { ModelRequest } from '../formats/request.js';
import { noUsage } from '../formats/usage.js';
import type { Caller } from '../identity/key.js';
import { type Result, refuse, refused } from '../lib/errors.js';
import type { Feature } from '../lib/route-spec.js';
import { cost } from '../pricing/price.js';
import type { RouteRequest } from '../router/conditions.js';
import { hasFeature, lastUserText } from '../router/request-facts.js';
import type { Choice } from '../router/rules.js';
import type { CallHeaders } from './call.js';
import { countInput } from './count-input.js';
import { USUAL_OUTPUT } from './route.js';

interface Asking {
  readonly request: ModelRequest;
  readonly headers: Pick<CallHeaders, 'user' | 'tags' | 'metadata'>;
  readonly caller: Caller;
  readonly models: Models;
  readonly nowMs: number;
  readonly random: () => number;
}

/** A request as the rules of one model see it. */
export class AskedRoute implements RouteRequest {
  readonly #asking: Asking;
  readonly #counter: Target | undefined;
  #counted: number | Promise<number> | undefined;
  #text: string | undefined;

  constructor(asking: Asking, model: Model) {
    this.#asking = asking;
    this.#counter = lastResort(model, asking.models)?.targets[0];
  }

  get key() {
    return this.#asking.caller.key;
  }
  get team() {
    return this.#asking.caller.key.team;
  }
  get user() {
    return this.#asking.headers.user ?? this.#asking.request.user;
  }
  get tags() {
    return [...this.key.tags, ...this.#asking.headers.tags];
  }
  get nowMs() {
    return this.#asking.nowMs;
  }
  get random() {
    return this.#asking.random;
  }

  metadata(name: string): unknown {
    const { headers, request } = this.#asking;
    return own(headers.metadata, name) ?? own(request.metadata, name) ?? own(this.key.metadata, name);
  }

  has(feature: Feature): boolean {
    return hasFeature(this.#asking.request.json, feature);
  }

  text(): string {
    return (this.#text ??= lastUserText(this.#asking.request.json));
  }

  inputTokens(): number | Promise<number> {
    return this.#counter ? this.countedFor(this.#counter) : 0;
  }

  /** As the target's model counts. */
  countedFor(target: Target): number | Promise<number> {
    const { request } = this.#asking;
    const known = this.#counter;
    if (!known || target.adaptor !== known.adaptor || target.model !== known.model) return countInput(request, target);
    return (this.#counted ??= countInput(request, known));
  }

  costNano(name: string, inputTokens: number): number | null {
    const { models, nowMs, request } = this.#asking;
    const output = (request.maxOutput ?? USUAL_OUTPUT) * request.n;
    return dearestNano(models.get(name), inputTokens, output, nowMs);
  }
}

/** At the dearest target that has a price; null where none has. */
function dearestNano(model: Model | undefined, input: number, output: number, nowMs: number): number | null {
  let dearest: number | null = null;
  for (const target of model?.targets ?? []) {
    const price = target.priceAt(nowMs);
    if (price) dearest = Math.max(dearest ?? 0, cost({ ...noUsage(), input, output }, price).total);
  }
  return dearest;
}

export interface Routed {
  /** The model that serves: it has targets. */
  readonly model: Model;
  readonly asked: AskedRoute;
}

/** `model` has a route. */
export function routed(model: Model, asking: Asking): Result<Routed> | Promise<Result<Routed>> {
  return onward(model, asking, new AskedRoute(asking, model));
}

function onward(model: Model, asking: Asking, asked: AskedRoute): Result<Routed> | Promise<Result<Routed>> {
  if (!model.route) return { ok: true, value: { model, asked } };
  const choice = model.route.choose(asked);
  const next = ({ model: name }: Choice): Result<Routed> | Promise<Result<Routed>> => {
    const chosen = asking.models.get(name);
    return chosen ? onward(chosen, asking, asked) : refused(unusable(name));
  };
  return choice instanceof Promise ? choice.then(next) : next(choice);
}

const unusable = (name: string) =>
  refuse('no_target_available', `The route leads to the model '${name}', which does not exist.`);

/** Where the last rules lead: the model whose way of counting is used. */
function lastResort(model: Model, models: Models): Model | undefined {
  let at: Model | undefined = model;
  while (at?.route) at = models.get(at.route.last);
  return at;
}

const own = (values: Readonly<Record<string, unknown>> | undefined, name: string): unknown =>
  values && Object.hasOwn(values, name) ? values[name] : undefined;
