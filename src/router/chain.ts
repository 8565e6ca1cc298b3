/**
 * Decides after a failed attempt which target is tried next and when, or that none is. Each request has one chain, with one
 * maximum of attempts and one deadline for everything, fallbacks included:
 *
 * - A failure that is the caller's fault ends the chain. Where the context window or the content policy was the reason, the
 *   chain goes on with the model's fallbacks for that reason.
 * - After any other failure another target of the model is tried at once. Where a credential failed, another credential of the
 *   same target comes first. Then, where the failure may pass, a target that failed already is tried again after a backoff, as
 *   long as enough attempts are left for one on each fallback. Then the fallbacks are tried in their order.
 *
 * A target that let a request time out may go on with it, and bill it: it is asked again only where `on_timeout` says so.
 *
 * A target is not asked again before the time that it asked for (`retry-after`). Where that is longer than `retry.max`, the
 * chain does not wait for the target at all.
 */

import type { FailureClass } from '../formats/failure.js';
import type { Random } from '../lib/random.js';
import { backoffMs, type Retry } from './backoff.js';
import type { Candidate } from './balance.js';
import type { Plan } from './plan.js';

export interface Step<M, T> {
  readonly model: M;
  readonly target: T;
  /** How long to wait before the attempt. */
  readonly afterMs: number;
  /** The target has failed this request already. */
  readonly again?: true;
  /** Health probes keep it back, and there is nothing else. */
  readonly unhealthy?: true;
}

/** Which fallbacks a chain may use. */
export interface Fallbacks<M> {
  readonly general: readonly M[];
  readonly contextWindow: readonly M[];
  readonly contentPolicy: readonly M[];
}

export interface ChainOptions<M, T extends Candidate> {
  readonly model: M;
  /** The model has but one target. */
  readonly single: boolean;
  readonly fallbacks: Fallbacks<M>;
  readonly retry: Retry;
  /** Monotonic milliseconds. */
  readonly deadlineMs: number;
  /** The targets of a model in their present state. */
  readonly plan: (model: M, lastResort: boolean) => Plan<T>;
  readonly random: Random;
}

const MAY_WORK_LATER: ReadonlySet<FailureClass> = new Set(['rate_limit', 'overload', 'transient', 'invalid_output']);

export class Chain<M, T extends Candidate> {
  readonly #options: ChainOptions<M, T>;
  readonly #tried = new Map<T, number>();
  #model: M;
  #fallbacksLeft: readonly M[];
  #onSpecialFallbacks = false;
  #attempts = 0;
  #retries = 0;
  #last: T | undefined;

  constructor(options: ChainOptions<M, T>) {
    this.#options = options;
    this.#model = options.model;
    this.#fallbacksLeft = options.fallbacks.general;
  }

  /** The first target; undefined where none may be tried now. */
  first(): Step<M, T> | undefined {
    return this.#untried() ?? this.#fallBack() ?? this.#unhealthy();
  }

  /** An attempt begins on what `first`, `next` or `rival` named. */
  begin(target: T): void {
    this.#attempts++;
    this.#last = target;
    this.#tried.set(target, (this.#tried.get(target) ?? 0) + 1);
  }

  /** The target that was begun cannot express this request; nothing was sent. */
  unfit(target: T): void {
    this.#attempts--;
    this.#tried.set(target, Number.POSITIVE_INFINITY);
  }

  /** Nothing can be sent to the target that `first` or `passOver` named last: the step after it. */
  passOver(target: T, nowMs: number): Step<M, T> | undefined {
    this.#tried.set(target, Number.POSITIVE_INFINITY);
    return this.next(undefined, undefined, nowMs);
  }

  /** Another target of the same model, for a second attempt beside the one that runs (hedging). */
  rival(): Step<M, T> | undefined {
    return this.#attempts < this.#options.retry.max_attempts ? this.#untried() : undefined;
  }

