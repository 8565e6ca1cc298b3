/**
 * Prometheus metrics, named by the contract. Labels take their values from the configuration and from closed sets, never
 * from a request. What every request counts are series of our own, found once and kept; the rest is prom-client's.
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Usage } from '../formats/usage.js';
import { type CountSeries, counterFamily, type HistogramSeries, histogramFamily } from './series.js';

/** Kinds of tokens that every answer tells. */
type Kind = Exclude<keyof Usage, 'image_input' | 'image_output' | 'service_tier' | 'tools' | 'lacks'>;

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
  requests: CountSeries;
  duration: HistogramSeries;
  overhead: HistogramSeries;
  firstByte: HistogramSeries;
}

export class Metrics {
  readonly registry = new Registry();
  readonly #series = new Map<string, Map<string, Map<string, Map<number, Series>>>>();
  readonly #responses = new Map<string, Map<number, CountSeries>>();
  readonly #requests = counterFamily(this.registry, 'tollgate_requests_total', 'Requests answered.');
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
  readonly #cost = counterFamily(this.registry, 'tollgate_cost_usd_total', 'Spend in US dollars.').add({});
  readonly #saved = counterFamily(
    this.registry,
    'tollgate_cache_saved_usd_total',
    'What answers from the cache would have cost, in US dollars.',
  ).add({});
  readonly #cacheResults: Readonly<Record<'hit' | 'semantic' | 'miss' | 'off', CountSeries>>;
  readonly #guards = this.#counter(
    'tollgate_cache_rejections_total',
    'Near prompts that were not answered from the cache, by what spoke against it.',
    ['reason'],
  );
  readonly #skips = this.#counter(
    'tollgate_cache_semantic_skipped_total',
    'Prompts that were not compared by meaning, by why.',
    ['reason'],
  );
  readonly #auth = this.#counter('tollgate_auth_failures_total', 'Requests refused for their key.', ['reason']);
  readonly #reloads = this.#counter('tollgate_config_reloads_total', 'Reloads of the configuration.', ['result']);
  readonly #upstream = counterFamily(
    this.registry,
    'tollgate_upstream_responses_total',
    'Answers of targets; code is an HTTP status, or none where the connection failed.',
  );
  readonly #webhooks = this.#counter(
    'tollgate_webhook_deliveries_total',
    'Attempts to deliver an event: delivered, failed and tried again, or dead: given up.',
    ['result'],
  );
  readonly #retries = this.#counter('tollgate_retries_total', 'Attempts that followed a failure, by what it was.', [
    'reason',
  ]);
  readonly #fallbacks = counterFamily(
    this.registry,
    'tollgate_fallbacks_total',
    'Requests that another model was tried for.',
  ).add({});
  readonly #budgetsSpent = this.#counter(
    'tollgate_retry_budget_spent_total',
    'Further attempts that were not made, because the retry budget of the model was used up.',
    ['model'],
  );
  readonly #probes = this.#counter('tollgate_health_probes_total', 'Health probes of providers.', [
    'provider',
    'result',
  ]);
  readonly #implausible = this.#counter(
    'tollgate_implausible_usage_total',
    'Reports of more tokens than the request can have used, entered at the most that it can.',
    ['target'],
  );
  readonly #kinds: Readonly<Record<Kind, CountSeries>>;

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    const results = counterFamily(this.registry, 'tollgate_cache_total', 'Requests for models that are cached.');
    this.#cacheResults = {
      hit: results.add({ result: 'hit' }),
      semantic: results.add({ result: 'semantic' }),
      miss: results.add({ result: 'miss' }),
      off: results.add({ result: 'off' }),
    };
    const tokens = counterFamily(this.registry, 'tollgate_tokens_total', 'Tokens by kind.');
    const kind = (name: keyof Usage): CountSeries => tokens.add({ kind: name });
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
    series.requests.value += 1;
    series.duration.observe(sample.durationMs / 1000);
    series.overhead.observe(sample.overheadMs / 1000);
    if (sample.firstByteMs !== null) series.firstByte.observe(sample.firstByteMs / 1000);
  }

  usage(tokens: Usage, costNano: number): void {
    const kinds = this.#kinds;
    kinds.input.value += tokens.input;
    kinds.cache_read.value += tokens.cache_read;
    kinds.cache_write_5m.value += tokens.cache_write_5m;
    kinds.cache_write_1h.value += tokens.cache_write_1h;
    kinds.output.value += tokens.output;
    kinds.reasoning.value += tokens.reasoning;
    kinds.audio_input.value += tokens.audio_input;
    kinds.audio_output.value += tokens.audio_output;
    this.#cost.value += costNano / 1e9;
  }

  cacheResult(result: 'hit' | 'semantic' | 'miss' | 'off'): void {
    this.#cacheResults[result].value += 1;
  }

  cacheRejection(reason: string): void {
    this.#guards.inc({ reason });
  }

  cacheSkip(reason: string): void {
    this.#skips.inc({ reason });
  }

  cacheSaved(costNano: number): void {
    this.#saved.value += costNano / 1e9;
  }

  authFailure(reason: string): void {
    this.#auth.inc({ reason });
  }

  /** `result`: `reloaded`, `unchanged` or `rejected`. */
  configReload(result: string): void {
    this.#reloads.inc({ result });
  }

  webhookDelivery(result: 'delivered' | 'failed' | 'dead', count: number): void {
    this.#webhooks.inc({ result }, count);
  }

  /** `code`: the upstream's status, or 0 where it gave none. */
  upstreamResponse(target: string, code: number): void {
    const codes = within(this.#responses, target, newMap<number, CountSeries>);
    let counter = codes.get(code);
    if (!counter) codes.set(code, (counter = this.#upstream.add({ target, code: code === 0 ? 'none' : String(code) })));
    counter.value += 1;
  }

  retry(reason: string): void {
    this.#retries.inc({ reason });
  }

  retryBudgetSpent(model: string): void {
    this.#budgetsSpent.inc({ model });
  }

  healthProbe(provider: string, good: boolean): void {
    this.#probes.inc({ provider, result: good ? 'good' : 'bad' });
  }

  implausibleUsage(target: string): void {
    this.#implausible.inc({ target });
  }

  fallback(): void {
    this.#fallbacks.value += 1;
  }

  /** A number for each of a set of names, read when the metrics are. */
  gauges(name: string, help: string, label: string, read: () => ReadonlyMap<string, number>): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [this.registry],
      collect: () => {
        gauge.reset();
        for (const [key, value] of read()) gauge.set({ [label]: key }, value);
      },
    });
  }

  /** A number that is read when the metrics are. */
  gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({ name, help, registers: [this.registry], collect: () => gauge.set(read()) });
  }

  #seriesOf({ endpoint, model, provider, status }: RequestSample): Series {
    const ofEndpoint = within(this.#series, endpoint, newMap<string, Map<string, Map<number, Series>>>);
    const ofModel = within(ofEndpoint, model, newMap<string, Map<number, Series>>);
    const ofProvider = within(ofModel, provider, newMap<number, Series>);
    let series = ofProvider.get(status);
    if (!series) {
      const labels = { endpoint, model, provider };
      // Only requests are told apart by status.
      const sibling: Series | undefined = ofProvider.values().next().value;
      series = {
        requests: this.#requests.add({ ...labels, status: String(status) }),
        duration: sibling?.duration ?? this.#duration.add(labels),
        overhead: sibling?.overhead ?? this.#overhead.add(labels),
        firstByte: sibling?.firstByte ?? this.#firstByte.add(labels),
      };
      ofProvider.set(status, series);
    }
    return series;
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, bounds: readonly number[]): ReturnType<typeof histogramFamily> {
    return histogramFamily(this.registry, name, help, bounds);
  }
}

const newMap = <K, V>(): Map<K, V> => new Map();

function within<K, V>(map: Map<K, V>, name: K, make: () => V): V {
  let value = map.get(name);
  if (value === undefined) map.set(name, (value = make()));
  return value;
}
