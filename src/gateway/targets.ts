/**
 * Where a request goes: the only place that picks targets, first and later. The router's plan and chain are asked with what is
 * known of the request. A model with one target and nothing to fall back to is picked without any of that: its chain is made
 * when something failed.
 */
import type { Model, Models, Target } from '../catalog/model.js';
import type { FailureClass, UpstreamFailure } from '../formats/failure.js';
import type { ModelRequest } from '../formats/request.js';
import { noUsage } from '../formats/usage.js';
import { mayUseModel } from '../identity/allow.js';
import type { Key } from '../identity/key.js';
import type { Clock } from '../lib/clock.js';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import type { Random } from '../lib/random.js';
import { cost } from '../pricing/price.js';
import type { Ask } from '../router/balance.js';
import { Chain, type Fallbacks, type Step } from '../router/chain.js';
import { isFaultOfTarget } from '../router/classify.js';
import { type Plan, plan } from '../router/plan.js';
import type { CallHeaders } from './call.js';
import { Choices } from './decision.js';

/** What of a request its way depends on. */
export interface Routable {
  /** Of the snapshot that the request is served by. */
  readonly models: Models;
  readonly model: Model;
  /** The model that was asked for, where it has a route: what it uses is open to the key. */
  readonly routed: Model | null;
  readonly request: ModelRequest;
  /** The end user. */
  readonly user: string | null;
  readonly headers: Pick<CallHeaders, 'fallbacks'>;
  readonly caller: { readonly key: Key };
}

interface PickingDeps {
  readonly clock: Clock;
  readonly random: Random;
}

interface PickerDeps extends PickingDeps {
  /** A further attempt was not made, because the model's retry budget is used up. */
  readonly onBudgetSpent: (model: Model) => void;
}

/** A target and the model that it belongs to. */
export type PickedTarget = Pick<Step<Model, Target>, 'model' | 'target'>;

/** Output tokens that are taken to be usual where a request does not say how many it wants at most. */
export const USUAL_OUTPUT = 500;

export class TargetPicker {
  readonly #request: Routable;
  readonly #deadlineMs: number;
  readonly #deps: PickerDeps;
  /** Of each model that was planned; made with the first. */
  #turns: Map<Model, number> | undefined;
  #chain: Chain<Model, Target> | undefined;
  /** The target of a model without a choice, once an attempt on it began. */
  #begun: Target | undefined;
  /** It counts as running there, until its attempt does. */
  #chosen: Target | undefined;
  /** The attempt that runs has taken a place of the retry budget. */
  #onBudget = false;
  #counted = false;
  readonly #choices: Choices;

  /** `deadlineMs`: monotonic. `rules`: of the rules of routes those that led to the model. */
  constructor(
    request: Routable & { readonly deadlineMs: number },
    rules: readonly number[] | undefined,
    deps: PickerDeps,
  ) {
    this.#request = request;
    this.#deadlineMs = request.deadlineMs;
    this.#deps = deps;
    this.#choices = new Choices(request.model, request.request.model, rules);
  }

  /** The target that is tried first. */
  first(): Result<PickedTarget> {
    const { model } = this.#request;
    const { clock } = this.#deps;
    if (model.lone) {
      const target = model.targets[0]!;
      if (target.state.breaker.held || !target.state.hasCredential) return this.#none();
      this.#choose(target);
      return ok({ model, target });
    }
    const step = this.#made().first();
    if (!step) return this.#none(clock.monotonic());
    this.#choose(step.target);
    this.#choices.next(step, step.model !== model ? 'fallback' : step.unhealthy ? 'unhealthy' : 'first');
    return ok(step);
  }

