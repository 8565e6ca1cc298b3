/**
 * Spans to a collector by OpenTelemetry's own exporters: OTLP over HTTP (protobuf or JSON) or gRPC. They read the standard
 * variables of the environment for what the configuration does not say: endpoint, headers, time-out, compression, certificates.
 * Loaded only where traces are configured: it takes a quarter of a second and 15 MB.
 */
import type { HrTime, SpanContext } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { SpanRecord } from './trace.js';

export type OtlpProtocol = 'http/protobuf' | 'http/json' | 'grpc';

export interface OtlpOptions {
  readonly protocol: OtlpProtocol;
  /** Undefined: as the environment says. */
  readonly url: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly version: string;
}

export interface OtlpExport {
  send(batch: readonly SpanRecord[]): Promise<void>;
  close(): Promise<void>;
}

interface Exporter {
  export(spans: ReadableSpan[], done: (result: { code: number; error?: Error }) => void): void;
  shutdown(): Promise<void>;
}

/** What OpenTelemetry's exporters read of a span. */
type ReadableSpan = Parameters<
  InstanceType<typeof import('@opentelemetry/exporter-trace-otlp-proto').OTLPTraceExporter>['export']
>[0][number];

const SUCCESS = 0;
const UNSET = 0;
const ERROR = 2;
const KINDS = { server: 1, client: 2 } as const;

export async function openOtlp(options: OtlpOptions): Promise<OtlpExport> {
  const [exporter, resource] = await Promise.all([exporterOf(options), resourceOf(options.version)]);
  const scope = { name: 'tollgate', version: options.version };
  return {
    send: (batch) =>
      new Promise((resolve, reject) => {
        const spans = batch.map((span) => readable(span, resource, scope));
        exporter.export(spans, ({ code, error }) => {
          if (code === SUCCESS) resolve();
          else reject(error ?? new Error('the collector did not take the spans'));
        });
      }),
    close: () => exporter.shutdown(),
  };
}

async function exporterOf({ protocol, url, headers }: OtlpOptions): Promise<Exporter> {
  const at = url === undefined ? {} : { url };
  if (protocol === 'grpc') {
    const [{ OTLPTraceExporter }, { Metadata }] = await Promise.all([
      import('@opentelemetry/exporter-trace-otlp-grpc'),
      import('@grpc/grpc-js'),
    ]);
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    return new OTLPTraceExporter({ ...at, metadata });
  }
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter({ ...at, headers: { ...headers } });
}

/** What `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` say, over what is so by itself. */
async function resourceOf(version: string): Promise<Resource> {
  const { detectResources, envDetector, resourceFromAttributes } = await import('@opentelemetry/resources');
  const own = resourceFromAttributes({
    'service.name': 'tollgate',
    'service.version': version,
    'telemetry.sdk.language': 'nodejs',
  });
  return own.merge(detectResources({ detectors: [envDetector] }));
}

function readable(span: SpanRecord, resource: Resource, scope: { name: string; version: string }): ReadableSpan {
  const { traceId, spanId, parentSpanId, parentRemote, tracestate, events, error } = span;
  const context = contextOf(traceId, spanId, false, tracestate);
  return {
    name: span.name,
    kind: KINDS[span.kind],
    spanContext: () => context,
    parentSpanContext:
      parentSpanId === undefined ? undefined : contextOf(traceId, parentSpanId, parentRemote, tracestate),
    startTime: hrTime(span.startMs),
    endTime: hrTime(span.endMs),
    duration: hrTime(Math.max(0, span.endMs - span.startMs)),
    status: error === null ? { code: UNSET } : { code: ERROR, message: error },
    attributes: span.attributes as ReadableSpan['attributes'],
    links: [],
    events: events.map(({ name, atMs, attributes }) => ({
      name,
      time: hrTime(atMs),
      attributes: attributes as ReadableSpan['attributes'],
    })),
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function contextOf(traceId: string, spanId: string, isRemote: boolean, tracestate: string | undefined): SpanContext {
  return {
    traceId,
    spanId,
    traceFlags: 1,
    isRemote,
    ...(tracestate !== undefined && {
      traceState: {
        serialize: () => tracestate,
        get: () => undefined,
        set() {
          return this;
        },
        unset() {
          return this;
        },
      },
    }),
  };
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
