/** Models, providers and targets as an admin sees them: what they are, and how they are. */

import type { Model, Models, Target } from '../catalog/model.js';
import type { Config } from '../config/config.js';
import type { BreakerState } from '../lib/breaker.js';
import type { Clock } from '../lib/clock.js';
import type { ProbeState } from '../router/probe-state.js';
import type { TargetStates } from '../router/states.js';

export interface Health {
  readonly models: () => readonly { readonly id: string }[];
  readonly providers: () => readonly { readonly id: string }[];
  /** Answers the target as it is then; undefined: there is none with this id. */
  readonly setBreaker: (id: string, to: 'open' | 'closed') => object | undefined;
  /** For the metrics: 0 closed, 1 half open, 2 open. The worst of each label. */
  readonly breakers: () => ReadonlyMap<string, number>;
}

interface HealthDeps {
  readonly clock: Clock;
  readonly states: TargetStates;
  readonly config: () => Config;
  readonly models: () => Models;
}

const LEVELS: Readonly<Record<BreakerState, number>> = { closed: 0, half_open: 1, open: 2, held_open: 2 };

export function createHealth({ clock, states, config, models }: HealthDeps): Health {
  const all = (): readonly Model[] => [...models().list(), ...models().asked()];
  const targets = (): Target[] => all().flatMap((model) => model.targets);

  const showTarget = ({ id, provider, model, weight, priority, state }: Target) => {
    const now = clock.monotonic();
    const { attempts, failures } = state.breaker.window(now);
    return {
      id,
      provider,
      model,
      weight,
      priority,
      breaker: state.breaker.state(now),
      healthy: state.whyNot(now) === null,
      reason: state.whyNot(now),
      ready_at: isoAt(state.readyAt(now)),
      attempts,
      failures,
      in_flight: state.load,
      latency_ms: Math.round(state.latency.read(now) * 10) / 10,
    };
  };

  /** A monotonic time as one of the wall; null where it is now, or where nobody knows. */
  function isoAt(ms: number): string | null {
    const inMs = ms - clock.monotonic();
    return inMs <= 0 || !Number.isFinite(inMs) ? null : new Date(clock.now() + inMs).toISOString();
  }

  const probeOf = ({ last, up }: ProbeState) =>
    last && {
      up,
      good: last.good,
      what: last.what,
      took_ms: Math.round(last.tookMs * 10) / 10,
      at: new Date(clock.now() - (clock.monotonic() - last.atMs)).toISOString(),
    };

  const showModel = (model: Model) => {
    const shown = model.targets.map(showTarget);
    return {
      id: model.name,
      ...(model.route && { route: model.route.uses }),
      balance: model.balance,
      healthy: shown.some(({ healthy }) => healthy),
      targets: shown,
      retry_budget: model.retryBudget && {
        ...model.retryBudget.rule,
        left: Math.max(0, Math.floor(model.retryBudget.left(clock.monotonic()))),
      },
      fallbacks: [...model.fallbacks],
      context_window_fallbacks: [...model.contextWindowFallbacks],
      content_policy_fallbacks: [...model.contentPolicyFallbacks],
    };
  };

  const showProvider = (name: string, { type, base_url }: Config['providers'][string]) => {
    const own = new Map(
      targets()
        .filter(({ provider }) => provider === name)
        .map((target) => [target.id, target]),
    );
    const shown = [...own.values()].map(showTarget);
    const now = clock.monotonic();
    const slots = own.values().next().value?.state.slots ?? [];
    return {
      id: name,
      type,
      base_url,
      healthy: shown.length === 0 ? null : shown.some(({ healthy }) => healthy),
      probe: own.size === 0 ? null : probeOf(own.values().next().value!.state.probe),
      credentials: slots.map(({ credential }) => ({
        resting: credential.cooldownUntilMs > now ? credential.why : null,
        ready_at: isoAt(credential.cooldownUntilMs),
      })),
      targets: shown,
    };
  };

  return {
    models: () => all().map(showModel),
    providers: () => Object.entries(config().providers).map(([name, provider]) => showProvider(name, provider)),
    setBreaker(id, to) {
      const target = targets().find((one) => one.id === id);
      if (!target) return undefined;
      for (const state of new Set([target.state, ...states.named(id)])) {
        if (to === 'open') state.breaker.hold();
        else state.release();
      }
      return showTarget(target);
    },
    breakers() {
      const known = new Set(all().flatMap((model) => model.targets.map(({ label }) => label)));
      const worst = new Map<string, number>();
      for (const [label, state] of states.worst(clock.monotonic()))
        if (known.has(label)) worst.set(label, LEVELS[state]);
      return worst;
    },
  };
}
