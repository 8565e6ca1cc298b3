/**
 * Prometheus metrics, named by the contract. Labels take their values from the configuration and from closed sets, never
 * from a request. Label sets are resolved once and kept, so that counting a request builds no strings.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Usage } from '../protocol/usage.js';

/** Kinds of tokens that every answer tells. */
type Kind = Exclude<keyof Usage, 'image_input' | 'image_output' | 'service_tier'>;

const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const overheadBuckets = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1];

/** What one request was, as the metrics see it. Names that the configuration does not know are `none`. */
export interface RequestSample {
  readonly endpoint: string;
  readonly model: string;
  readonly provider: string;
  readonly status: number;
  readonly durationMs: number;
  readonly overheadMs: number;
  readonly firstByteMs: number | null;
}

interface Series {
  requests: Counter.Internal;
  duration: Histogram.Internal<string>;
  overhead: Histogram.Internal<string>;
  firstByte: Histogram.Internal<string>;
}

export class Metrics {
  readonly registry = new Registry();
  readonly #series = new Map<string, Map<number, Series>>();
  readonly #responses = new Map<string, Map<number, Counter.Internal>>();
  readonly #requests = this.#counter('tollgate_requests_total', 'Requests answered.', [
    'endpoint',
    'model',
    'provider',
    'status',
  ]);
  readonly #duration = this.#histogram(
    'tollgate_request_duration_seconds',
    'From the request to the last byte.',
    secondsBuckets,
  );
  readonly #overhead = this.#histogram(
    'tollgate_overhead_seconds',
    'Time of a request that the gateway itself took.',
    overheadBuckets,
  );
  readonly #firstByte = this.#histogram(
    'tollgate_first_byte_seconds',
    'From sending upstream to its first byte.',
    secondsBuckets,
  );
  readonly #tokens = this.#counter('tollgate_tokens_total', 'Tokens by kind.', ['kind']);
  readonly #cost = this.#counter('tollgate_cost_usd_total', 'Spend in US dollars.', []);
  readonly #auth = this.#counter('tollgate_auth_failures_total', 'Requests refused for their key.', ['reason']);
  readonly #upstream = this.#counter(
    'tollgate_upstream_responses_total',
    'Answers of targets; code is an HTTP status or a kind of failure.',
    ['target', 'code'],
  );
  readonly #kinds: Record<Kind, Counter.Internal>;

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    const kind = (name: string): Counter.Internal => this.#tokens.labels({ kind: name });
    this.#kinds = {
      input: kind('input'),
      cache_read: kind('cache_read'),
      cache_write_5m: kind('cache_write_5m'),
      cache_write_1h: kind('cache_write_1h'),
      output: kind('output'),
      reasoning: kind('reasoning'),
      audio_input: kind('audio_input'),
      audio_output: kind('audio_output'),
    };
  }

  request(sample: RequestSample): void {
    const series = this.#seriesOf(sample);
    series.requests.inc();
    series.duration.observe(sample.durationMs / 1000);
    series.overhead.observe(sample.overheadMs / 1000);
    if (sample.firstByteMs !== null) series.firstByte.observe(sample.firstByteMs / 1000);
  }

  usage(tokens: Usage, costNano: number): void {
    for (const kind in this.#kinds) {
      const amount = tokens[kind as Kind];
      if (amount > 0) this.#kinds[kind as Kind].inc(amount);
    }
    if (costNano > 0) this.#cost.inc(costNano / 1e9);
  }

  authFailure(reason: string): void {
    this.#auth.inc({ reason });
  }

  /** `code`: the upstream's status, or 0 where it gave none. */
  upstreamResponse(target: string, code: number): void {
    let codes = this.#responses.get(target);
    if (!codes) this.#responses.set(target, (codes = new Map()));
    let counter = codes.get(code);
    if (!counter)
      codes.set(code, (counter = this.#upstream.labels({ target, code: code === 0 ? 'none' : String(code) })));
    counter.inc();
  }

  /** A number that is read when the metrics are. */
  gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({ name, help, registers: [this.registry], collect: () => gauge.set(read()) });
  }

  #seriesOf(sample: RequestSample): Series {
    const name = `${sample.endpoint} ${sample.model} ${sample.provider}`;
    let byStatus = this.#series.get(name);
    if (!byStatus) this.#series.set(name, (byStatus = new Map()));
    let series = byStatus.get(sample.status);
    if (!series) {
      const { endpoint, model, provider } = sample;
      const labels = { endpoint, model, provider };
      series = {
        requests: this.#requests.labels({ ...labels, status: String(sample.status) }),
        duration: this.#duration.labels(labels),
        overhead: this.#overhead.labels(labels),
        firstByte: this.#firstByte.labels(labels),
      };
      byStatus.set(sample.status, series);
    }
    return series;
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({
      name,
      help,
      buckets,
      labelNames: ['endpoint', 'model', 'provider'],
      registers: [this.registry],
    });
  }
}
