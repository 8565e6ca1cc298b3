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
import { foldText } from '../router/fold-text.js';
import type { Choice } from '../router/rules.js';
import type { Counted } from '../tokens/count.js';
import type { CallHeaders } from './call.js';
import { countAlike, countInput } from './count-input.js';
import { USUAL_OUTPUT } from './targets.js';

interface RoutedRequest {
  readonly request: ModelRequest;
  readonly headers: Pick<CallHeaders, 'user' | 'tags' | 'metadata'>;
  readonly caller: Caller;
  readonly models: Models;
  readonly nowMs: number;
  readonly random: () => number;
}

/** A request as the rules of one model see it. */
export class AskedRoute implements RouteRequest {
  readonly #request: RoutedRequest;
  readonly #counter: Target | undefined;
  /** Of the rules those that held, each its place in its model's list. */
  readonly rules: number[] = [];
  #counted: Counted | Promise<Counted> | undefined;
  #text: string | undefined;
  #folded: string | undefined;

  constructor(request: RoutedRequest, model: Model) {
    this.#request = request;
    this.#counter = lastResort(model, request.models)?.targets[0];
  }

  get key() {
    return this.#request.caller.key;
  }
  get team() {
    return this.#request.caller.key.team;
  }
  get user() {
    return this.#request.headers.user ?? this.#request.request.user;
  }
  get tags() {
    return [...this.key.tags, ...this.#request.headers.tags];
  }
  get nowMs() {
    return this.#request.nowMs;
  }
  get random() {
    return this.#request.random;
  }

  metadata(name: string): unknown {
    const { headers, request } = this.#request;
    return own(headers.metadata, name) ?? own(request.metadata, name) ?? own(this.key.metadata, name);
  }

  has(feature: Feature): boolean {
    return this.#request.request.facts.has(feature);
  }

  text(): string {
    return (this.#text ??= this.#request.request.facts.lastUserText());
  }

  foldedText(): string {
    return (this.#folded ??= foldText(this.text()));
  }

  inputTokens(): number | Promise<number> {
    if (!this.#counter) return 0;
    const counted = this.countedFor(this.#counter);
    return counted instanceof Promise ? counted.then(({ expected }) => expected) : counted.expected;
  }

  /** As the target's model counts. */
  countedFor(target: Target): Counted | Promise<Counted> {
    const { facts } = this.#request.request;
    const known = this.#counter;
    if (!known || !countAlike(target, known)) return countInput(facts, target);
    return (this.#counted ??= countInput(facts, known));
  }

  costNano(name: string, inputTokens: number): number | null {
    const { models, nowMs, request } = this.#request;
    const output = (request.facts.maxOutput ?? USUAL_OUTPUT) * request.facts.choices;
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
export function routed(model: Model, request: RoutedRequest): Result<Routed> | Promise<Result<Routed>> {
  return onward(model, request.models, new AskedRoute(request, model));
}

function onward(model: Model, models: Models, asked: AskedRoute): Result<Routed> | Promise<Result<Routed>> {
  if (!model.route) return { ok: true, value: { model, asked } };
  const choice = model.route.choose(asked);
  const next = ({ model: name, rule }: Choice): Result<Routed> | Promise<Result<Routed>> => {
    asked.rules.push(rule);
    const chosen = models.get(name);
    return chosen ? onward(chosen, models, asked) : refused(unusable(name));
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
