/**
 * What would happen to a request, told without doing any of it: the same stations as the request path, asked and not
 * entered. Nothing is sent, nothing is taken from a limit, no turn is used up and no breaker is touched. Where chance
 * decides, it is drawn as for a request, so asking again may tell another order.
 */

import type { CachePolicy } from '../cache/cache.js';
import type { Peeked, Recall } from '../cache/recall.js';
import { carry } from '../catalog/carrier.js';
import type { Model, Models, Target } from '../catalog/model.js';
import type { InForce } from '../catalog/snapshot.js';
import type { Snapshots } from '../config/snapshot.js';
import type { ApiFormat, Replay } from '../formats/format.js';
import type { ModelRequest } from '../formats/request.js';
import { noUsage } from '../formats/usage.js';
import { admit } from '../gateway/admit.js';
import { questionOf } from '../gateway/caching.js';
import { type CallHeaders, headersOf } from '../gateway/call.js';
import { captureModeOf } from '../gateway/capture-mode.js';
import { countInput } from '../gateway/count-input.js';
import type { GuardPorts } from '../gateway/guard-input.js';
import type { Guarded } from '../gateway/guarded-request.js';
import type { Limiter } from '../gateway/limiter.js';
import { priceFor, unpriced } from '../gateway/price-for.js';
import { AskedRoute } from '../gateway/routing.js';
import { fallbacksOf, noTarget, planFor, type Routable, reachable, USUAL_OUTPUT } from '../gateway/targets.js';
import type { Caller } from '../identity/key.js';
import type { CaptureMode } from '../lib/capture-spec.js';
import type { Clock } from '../lib/clock.js';
import { type Refusal, type Result, statusOf } from '../lib/errors.js';
import { usd } from '../lib/money.js';
import type { Random } from '../lib/random.js';
import type { DryRun, DryRunLimit } from '../limits/dry-run.js';
import { cost } from '../pricing/price.js';
import type { Plan } from '../router/plan.js';
import type { Counted } from '../tokens/count.js';
import { type ExplainedGuard, explainGuards } from './explain-guards.js';
import type { ExplainedRule, ExplainedTarget, Explanation } from './explanation.js';

export interface Question {
  readonly caller: Result<Caller>;
  readonly format: ApiFormat;
  readonly headers: Result<CallHeaders>;
  /** Where the request comes from; null: its address is not asked about. */
  readonly ip: string | null;
  /** The request's body. */
  readonly body: Buffer;
  /** Guards that answer elsewhere are asked too: then what they are asked about leaves the gateway. */
  readonly asksGuards: boolean;
}

interface ExplainDeps {
  readonly snapshots: Pick<Snapshots<InForce>, 'enter'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly limiter: Pick<Limiter, 'dryRun'>;
  readonly recall: Pick<Recall, 'peek'>;
  readonly guards: GuardPorts;
}

export type Explainer = (question: Question) => Promise<Explanation>;

export const createExplainer =
  (deps: ExplainDeps): Explainer =>
  async (question) => {
    const snapshot = deps.snapshots.enter();
    try {
      return await explain(question, snapshot.value.models, deps);
    } finally {
      snapshot.leave();
    }
  };

/** What was found out so far; a refusal ends it. */
interface Findings {
  caller?: Caller;
  serves?: Model;
  rules?: readonly ExplainedRule[];
  plan?: readonly PlannedTarget[];
  dryRun?: DryRun;
  request?: ModelRequest;
  guards?: readonly ExplainedGuard[];
  capture?: CaptureMode;
  cache?: Peeked;
  retriesLeft?: number | null;
}

async function explain(question: Question, models: Models, deps: ExplainDeps): Promise<Explanation> {
  const found: Findings = {};
  const { caller, format, ip } = question;
  if (!caller.ok) return explanation(found, caller.refusal);
  found.caller = caller.value;
  if (!question.headers.ok) return explanation(found, question.headers.refusal);
  const headers = headersOf(caller.value, question.headers.value);
  const request = await format.read(question.body);
  if (!request.ok) return explanation(found, request.refusal);
  found.request = request.value;
  const admitted = admit(anywhere(caller.value, ip), format.endpoint, request.value.model, ip ?? '', models);
  if (!admitted.ok) return explanation(found, admitted.refusal);
  const user = (headers.user ?? request.value.user) || null;
  const reading = { format, caller: caller.value, models, request: request.value, model: admitted.value, user };
  found.capture = captureModeOf(caller.value, admitted.value, models);
  const guarding = await explainGuards({ ...reading, requestId: headers.requestId }, question.asksGuards, deps.guards);
  found.guards = guarding.told;
  if (!guarding.passed.ok) return explanation(found, guarding.passed.refusal);
  const { request: sent, guarded } = guarding.passed.value;
  const asked = { request: sent, guarded, headers, caller: caller.value, models, user };
  const { model, rules } = await followed(admitted.value, asked, deps);
  found.rules = rules;
  found.serves = model;
  found.retriesLeft = retriesLeft(model, deps.clock);
  const routable = { ...asked, model, routed: admitted.value.route ? admitted.value : null };
  found.plan = await planOf(routable, deps);
  // The other fallbacks are for answers that were had.
  const tried = triedOf(found.plan);
  const first = tried[0];
  if (!first) return explanation(found, noTarget(model, nextPlan(model, routable, deps), deps.clock.monotonic()));
  if (model.cache && format.replay) found.cache = await peek(routable, model.cache, format.replay, deps);
  const { dryRun, full } = await limitsInTurn(routable, tried, format, deps);
  found.dryRun = dryRun;
  found.plan = found.plan.map((one) => (full.includes(one) ? atLimit(one) : one));
  if (found.dryRun.refusal) return explanation(found, found.dryRun.refusal);
  return explanation(found, tried.some(({ refusal }) => refusal === undefined) ? undefined : first.refusal);
}

