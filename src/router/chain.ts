/**
 * What follows an attempt that failed: which target is tried next, and when; or that nothing is. One chain per request,
 * asked after each failure. It keeps to one budget of attempts and one deadline for everything, fallbacks included:
 *
 * - The caller's fault is never tried again. A context window or a content policy leads to the model's fallbacks for just that.
 * - Anything else goes to another target of the model at once (another credential of the same one first, where it is the
 *   credential that failed), then, where it may work the next time, to a target that failed already, after a backoff; as long
 *   as each fallback still has an attempt left. Then to the fallbacks, in their order, each of which may use what is left.
 *
 * An upstream that asked to be left alone is left alone at least so long; where that is longer than a request may wait, the
 * request does not wait at all.
 */

import type { FailureClass } from '../formats/failure.js';
import type { Random } from '../lib/random.js';
import { backoffMs, type Retry } from './backoff.js';
import type { Candidate } from './balance.js';
import type { Plan } from './plan.js';

export interface Step<M, T> {
  readonly model: M;
  readonly target: T;
  /** How long to wait before. */
  readonly afterMs: number;
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
  /** The targets of a model, as they stand now. */
  readonly plan: (model: M, lastResort: boolean) => Plan<T>;
  readonly random: Random;
}

const MAY_WORK_LATER: ReadonlySet<FailureClass> = new Set(['rate_limit', 'overload', 'transient']);

export class Chain<M, T extends Candidate> {
  readonly #options: ChainOptions<M, T>;
  readonly #tried = new Map<T, number>();
  #model: M;
  #waiting: readonly M[];
  #special = false;
  #attempts = 0;
  #retries = 0;
  #last: T | undefined;

  constructor(options: ChainOptions<M, T>) {
    this.#options = options;
    this.#model = options.model;
    this.#waiting = options.fallbacks.general;
  }

  /** The first target; undefined where none may be tried now. */
  first(): Step<M, T> | undefined {
    return this.#untried() ?? this.#fallBack();
  }

  /** An attempt begins on what `first`, `next` or `rival` named. */
  begin(target: T): void {
    this.#attempts++;
    this.#last = target;
    this.#tried.set(target, (this.#tried.get(target) ?? 0) + 1);
  }

  /** The target that was begun cannot carry this request at all; nothing was sent. */
  unfit(target: T): void {
    this.#attempts--;
    this.#tried.set(target, Number.POSITIVE_INFINITY);
  }

  /** Nothing can be sent to the target that `first` or this named: what is next? */
  passOver(target: T, nowMs: number): Step<M, T> | undefined {
    this.#tried.set(target, Number.POSITIVE_INFINITY);
    return this.next(undefined, undefined, nowMs);
  }

  /** Another target of the model at hand, to be asked beside the one that runs. */
  rival(): Step<M, T> | undefined {
    return this.#attempts < this.#options.retry.max_attempts ? this.#untried() : undefined;
  }

  /** `failure`: what the last attempt ended with; undefined: nothing was sent, for the target could not carry it. */
  next(failure: FailureClass | undefined, retryAfterMs: number | undefined, nowMs: number): Step<M, T> | undefined {
    const { retry, deadlineMs, fallbacks } = this.#options;
    if (failure === 'caller' || this.#attempts >= retry.max_attempts || nowMs >= deadlineMs) return undefined;
    if (failure === 'context_window') return this.#turnTo(fallbacks.contextWindow);
    if (failure === 'content_policy') return this.#turnTo(fallbacks.contentPolicy);
    const other = this.#otherCredential(failure, nowMs) ?? this.#untried();
    if (other) return other;
    const later = failure !== undefined && MAY_WORK_LATER.has(failure);
    const left = retry.max_attempts - this.#attempts;
    const reachable = this.#waiting.filter((model) => this.#readyOf(model, false).length > 0).length;
    if (failure === 'transient' && left > reachable) {
      const again = this.#again(retryAfterMs, nowMs);
      if (again) return again;
    }
    return this.#fallBack() ?? (later && reachable === 0 ? this.#again(retryAfterMs, nowMs) : undefined);
  }

  /** Whether a fallback for the content policy is left, so that an answer that was withheld may be asked for elsewhere. */
  get canAvoidPolicy(): boolean {
    const { fallbacks, retry } = this.#options;
    const left = this.#special ? this.#waiting : fallbacks.contentPolicy;
    return left.length > 0 && this.#attempts < retry.max_attempts;
  }

  #turnTo(models: readonly M[]): Step<M, T> | undefined {
    if (!this.#special) this.#waiting = models;
    this.#special = true;
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

  /** A target that failed already: the one tried least, once it may be tried and the backoff has passed. */
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
    const resting = Math.max(asked, soonest.at - nowMs);
    if (resting > retry.max) return undefined;
    const afterMs = Math.max(resting, backoffMs(retry, this.#retries, random));
    if (nowMs + afterMs >= deadlineMs) return undefined;
    this.#retries++;
    return { model: this.#model, target: soonest.target, afterMs };
  }

  #fallBack(): Step<M, T> | undefined {
    for (let [model, ...rest] = this.#waiting; model !== undefined; [model, ...rest] = rest) {
      this.#waiting = rest;
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

  /** A model that is asked for alone and has but one target is tried whatever is known of it. */
  #isLastResort(model: M): boolean {
    const { single, fallbacks, model: own } = this.#options;
    return single && model === own && fallbacks.general.length === 0;
  }
}
