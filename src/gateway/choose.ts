/** Chooses where a request goes first, and makes the chain that knows what follows. */

import type { Model, Models, Target } from '../catalog/model.js';
import type { ModelRequest } from '../formats/request.js';
import type { Key } from '../identity/key.js';
import type { Clock } from '../lib/clock.js';
import { ok, type Refusal, type Result, refuse, refused } from '../lib/errors.js';
import type { Random } from '../lib/random.js';
import { Chain } from '../router/chain.js';
import type { Plan } from '../router/plan.js';
import type { CallHeaders } from './call.js';
import { fallbacksOf, planFor, reachable } from './route.js';

/** What of a request its way depends on. */
interface Routed {
  /** Of the snapshot that the request is served by. */
  readonly models: Models;
  readonly model: Model;
  /** The model that was asked for, where it has a route. */
  readonly routed: Model | undefined;
  readonly request: ModelRequest;
  readonly headers: CallHeaders;
  readonly caller: { readonly key: Key };
  /** Monotonic. */
  readonly deadlineMs: number;
  chain: Chain<Model, Target> | undefined;
  serving: Model | undefined;
}

export interface Chooser {
  /** The first target. Where there is a choice, it leaves the chain with the request. */
  first(routed: Routed): Result<Target>;
  chain(routed: Routed): Chain<Model, Target>;
  /** Every place that the request may be sent to. */
  reachable(routed: Routed): ReturnType<typeof reachable>;
}

interface Parts {
  readonly clock: Clock;
  readonly random: Random;
  readonly onFallback: () => void;
}

export function createChooser({ clock, random, onFallback }: Parts): Chooser {
  function chain(routed: Routed): Chain<Model, Target> {
    const { model, headers, deadlineMs } = routed;
    const plan = planOf(routed);
    const fallbacks = fallbacksOf(routed, headers.fallbacks);
    return new Chain({
      model,
      single: model.targets.length === 1,
      fallbacks,
      retry: model.retry,
      deadlineMs,
      plan,
      random,
    });
  }

  function planOf({ request, headers }: Routed): (model: Model, lastResort: boolean) => Plan<Target> {
    const asking = { request, user: headers.user ?? request.user, nowMs: clock.now() };
    const turns = new Map<Model, number>();
    return (model, lastResort) => {
      let turn = turns.get(model);
      if (turn === undefined) turns.set(model, (turn = model.turns.next++));
      return planFor(model, asking, turn, clock.monotonic(), random, lastResort);
    };
  }

  function first(routed: Routed): Result<Target> {
    const { model } = routed;
    if (model.lone) {
      const target = model.targets[0]!;
      const held = target.state.breaker.held;
      return held ? refused(noTarget(model, planOf(routed)(model, false), clock.monotonic())) : ok(target);
    }
    const made = chain(routed);
    const step = made.first();
    if (!step) return refused(noTarget(model, planOf(routed)(model, false), clock.monotonic()));
    if (step.model !== model) onFallback();
    routed.chain = made;
    routed.serving = step.model;
    return ok(step.target);
  }

  return {
    first,
    chain,
    reachable: (routed) => reachable(routed.model, fallbacksOf(routed, routed.headers.fallbacks)),
  };
}

const REASONS = {
  held_open: 'is taken out of service',
  open: 'failed too often',
  probing: 'is being tried again',
  resting: 'asked to be left alone',
  credentials_resting: 'takes none of its credentials now',
} as const;

export function noTarget({ name }: Model, { skipped }: Plan<Target>, nowMs: number): Refusal {
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
