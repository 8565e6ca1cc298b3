/**
 * The limits of a request on its way: reserved before it is sent, told of each attempt, and closed exactly once. With the
 * counters in memory nothing here waits; with Redis a reservation and a settlement are one round trip each. A request to
 * which no limit applies costs two look-ups.
 *
 * What is settled is what the ledger's entries say, of each limit the attempts that it counts. A request of which no attempt
 * was recorded was never sent, and gives everything back. One that ended in a fault of the gateway counts at least what was
 * held.
 */
import type { Target } from '../catalog/model.js';
import type { Endpoint } from '../formats/format-id.js';
import type { ModelRequest } from '../formats/request.js';
import { inputOf } from '../formats/usage.js';
import type { Caller } from '../identity/key.js';
import type { Clock } from '../lib/clock.js';
import { ok, type Refusal, type Result, refused } from '../lib/errors.js';
import { newId } from '../lib/ids.js';
import { type Actuals, cost, justARequest } from '../limits/amount.js';
import { ALL_ATTEMPTS, type AttemptUse, countedBy, usedBy } from '../limits/attempt-use.js';
import type { Crossing, Denial } from '../limits/denial.js';
import { type DryRun, dryRun } from '../limits/dry-run.js';
import { ExpectedOutput } from '../limits/expected.js';
import type { Hold } from '../limits/hold.js';
import type { Limit } from '../limits/limit.js';
import type { LimitsEngine, ReserveResult } from '../limits/limits.js';
import { type Ended, OpenRisk } from '../limits/open-risk.js';
import { fullRefusalOf, heldHeaders, unavailableRefusal } from '../limits/words.js';
import { Applicable } from './applicable.js';
import { countAlike, countInput } from './count-input.js';
import type { Admitted, Reach } from './stages.js';
import type { PickedTarget } from './targets.js';
import type { Bill } from './usage-accounting.js';
import { boundsOutput, outputCap, worstCase } from './worst-case.js';

/** What a limit decides by, beside where the request goes. */
export interface Demand {
  readonly caller: Caller;
  readonly user: string | null;
  readonly request: ModelRequest;
  readonly tags: readonly string[];
  readonly requestId: string;
  readonly endpoint: Endpoint;
}

export const demandOf = ({ caller, user, request, tags, call }: Admitted): Demand => ({
  caller,
  user,
  request,
  tags,
  requestId: call.requestId,
  endpoint: call.format.endpoint,
});

export interface LimiterPorts {
  readonly limits: LimitsEngine;
  /** Who counts how far rates may be gone over; this limiter unless told. */
  readonly risk?: Pick<OpenRisk, 'take'>;
  /** What is known of answers already; nothing unless told. */
  readonly expected?: ExpectedOutput;
  readonly clock: Clock;
  /** What is needed to write the ledger entry of a request whose gateway died. Only asked for where another could. */
  readonly note?: (demand: Demand, first: Reach, heldAtMs: number) => string;
  readonly onDenied?: (denial: Denial, demand: Demand) => void;
  /** Told of the marks of budgets that a settlement crossed. */
  readonly onCrossings?: (crossings: readonly Crossing[], demand: Demand) => void;
  readonly onFault?: (error: unknown) => void;
  /** What a refused caller is to know of where budgets are counted; undefined where all gateways share them. */
  readonly notice?: () => string | undefined;
}

/** What a request was granted. Closed once. */
export interface Grant {
  readonly demand: Demand;
  /** Null: no limit applies. */
  hold: Hold | null;
  /** By the clock that budgets go by. */
  heldAtMs: number;
  /** A budget holds what the output may come to. */
  bounded: boolean;
  /** Where the request goes; its limits are held. */
  target: Target;
  attempts: AttemptUse[];
  /** Attempts that race, while they run. */
  beside: readonly Reach[];
  /** To be told of the end; undefined where rates took all that the request may use. */
  ended: Ended | undefined;
}