  /** The next one, where nothing can be sent to a target: it is at a limit of its own. */
  passOver({ target }: PickedTarget): PickedTarget | undefined {
    if (this.#request.model.lone) return undefined;
    this.#choices.passOver(target, 'at_limit');
    const step = this.#made().passOver(target, this.#deps.clock.monotonic());
    if (!step) return undefined;
    this.#choose(step.target);
    this.#choices.next(step, this.#choices.wayTo(step, undefined));
    return step;
  }

  /** An attempt begins. */
  begin({ model, target }: PickedTarget): void {
    this.#choose(target);
    this.#choices.begin(model, target);
    if (!this.#counted) this.#request.model.retryBudget?.request(this.#deps.clock.monotonic());
    this.#counted = true;
    if (this.#chain) this.#chain.begin(target);
    else this.#begun = target;
  }

  /** The attempt that was begun is on its way, and counts by itself. */
  sent(target: Target): void {
    if (this.#chosen === target) this.release();
  }

  /** The request chooses no target any more, or none for now. */
  release(): void {
    if (this.#chosen) this.#chosen.state.chosen--;
    this.#chosen = undefined;
  }

  #choose(target: Target): void {
    if (this.#chosen === target) return;
    this.release();
    target.state.chosen++;
    this.#chosen = target;
  }

  /** An attempt was answered: where it was a further one, it was worth its place. */
  answered(): void {
    if (this.#onBudget) this.#request.model.retryBudget?.giveBack(this.#deps.clock.monotonic());
    this.#onBudget = false;
  }

  /** The target that was begun cannot carry this request at all; nothing was sent. `why`: the code of what it was refused for. */
  unfit(target: Target, why: string): void {
    this.#choices.passOver(target, why);
    this.#made().unfit(target);
  }

  /** What follows an attempt that failed, or that could not be sent (`undefined`); undefined: nothing does. */
  next(failure: FailureClass | undefined, ended: UpstreamFailure | undefined): Step<Model, Target> | undefined {
    const timedOut = ended?.kind === 'timeout';
    const nowMs = this.#deps.clock.monotonic();
    if (failure !== undefined && SERVED.has(failure)) this.answered();
    const step = this.#made().next(failure, ended?.retryAfterMs, nowMs, timedOut);
    if (step) this.#choices.next(step, this.#choices.wayTo(step, failure), failure);
    const adds = step !== undefined && failure !== undefined && (isFaultOfTarget(failure) || step.again === true);
    if (adds && !this.#affords(nowMs)) return undefined;
    this.#onBudget = adds;
    return step;
  }

  /** Another target of the model at hand, to be asked beside the one that runs. */
  rival(): PickedTarget | undefined {
    const step = this.#made().rival();
    if (!step || !this.#affords(this.#deps.clock.monotonic())) return undefined;
    this.#choices.next(step, 'hedge');
    return step;
  }

  /** How the target of an attempt that was begun, or of the first, was chosen, in the words of its entry. */
  words({ model, target }: PickedTarget): string {
    return this.#choices.words(model, target);
  }

  /** The same of an answer from the cache, for which no target was asked. */
  hitWords(model: Model): string {
    return this.#choices.hit(model);
  }

  #affords(nowMs: number): boolean {
    const { model } = this.#request;
    if (model.retryBudget === null || model.retryBudget.take(nowMs)) return true;
    this.#deps.onBudgetSpent(model);
    return false;
  }

  /** Whether an answer that was withheld may be asked for elsewhere. */
  get canAvoidPolicy(): boolean {
    return this.#chain?.canAvoidPolicy ?? false;
  }

  /** Every target that the request may be sent to, whatever is known of it now. */
  reachable(): readonly PickedTarget[] {
    return reachable(this.#request);
  }

  #none(nowMs = this.#deps.clock.monotonic()): Result<never> {
    const { model } = this.#request;
    return refused(noTarget(model, this.#plan(model, false), nowMs));
  }

  #made(): Chain<Model, Target> {
    if (this.#chain) return this.#chain;
    const { model } = this.#request;
    const made = new Chain<Model, Target>({
      model,
      single: model.targets.length === 1,
      fallbacks: fallbacksOf(this.#request),
      retry: model.retry,
      deadlineMs: this.#deadlineMs,
      plan: (of, lastResort) => this.#plan(of, lastResort),
      random: this.#deps.random,
    });
    if (this.#begun) made.begin(this.#begun);
    this.#chain = made;
    return made;
  }

  #plan(model: Model, lastResort: boolean): Plan<Target> {
    this.#turns ??= new Map();
    let turn = this.#turns.get(model);
    if (turn === undefined) this.#turns.set(model, (turn = model.turns.next++));
    const { clock, random } = this.#deps;
    const ask = askFor(model, this.#request, turn, clock.now());
    const nowMs = clock.monotonic();
    const made = plan(model, ask, nowMs, random, lastResort);
    this.#choices.planned(model, made, ask, nowMs);
    return made;
  }
}

/** The router's plan of a model for a request. Asking changes nothing. */
export function planFor(
  model: Model,
  request: Pick<Routable, 'request' | 'user'>,
  turn: number,
  { clock, random }: PickingDeps,
  lastResort = false,
): Plan<Target> {
  return plan(model, askFor(model, request, turn, clock.now()), clock.monotonic(), random, lastResort);
}

/** `nowMs`: wall time, for prices. */
function askFor(
  model: Model,
  { request: { facts }, user }: Pick<Routable, 'request' | 'user'>,
  turn: number,
  nowMs: number,
): Ask<Target> {
  const tokens = { ...noUsage(), input: Math.ceil(facts.sizeBytes / 4), output: facts.maxOutput ?? USUAL_OUTPUT };
  let costs: Map<Target, number> | undefined;
  const together = model.affinity !== 'none' && model.targets.length > 1;
  return {
    affinity: together ? (model.affinity === 'user' ? user : facts.prefix()) : null,
    turn,
    costOf: (target) => {
      costs ??= new Map();
      let known = costs.get(target);
      if (known === undefined) {
        const price = target.priceAt(nowMs);
        known = price ? cost(tokens, price).total : Number.POSITIVE_INFINITY;
        costs.set(target, known);
      }
      return known;
    },
  };
}

/** What a target answers that works. */
const SERVED: ReadonlySet<FailureClass> = new Set(['caller', 'context_window', 'content_policy', 'invalid_output']);

const NO_FALLBACKS: Fallbacks<Model> = { general: [], contextWindow: [], contentPolicy: [] };

/** A key's models are a fence that fallbacks do not climb over. */
export function fallbacksOf({ models, model, routed, caller, headers }: Routable): Fallbacks<Model> {
  if (!headers.fallbacks || model.lone) return NO_FALLBACKS;
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

/** Every target that a request may be sent to, whatever is known of it now. */
export function reachable(request: Routable): readonly PickedTarget[] {
  const { general, contextWindow, contentPolicy } = fallbacksOf(request);
  const models = new Set([request.model, ...general, ...contextWindow, ...contentPolicy]);
  return [...models].flatMap((model) =>
    model.targets.filter(({ state }) => state.hasCredential).map((target) => ({ model, target })),
  );
}

const REASONS = {
  no_credential: 'has no credential',
  held_open: 'is taken out of service',
  open: 'failed too often',
  probing: 'is being tried again',
  unhealthy: 'does not answer health probes',
  resting: 'asked to be left alone',
  credentials_resting: 'takes none of its credentials now',
} as const;

function withoutCredential(model: string, skipped: Plan<Target>['skipped']): Refusal {
  const names = [...new Set(skipped.map(({ target }) => target.provider))];
  const which = names.map((name) => `'${name}'`).join(', ');
  const words = `The model '${model}' is not served, because no credential is configured for ${names.length > 1 ? 'any of the providers' : 'the provider'} ${which}. The operator of the gateway must set \`api_key\` of ${names.length > 1 ? 'one of them' : 'it'}.`;
  return refuse('upstream_account_error', words, { headers: { 'x-should-retry': 'false' } });
}

/** `nowMs`: monotonic. */
export function noTarget({ name }: Model, { skipped }: Plan<Target>, nowMs: number): Refusal {
  if (skipped.length > 0 && skipped.every(({ why }) => why === 'no_credential'))
    return withoutCredential(name, skipped);
  const soonestMs = Math.min(...skipped.map(({ untilMs }) => untilMs)) - nowMs;
  const reasons = skipped.map(({ target, why }) => `${target.id} ${REASONS[why]}`).join(', ');
  const known = Number.isFinite(soonestMs) && soonestMs > 0;
  const ms = Math.min(60_000, Math.ceil(soonestMs));
  const words = `No target of the model '${name}' can be used now${reasons && `: ${reasons}`}. Try again ${known ? `in ${Math.ceil(ms / 1000)} s` : 'later'}, or ask for another model.`;
  if (!known) return refuse('no_target_available', words, { headers: { 'x-should-retry': 'false' } });
  return refuse('no_target_available', words, {
    headers: { 'retry-after': String(Math.ceil(ms / 1000)), 'retry-after-ms': String(ms) },
  });
}
