/** What a gateway tells about itself, as written and as used. */
import { z } from 'zod';
import type { Path } from './problem.js';
import * as s from './scalars.js';

const traces = z
  .strictObject({
    otlp: z
      .union([z.literal(''), s.baseUrl])
      .default('')
      .describe(
        'Where traces are sent: the address of an OTLP collector, such as http://127.0.0.1:4318. Empty: see OTEL_EXPORTER_OTLP_ENDPOINT.',
      ),
    protocol: z
      .enum(['http/protobuf', 'http/json', 'grpc'])
      .optional()
      .describe('How they are sent. Default: OTEL_EXPORTER_OTLP_PROTOCOL, else http/protobuf.'),
    headers: z
      .record(s.headerName, s.secret)
      .default({})
      .describe('Headers of each export, such as the credential of the collector.'),
    sample: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe('The share of traces that begin here and are kept. Default: OTEL_TRACES_SAMPLER, else 1.'),
    queue: z
      .int()
      .min(16)
      .max(100_000)
      .default(2048)
      .describe('The most spans that wait for the collector; further ones are dropped and counted.'),
    langfuse: z.boolean().default(false).describe("Send Langfuse's own attributes too."),
  })
  .prefault({})
  .describe('Traces by OpenTelemetry; see docs/traces.md.');

export const telemetrySection = z
  .strictObject({
    metrics: z.boolean().default(true).describe('Serve Prometheus metrics at /metrics.'),
    traces,
    log: z
      .strictObject({
        level: z
          .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
          .default('info')
          .describe('The least important line that is written.'),
      })
      .prefault({})
      .describe('The log.'),
  })
  .prefault({})
  .describe('What the gateway tells about itself.');

type Written = z.output<typeof telemetrySection>;

export interface TelemetryConfig {
  readonly metrics: boolean;
  readonly traces: {
    /** Empty: as the environment says. */
    readonly otlp: string;
    readonly protocol: 'http/protobuf' | 'http/json' | 'grpc' | null;
    readonly headers: Readonly<Record<string, string>>;
    readonly sample: number | null;
    readonly queue: number;
    readonly langfuse: boolean;
  };
  readonly log: Written['log'];
}

export function telemetryOf(
  { metrics, traces: written, log }: Written,
  secret: (path: Path, value: s.WrittenSecret) => string,
  report: (path: Path, message: string) => void,
): TelemetryConfig {
  const headers = Object.entries(written.headers).map(([name, value]) => {
    const path = ['telemetry', 'traces', 'headers', name];
    const text = secret(path, value);
    if (!s.headerValue.safeParse(text).success) report(path, 'a header value is one line of ASCII characters');
    return [name.toLowerCase(), text];
  });
  return {
    metrics,
    traces: {
      ...written,
      protocol: written.protocol ?? null,
      sample: written.sample ?? null,
      headers: Object.fromEntries(headers),
    },
    log,
  };
}