  /**
   * `failure`: how the last attempt ended; undefined: nothing was sent, because the target cannot express the request.
   * `timedOut`: it was sent, and no answer came in time.
   */
  next(
    failure: FailureClass | undefined,
    retryAfterMs: number | undefined,
    nowMs: number,
    timedOut = false,
  ): Step<M, T> | undefined {
    const { retry, deadlineMs, fallbacks } = this.#options;
    if (timedOut && retry.on_timeout === 'never') return undefined;
    if (timedOut && retry.on_timeout === 'elsewhere' && this.#last)
      this.#tried.set(this.#last, Number.POSITIVE_INFINITY);
    if (failure === 'caller' || this.#attempts >= retry.max_attempts || nowMs >= deadlineMs) return undefined;
    if (failure === 'context_window') return this.#turnTo(fallbacks.contextWindow);
    if (failure === 'content_policy') return this.#turnTo(fallbacks.contentPolicy);
    const other = this.#otherCredential(failure, nowMs) ?? this.#untried();
    if (other) return other;
    const later = failure !== undefined && MAY_WORK_LATER.has(failure);
    const left = retry.max_attempts - this.#attempts;
    const reachable = this.#fallbacksLeft.filter((model) => this.#readyOf(model, false).length > 0).length;
    if ((failure === 'transient' || failure === 'invalid_output') && left > reachable) {
      const again = this.#again(retryAfterMs, nowMs);
      if (again) return again;
    }
    return this.#fallBack() ?? (later && reachable === 0 ? this.#again(retryAfterMs, nowMs) : undefined);
  }

  /** Whether a fallback for the content policy is left, to ask for an answer that the provider withheld. */
  get canAvoidPolicy(): boolean {
    const { fallbacks, retry } = this.#options;
    const left = this.#onSpecialFallbacks ? this.#fallbacksLeft : fallbacks.contentPolicy;
    return left.length > 0 && this.#attempts < retry.max_attempts;
  }

  #turnTo(models: readonly M[]): Step<M, T> | undefined {
    if (!this.#onSpecialFallbacks) this.#fallbacksLeft = models;
    this.#onSpecialFallbacks = true;
    return this.#fallBack();
  }

  #otherCredential(failure: FailureClass | undefined, nowMs: number): Step<M, T> | undefined {
    const target = this.#last;
    if (!target || target.state.slots.length < 2) return undefined;
    if (failure !== 'rate_limit' && failure !== 'quota' && failure !== 'credential') return undefined;
    const tried = this.#tried.get(target) ?? 0;
    if (tried >= target.state.slots.length || target.state.whyNot(nowMs) !== null) return undefined;
    return { model: this.#model, target, afterMs: 0 };
  }

  #untried(): Step<M, T> | undefined {
    const target = this.#readyOf(this.#model, this.#isLastResort(this.#model)).find((one) => !this.#tried.has(one));
    return target && { model: this.#model, target, afterMs: 0 };
  }

  /** Health probes keep back all that is left: they may be wrong, and there is nothing to lose. */
  #unhealthy(): Step<M, T> | undefined {
    const { model, plan } = this.#options;
    const target = plan(model, false).skipped.find(({ why }) => why === 'unhealthy')?.target;
    return target && { model, target, afterMs: 0, unhealthy: true };
  }

  /** A target that failed already: the one that may be tried soonest, and of those the one tried least, after the backoff. */
  #again(retryAfterMs: number | undefined, nowMs: number): Step<M, T> | undefined {
    const { retry, random, deadlineMs, plan } = this.#options;
    const { ready, skipped } = plan(this.#model, false);
    const known = [
      ...ready.map((target) => ({ target, at: nowMs })),
      ...skipped.map(({ target, untilMs }) => ({ target, at: untilMs })),
    ]
      .filter(({ target, at }) => Number.isFinite(at) && (this.#tried.get(target) ?? 0) !== Number.POSITIVE_INFINITY)
      .sort((a, b) => a.at - b.at || (this.#tried.get(a.target) ?? 0) - (this.#tried.get(b.target) ?? 0));
    const soonest = known[0];
    if (!soonest) return undefined;
    const asked = soonest.target === this.#last ? (retryAfterMs ?? 0) : 0;
    const leastWaitMs = Math.max(asked, soonest.at - nowMs);
    if (leastWaitMs > retry.max) return undefined;
    const afterMs = Math.max(leastWaitMs, backoffMs(retry, this.#retries, random));
    if (nowMs + afterMs >= deadlineMs) return undefined;
    this.#retries++;
    return { model: this.#model, target: soonest.target, afterMs, again: true };
  }

  #fallBack(): Step<M, T> | undefined {
    for (let [model, ...rest] = this.#fallbacksLeft; model !== undefined; [model, ...rest] = rest) {
      this.#fallbacksLeft = rest;
      const target = this.#readyOf(model, false).find((one) => !this.#tried.has(one));
      if (!target) continue;
      this.#model = model;
      this.#retries = 0;
      return { model, target, afterMs: 0 };
    }
    return undefined;
  }

  #readyOf(model: M, lastResort: boolean): readonly T[] {
    return this.#options.plan(model, lastResort).ready;
  }

  /** A model with one target and no fallbacks is tried also with an open breaker or a cooldown. */
  #isLastResort(model: M): boolean {
    const { single, fallbacks, model: own } = this.#options;
    return single && model === own && fallbacks.general.length === 0;
  }
}