/** What an answer from the cache counts for. */
const hitUnits: ReadonlySet<string> = new Set(['requests', 'concurrent']);

const NO_HEADERS: readonly string[] = [];
/** Of requests without a hold, which record none. */
const NO_ATTEMPTS: AttemptUse[] = [];
const NOBODY: readonly Reach[] = [];

export class Limiter {
  readonly #ports: LimiterPorts;
  readonly #limits: LimitsEngine;
  readonly #applicable = new Applicable();
  readonly #expected: ExpectedOutput;
  readonly #risk: Pick<OpenRisk, 'take'>;

  constructor(ports: LimiterPorts) {
    this.#ports = ports;
    this.#limits = ports.limits;
    [this.#expected, this.#risk] = [ports.expected ?? new ExpectedOutput(), ports.risk ?? new OpenRisk()];
  }

  /** Takes all limits of a request for its first target, at the worst that this or any of `others` may cost, or none. */
  reserve(demand: Demand, first: Reach, others: () => readonly PickedTarget[]): Result<Grant> | Promise<Result<Grant>> {
    const limits = this.#applying(demand, first);
    if (limits.length === 0) return ok(grantOf(demand, first.target, null, 0, false));
    const reach = withOthers(demand.request, first, others());
    if (reach instanceof Promise) return reach.then((all) => this.#reserve(demand, limits, all));
    return this.#reserve(demand, limits, reach);
  }

  /** Takes a request without tokens and without a cost from the limits that count requests. */
  async reserveRequest(demand: Demand, at: PickedTarget): Promise<Result<Grant>> {
    const limits = this.#applying(demand, at).filter(({ spec }) => spec.unit === 'requests');
    if (limits.length === 0) return ok(grantOf(demand, at.target, null, 0, false));
    const heldAtMs = this.#limits.nowMs();
    const id = newId('hold', this.#ports.clock.now());
    const outcome = await this.#limits.reserve({ id, limits, estimate: justARequest });
    if (outcome.kind !== 'reserved') return refused(this.#refusal(outcome, demand));
    return ok(grantOf(demand, at.target, outcome.hold, heldAtMs, false));
  }

  /** Takes what a hit counts for: the request, and nothing of tokens or money. Undefined where not even that is left. */
  async reserveHit(demand: Demand, first: PickedTarget): Promise<Grant | undefined> {
    const limits = this.#applying(demand, first).filter(({ spec: { unit } }) => hitUnits.has(unit));
    const heldAtMs = this.#limits.nowMs();
    if (limits.length === 0) return grantOf(demand, first.target, null, 0, false);
    const id = newId('hold', this.#ports.clock.now());
    const done = await this.#limits.reserve({ id, limits, estimate: justARequest });
    return done.kind === 'reserved' ? grantOf(demand, first.target, done.hold, heldAtMs, false) : undefined;
  }

  /** What `reserve` would come to, without taking anything. */
  async dryRun(demand: Demand, first: Reach, others: () => readonly PickedTarget[]): Promise<DryRun> {
    const limits = this.#applying(demand, first);
    const reach = await withOthers(demand.request, first, others());
    return dryRun(this.#limits, limits, this.#estimate(demand, reach, boundsOutput(limits)));
  }

  /**
   * Makes ready for a further attempt: the limits of its target are taken too, and budgets hold what the attempts before it
   * used and those that run beside it may, besides the worst that it may cost itself. A refusal leaves everything as it was.
   */
  async move(grant: Grant, to: Reach): Promise<Refusal | undefined> {
    const { hold, demand } = grant;
    const { target } = to;
    const spent = this.#spent(grant);
    if (target === grant.target && !spent) return undefined;
    const limits = this.#applying(demand, to);
    if (limits.length === 0 && grant.target.limits.length === 0) {
      grant.target = target;
      return undefined;
    }
    if (!hold) {
      const taken = await this.#reserve(demand, limits, [to]);
      if (!taken.ok) return taken.refusal;
      const { value } = taken;
      grant.hold = value.hold;
      grant.attempts = value.attempts;
      grant.ended = value.ended;
      grant.heldAtMs = value.heldAtMs;
      grant.bounded = value.bounded;
      grant.target = target;
      return undefined;
    }
    const bounded = grant.bounded || boundsOutput(limits);
    const estimate = { ...this.#estimate(demand, [to], bounded), spent };
    const free =
      grant.target === target || grant.beside.length > 0
        ? []
        : grant.target.limits.filter(({ kind }) => kind === 'concurrent');
    const outcome = await this.#limits.amend(hold, { limits, estimate, free });
    if (outcome.kind !== 'reserved') return this.#refusal(outcome, demand);
    grant.bounded = bounded;
    grant.target = target;
    return undefined;
  }

  /** The maximum of each choice to send to a target instead of the caller's own; null where that stays. */
  cap(grant: Grant, { model, target }: PickedTarget): number | null {
    return outputCap(grant.demand.request, model, target, this.grantedOutput(grant));
  }

  /** Output tokens that are held for all choices, where a budget bounds them. */
  grantedOutput({ hold, bounded }: Grant): number {
    return hold && bounded ? hold.outputTokens : Number.POSITIVE_INFINITY;
  }

  /** The headers that tell of rate limits, names and values in turn. */
  headers({ hold }: Grant): readonly string[] {
    return hold ? heldHeaders(hold.parts, this.#limits.nowMs()) : NO_HEADERS;
  }

  /** An attempt was made, and its entry appended to the ledger. */
  record(
    { hold, demand, attempts }: Grant,
    { model, target }: PickedTarget,
    { tokens, cost }: Pick<Bill, 'tokens' | 'cost'>,
  ): void {
    if (!hold) return;
    attempts.push({
      model: model.name,
      target: target.id,
      modelScope: model.label,
      targetScope: target.label,
      inputTokens: inputOf(tokens),
      outputTokens: tokens.output,
      usdNano: cost.total,
    });
    if (tokens.output > 0) this.#expected.learn(demand.caller.key.id, model.name, tokens.output);
  }

  /** Settles what was recorded, or gives everything back. Again, it does nothing. */
  close(grant: Grant): void | Promise<void> {
    const { hold, attempts, demand } = grant;
    grant.ended?.();
    if (!hold || hold.closing) return;
    if (attempts.length === 0) return this.#limits.release(hold);
    try {
      const crossings = this.#limits.settle(hold, (limit) => usedBy(countedBy(limit), attempts), 'exact');
      if (crossings instanceof Promise) return crossings.then((crossed) => this.#crossed(crossed, demand));
      this.#crossed(crossings, demand);
    } catch (error) {
      this.#ports.onFault?.(error);
      return this.fail(grant);
    }
  }

  /** The gateway failed while the request may have been sent: at least what is held is counted. */
  async fail({ hold, attempts, ended }: Grant): Promise<void> {
    ended?.();
    if (!hold || hold.closing) return;
    await this.#limits.settle(hold, { ...usedBy(ALL_ATTEMPTS, attempts), requests: 1 }, 'at-least');
  }

  #applying({ caller, user }: Demand, { model, target }: PickedTarget): readonly Limit[] {
    return this.#applicable.of(caller, user, model, target);
  }

  #reserve(demand: Demand, limits: readonly Limit[], reach: readonly Reach[]): Result<Grant> | Promise<Result<Grant>> {
    const heldAtMs = this.#limits.nowMs();
    const bounded = boundsOutput(limits);
    const first = reach[0]!;
    const whole = this.#estimate(demand, reach, bounded);
    // Who states a maximum may use it, whatever answers were before.
    const { estimate, ended } =
      demand.request.facts.maxOutput === null ? { estimate: whole, ended: undefined } : this.#risk.take(limits, whole);
    const asked = {
      id: newId('hold', this.#ports.clock.now()),
      limits,
      estimate,
      stated: demand.request.facts.maxOutput !== null,
      ...(this.#ports.note && this.#limits.state !== 'memory'
        ? { note: this.#ports.note(demand, first, heldAtMs) }
        : {}),
    };
    const conclude = (done: ReserveResult): Result<Grant> => {
      if (done.kind === 'reserved')
        return ok({ ...grantOf(demand, first.target, done.hold, heldAtMs, bounded), ended });
      ended?.();
      return refused(this.#refusal(done, demand));
    };
    const failed = (error: unknown): never => {
      ended?.();
      throw error;
    };
    try {
      const outcome = this.#limits.reserve(asked);
      return outcome instanceof Promise ? outcome.then(conclude).catch(failed) : conclude(outcome);
    } catch (error) {
      return failed(error);
    }
  }

  /** What the attempts so far used, and what those beside may; undefined where that is nothing. */
  #spent(grant: Grant): Actuals | undefined {
    const { demand, attempts, bounded, beside } = grant;
    const spent = { ...usedBy(ALL_ATTEMPTS, attempts), requests: 1 };
    for (const reach of beside) {
      const most = this.#estimate(demand, [reach], bounded);
      const output = Math.min(most.output.want, this.grantedOutput(grant));
      spent.inputTokens += most.inputTokensMost;
      spent.outputTokens += output;
      spent.usdNano += most.inputNanoMost + cost(output, most.outputPicoMost);
    }
    return spent.inputTokens + spent.outputTokens + spent.usdNano > 0 ? spent : undefined;
  }

  #estimate({ caller, request }: Demand, reach: readonly Reach[], bounded: boolean) {
    const { name } = reach[0]!.model;
    return worstCase(request, reach, bounded, this.#ports.clock.now(), (most) =>
      this.#expected.expect(caller.key.id, name, most),
    );
  }

  #refusal(outcome: Exclude<ReserveResult, { kind: 'reserved' }>, demand: Demand): Refusal {
    if (outcome.kind === 'unavailable') return unavailableRefusal(outcome.retryAfterMs);
    this.#ports.onDenied?.(outcome.denial, demand);
    const refusal = fullRefusalOf(outcome.denial, this.#limits.nowMs(), this.#ports.notice?.());
    return outcome.denial.limit.scope.kind === 'target' ? { ...refusal, atTarget: true } : refusal;
  }

  #crossed(crossings: readonly Crossing[], demand: Demand): void {
    if (crossings.length > 0) this.#ports.onCrossings?.(crossings, demand);
  }
}

/** The id of a request's first entry: of the hold's, so that only one can be written of a request whose gateway died. */
export const firstEntryId = (holdId: string): string => `ent_${holdId.slice(holdId.indexOf('_') + 1)}`;

const grantOf = (demand: Demand, target: Target, hold: Hold | null, takenAtMs: number, bounded: boolean): Grant => {
  let heldAtMs = takenAtMs;
  // A window may have begun while the reservation was on its way.
  for (const { window } of hold?.parts ?? []) if (window && window.startMs > heldAtMs) heldAtMs = window.startMs;
  return {
    demand,
    target,
    hold,
    heldAtMs,
    bounded,
    attempts: hold ? [] : NO_ATTEMPTS,
    beside: NOBODY,
    ended: undefined,
  };
};

/** The places that a request may reach, with the input as each counts it. */
function withOthers(
  request: ModelRequest,
  first: Reach,
  others: readonly PickedTarget[],
): readonly Reach[] | Promise<readonly Reach[]> {
  const reach = [first];
  const waiting: Promise<unknown>[] = [];
  for (const { model, target } of others) {
    if (target === first.target || !target.carriers[request.format]) continue;
    const counted = countAlike(target, first.target) ? first.input : countInput(request.facts, target);
    if (counted instanceof Promise) waiting.push(counted.then((input) => reach.push({ model, target, input })));
    else reach.push({ model, target, input: counted });
  }
  return waiting.length === 0 ? reach : Promise.all(waiting).then(() => reach);
}