function peek(
  routable: ExplainedRequest,
  policy: CachePolicy,
  replay: Replay<ModelRequest>,
  { recall }: ExplainDeps,
): Promise<Peeked> {
  const { tags } = routable.headers;
  return recall.peek(questionOf({ ...routable, tags, policy, replay, writer: null }));
}

/** What is tried, in its order: where health probes keep back all there is, the first of these. */
function triedOf(plan: readonly PlannedTarget[]): readonly PlannedTarget[] {
  const may = plan.filter(({ told: { as } }) => as === 'first' || as === 'fallback');
  const ready = may.filter(({ told }) => told.ready);
  return ready.length > 0
    ? ready
    : may.filter(({ told }) => told.as === 'first' && told.why_not === 'unhealthy').slice(0, 1);
}

const atLimit = (one: PlannedTarget): PlannedTarget => ({
  ...one,
  told: { ...one.told, ready: false, why_not: 'at_limit' },
});

/** As for a request: a target that is at a limit of its own is passed over; where all are, the first refusal stands. */
async function limitsInTurn(
  routable: ExplainedRequest,
  tried: readonly PlannedTarget[],
  format: ApiFormat,
  deps: ExplainDeps,
): Promise<{ dryRun: DryRun; full: readonly PlannedTarget[] }> {
  const full: PlannedTarget[] = [];
  const refusing: DryRunLimit[] = [];
  let first: DryRun | undefined;
  for (const one of tried) {
    const dryRun = await limitsOf(routable, one, format, deps);
    if (!dryRun.refusal?.atTarget) return { dryRun: { ...dryRun, limits: [...refusing, ...dryRun.limits] }, full };
    first ??= dryRun;
    full.push(one);
    refusing.push(...dryRun.limits.filter(({ admits }) => !admits));
  }
  return { dryRun: first!, full };
}

/** As for a request: limits are taken for the target that is tried, whether or not it can carry the request. */
function limitsOf(
  routable: ExplainedRequest,
  { model, target, input }: PlannedTarget,
  { endpoint }: ApiFormat,
  { limiter }: ExplainDeps,
): Promise<DryRun> {
  const { request, headers, caller, user } = routable;
  const { tags, requestId } = headers;
  const demand = { caller, request, tags, user, requestId, endpoint };
  return limiter.dryRun(demand, { model, target, input }, () => reachable(routable));
}

/** An address that nobody asks about is any address. */
const anywhere = (caller: Caller, ip: string | null): Caller =>
  ip === null ? { ...caller, key: { ...caller.key, allowed_ips: null } } : caller;

/** A request with what it is routed by. */
interface ExplainedRequest extends Routable {
  readonly headers: CallHeaders;
  readonly caller: Caller;
  readonly guarded: Guarded | null;
}

/** Through the rules, to the model that serves. */
async function followed(
  model: Model,
  request: Omit<ExplainedRequest, 'model' | 'routed'>,
  { clock, random }: ExplainDeps,
): Promise<{ model: Model; rules: readonly ExplainedRule[] }> {
  const asked = new AskedRoute({ ...request, nowMs: clock.now(), random }, model);
  const rules: ExplainedRule[] = [];
  let at = model;
  while (at.route) {
    const { choice, trace } = await at.route.explain(asked);
    const of = at.name;
    rules.push(...trace.map((rule) => ({ of, ...rule })));
    const next = request.models.get(choice.model);
    if (!next) break;
    at = next;
  }
  return { model: at, rules };
}

interface PlannedTarget {
  readonly target: Target;
  readonly model: Model;
  readonly told: ExplainedTarget;
  readonly input: Counted;
  readonly costNano: number | null;
  /** Why it cannot carry the request. */
  readonly refusal: Refusal | undefined;
}

/** The router's plan of a model, with the turn that is next and stays so. */
const nextPlan = (model: Model, request: ExplainedRequest, deps: ExplainDeps, lastResort = false): Plan<Target> =>
  planFor(model, request, model.turns.next, deps, lastResort);

