/** The part of the composition that knows the state of targets and providers: breakers and health probes, and their metrics. */
import type { HealthProbe } from '../catalog/probes.js';
import type { InForce } from '../catalog/snapshot.js';
import type { Clock } from '../lib/clock.js';
import { backgroundTimer } from '../lib/timer.js';
import { HealthProbes } from '../operations/health-probes.js';
import { createHealth } from '../operations/target-health.js';
import type { ProbeResult } from '../router/probe-state.js';
import type { TargetStates } from '../router/states.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Deadlines } from '../upstream/deadline.js';
import { probe } from '../upstream/probe.js';

interface HealthDeps {
  readonly inForce: () => InForce;
  readonly states: TargetStates;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly deadlines: Deadlines;
  /** Told of each probe. */
  readonly onProbe: (provider: string, result: ProbeResult) => void;
}

export function startHealth({ inForce, states, clock, log, metrics, deadlines, onProbe }: HealthDeps) {
  const probes = new HealthProbes<HealthProbe>({
    clock,
    timer: backgroundTimer,
    ask: (one) => probe(one, deadlines),
    onResult: (provider, result) => {
      metrics.healthProbe(provider, result.good);
      onProbe(provider, result);
    },
    onChange: (provider, up, what) => log.warn({ provider, what }, up ? 'health up' : 'health down'),
  });
  probes.take(inForce().probes);
  const health = createHealth({ clock, states, config: () => inForce().config, models: () => inForce().models });
  metrics.gauges('tollgate_breaker_state', health.breakers);
  metrics.gauges(
    'tollgate_provider_healthy',
    () => new Map(inForce().probes.map(({ provider, state }) => [provider, state.up ? 1 : 0])),
  );
  return { health, probes };
}
