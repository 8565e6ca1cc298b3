/** The part of the composition that sends traces: what the configuration and the standard `OTEL_*` variables ask for. */
import type { Config } from '../config/config.js';
import type { Clock } from '../lib/clock.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { OtlpProtocol } from '../telemetry/otlp.js';
import { SpanQueue } from '../telemetry/span-queue.js';
import { type Sampling, Tracing } from '../telemetry/trace.js';

interface TracingDeps {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

interface RunningTracing {
  /** Null: no traces are sent. */
  readonly tracing: Tracing | null;
  /** Sends what waits, for as long as it may take. */
  close(): Promise<void>;
}

const PROTOCOLS: readonly OtlpProtocol[] = ['http/protobuf', 'http/json', 'grpc'];
const DELAY_MS = 1_000;
const BATCH = 512;
const CLOSE_MS = 3_000;
/** A collector that is away is told of once in so long. */
const COMPLAINT_MS = 60_000;

const OFF: RunningTracing = { tracing: null, close: async () => {} };

export async function startTracing(deps: TracingDeps): Promise<RunningTracing> {
  const { config, env, version, clock, log, metrics } = deps;
  const { traces } = config.telemetry;
  const wanted =
    traces.otlp || env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT'] || undefined;
  const off = env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none';
  const sampling = samplingOf(traces.sample, env);
  if (wanted === undefined || off || sampling === null) return OFF;
  const protocol = protocolOf(traces.protocol, env, log);
  const { openOtlp } = await import('../telemetry/otlp.js');
  const { headers } = traces;
  const url = traces.otlp === '' ? undefined : endpointOf(traces.otlp, protocol);
  const collector = await openOtlp({ protocol, url, headers, version });
  let complainedAt = Number.NEGATIVE_INFINITY;
  const queue = new SpanQueue({
    send: (batch) => collector.send(batch),
    most: traces.queue,
    batch: Math.min(BATCH, traces.queue),
    delayMs: numberOf(env['OTEL_BSP_SCHEDULE_DELAY']) ?? DELAY_MS,
    onResult: (result, count) => metrics.traceSpans(result, count),
    onError: (error) => {
      if (clock.monotonic() - complainedAt < COMPLAINT_MS) return;
      complainedAt = clock.monotonic();
      log.warn({ error }, 'traces: the collector does not take spans');
    },
  });
  log.info({ protocol, sample: sampling.ratio }, 'traces are sent');
  return {
    tracing: new Tracing({ clock, sampling, add: (span) => queue.add(span), langfuse: traces.langfuse }),
    close: async () => {
      await queue.close(CLOSE_MS);
      await collector.close().catch(() => {});
    },
  };
}

/** The configuration counts before the environment; by default everything is kept, and the caller's decision stands. Null: nothing is. */
function samplingOf(written: number | null, env: TracingDeps['env']): Sampling | null {
  const sampler = env['OTEL_TRACES_SAMPLER'] ?? 'parentbased_always_on';
  const share = numberOf(env['OTEL_TRACES_SAMPLER_ARG']) ?? 1;
  const ratio = written ?? (sampler.endsWith('traceidratio') ? Math.min(1, share) : sampler.endsWith('_off') ? 0 : 1);
  const byParent = sampler.startsWith('parentbased_');
  return ratio === 0 && !byParent ? null : { ratio, byParent };
}

function protocolOf(written: OtlpProtocol | null, env: TracingDeps['env'], log: Log): OtlpProtocol {
  if (written) return written;
  const named = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] || env['OTEL_EXPORTER_OTLP_PROTOCOL'];
  const known = PROTOCOLS.find((one) => one === named);
  if (named && !known) log.warn({ protocol: named }, 'traces: OTEL_EXPORTER_OTLP_PROTOCOL is none of ours');
  return known ?? 'http/protobuf';
}

/** OTLP over HTTP has its path below the address that is configured; gRPC has none. */
function endpointOf(written: string, protocol: OtlpProtocol): string {
  if (protocol === 'grpc' || /\/v1\/traces\/?$/.test(written)) return written;
  return `${written.replace(/\/$/, '')}/v1/traces`;
}

function numberOf(written: string | undefined): number | undefined {
  const value = written === undefined || written === '' ? Number.NaN : Number(written);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}