/** Every target that may be reached: of the model that serves, in the order of its plan, and of its fallbacks. */
async function planOf(request: ExplainedRequest, deps: ExplainDeps): Promise<PlannedTarget[]> {
  const { model } = request;
  const { general, contextWindow, contentPolicy } = fallbacksOf(request);
  const alone = general.length === 0 && model.targets.length === 1;
  const lists = [
    [[model], 'first'],
    [general, 'fallback'],
    [contextWindow, 'context_window_fallback'],
    [contentPolicy, 'content_policy_fallback'],
  ] as const;
  const found = lists.flatMap(([list, as]) =>
    list.flatMap((one) => {
      // What has nothing beside it is tried whatever is known of it.
      const { ready, skipped } = nextPlan(one, request, deps, alone && as === 'first');
      const bare = { model: one, as };
      return [...ready.map((target) => ({ ...bare, target })), ...skipped.map((skip) => ({ ...bare, ...skip }))];
    }),
  );
  return Promise.all(found.map((one) => plannedOf(one, request.request, deps)));
}

interface ListedTarget extends Partial<Plan<Target>['skipped'][number]> {
  readonly target: Target;
  readonly model: Model;
  readonly as: ExplainedTarget['as'];
}

async function plannedOf(
  { target, model, as, why, untilMs }: ListedTarget,
  request: ModelRequest,
  { clock }: ExplainDeps,
): Promise<PlannedTarget> {
  const now = clock.monotonic();
  const price = priceFor(target, request, clock.now());
  const carried = await carry(request, model, target, { maxOutput: null, nowMs: clock.now() });
  const refusal = carried.ok ? (price ? undefined : unpriced(model, target, clock.now())) : carried.refusal;
  const input = await countInput(request.facts, target);
  const costNano = price ? cost({ ...noUsage(), input: input.expected, output: outputOf(request) }, price).total : null;
  const { id, provider, priority, weight, state } = target;
  const told: ExplainedTarget = {
    ...{ target: id, provider, model: model.name, upstream_model: target.model, as, priority, weight },
    ready: why === undefined,
    why_not: why ?? null,
    ready_in_ms: untilMs === undefined || !Number.isFinite(untilMs) ? null : Math.max(0, Math.ceil(untilMs - now)),
    breaker: state.breaker.state(now),
    probe: state.probe.last && { up: state.probe.up, what: state.probe.last.what },
    in_flight: state.load,
    latency_ms: Math.round(state.latency.read(now)),
    dropped_params: carried.ok ? [...carried.value.dropped] : [],
    refusal: refusal?.message ?? null,
    input_tokens: input.expected,
    price_version: price?.version ?? null,
    cost_usd: costNano === null ? null : usd(costNano),
  };
  return { target, model, told, input, costNano, refusal };
}

const outputOf = ({ facts }: ModelRequest): number => (facts.maxOutput ?? USUAL_OUTPUT) * facts.choices;

function explanation(found: Findings, refusal: Refusal | undefined): Explanation {
  const { caller, request, serves, dryRun, rules = [], plan = [] } = found;
  return {
    would: refusal ? 'refuse' : 'send',
    status: refusal ? statusOf(refusal) : 200,
    error: refusal ? { code: refusal.code, message: refusal.message, param: refusal.param ?? null } : null,
    caller: caller ? { key: caller.key.id, name: caller.key.name, team: caller.key.team } : null,
    model: request ? { asked: request.model, ...modelTold(serves, found.retriesLeft ?? null) } : null,
    rules: [...rules],
    guards: [...(found.guards ?? [])],
    capture: found.capture ?? null,
    limits: dryRun?.limits ?? [],
    cache: found.cache ?? { state: 'off', why: null, entry: null },
    plan: plan.map((one) => one.told),
    estimate: request && plan.length > 0 ? estimateOf(plan, request, dryRun?.outputTokens ?? null) : null,
  };
}

const retriesLeft = ({ retryBudget }: Model, clock: Clock): number | null =>
  retryBudget ? Math.max(0, Math.floor(retryBudget.left(clock.monotonic()) + 1e-9)) : null;

const modelTold = (serves: Model | undefined, left: number | null) => ({
  serves: serves?.name ?? null,
  balance: serves?.balance ?? null,
  max_attempts: serves?.retry.max_attempts ?? null,
  retries_left: left,
});

function estimateOf(
  plan: readonly PlannedTarget[],
  request: ModelRequest,
  held: number | null,
): NonNullable<Explanation['estimate']> {
  const first = plan.find(({ told: { ready }, refusal }) => ready && !refusal) ?? plan[0]!;
  const costs = plan.flatMap(({ costNano }) => (costNano === null ? [] : [costNano]));
  return {
    input_tokens: first.told.input_tokens,
    output_tokens: outputOf(request),
    held_output_tokens: held,
    cost_usd: first.told.cost_usd,
    most_cost_usd: costs.length > 0 ? usd(Math.max(...costs)) : null,
  };
}
