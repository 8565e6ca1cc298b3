/**
 * Prometheus metrics, named by `metric-table.ts`. Labels take their values from the configuration and from closed sets, never
 * from a request; teams, of which there can be any number, are told apart up to a bound. What every request counts are series of
 * our own, found once and kept; the rest is prom-client's.
 */
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Usage } from '../formats/usage.js';
import type { ErrorCode } from '../lib/errors.js';
import { failureClasses } from '../lib/failure-spec.js';
import { BoundedLabels } from './bounded-labels.js';
import { type MetricName, MOST_TEAMS, metricTable } from './metric-table.js';
import {
  type CountSeries,
  counterFamily,
  gaugeOf,
  type HistogramSeries,
  histogramFamily,
  rareCounter,
} from './series.js';
import type { SpanResult } from './span-queue.js';

/** Kinds of tokens that every answer tells. */
const KINDS = [
  ...(['input', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'output'] as const),
  ...(['reasoning', 'audio_input', 'audio_output'] as const),
];

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

interface UsageSeries {
  /** In the order of `KINDS`. */
  readonly kinds: readonly CountSeries[];
  readonly cost: CountSeries;
}

type CacheResult = 'hit' | 'semantic' | 'miss' | 'off';
const CACHE_RESULTS: readonly CacheResult[] = ['hit', 'semantic', 'miss', 'off'];

const captureResults = ['stored', 'dropped_memory', 'dropped_database', 'failed'] as const;
export type CaptureResult = (typeof captureResults)[number];

/** Gauges of prom-client that are named as if they were counters. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

export class Metrics {
  readonly registry = new Registry();
  readonly #series = new Map<string, Map<string, Map<string, Map<number, Series>>>>();
  readonly #responses = new Map<string, Map<number, CountSeries>>();
  readonly #usage = new Map<string, Map<string, UsageSeries>>();
  readonly #refusals = new Map<string, Map<string, CountSeries>>();
  readonly #teamCosts = new Map<string, CountSeries>();
  readonly #teams = new BoundedLabels(MOST_TEAMS);
  readonly #cacheResults = new Map<CacheResult, CountSeries>();

  readonly #requests = counterFamily(this.registry, 'tollgate_requests_total');
  readonly #duration = histogramFamily(this.registry, 'tollgate_request_duration_seconds');
  readonly #overhead = histogramFamily(this.registry, 'tollgate_overhead_seconds');
  readonly #firstByte = histogramFamily(this.registry, 'tollgate_first_byte_seconds');
  readonly #refused = counterFamily(this.registry, 'tollgate_refused_requests_total');
  readonly #tokens = counterFamily(this.registry, 'tollgate_tokens_total');
  readonly #cost = counterFamily(this.registry, 'tollgate_cost_usd_total');
  readonly #teamCost = counterFamily(this.registry, 'tollgate_team_cost_usd_total');
  readonly #cache = counterFamily(this.registry, 'tollgate_cache_total');
  readonly #saved = counterFamily(this.registry, 'tollgate_cache_saved_usd_total').add({});
  readonly #upstream = counterFamily(this.registry, 'tollgate_upstream_responses_total');
  readonly #fallbacks = counterFamily(this.registry, 'tollgate_fallbacks_total').add({});

  readonly #guards = this.#counter('tollgate_cache_rejections_total');
  readonly #skips = this.#counter('tollgate_cache_semantic_skipped_total');
  readonly #auth = this.#counter('tollgate_auth_failures_total', ['missing', 'unknown', 'revoked', 'admin_key']);
  readonly #reloads = this.#counter('tollgate_config_reloads_total', ['reloaded', 'unchanged', 'rejected']);
  readonly #webhooks = this.#counter('tollgate_webhook_deliveries_total', ['delivered', 'failed', 'dead']);
  readonly #retries = this.#counter('tollgate_retries_total', failureClasses);
  readonly #budgetsSpent = this.#counter('tollgate_retry_budget_spent_total');
  readonly #spans = this.#counter('tollgate_trace_spans_total', ['exported', 'failed', 'dropped']);
  readonly #probes = this.#counter('tollgate_health_probes_total');
  readonly #implausible = this.#counter('tollgate_implausible_usage_total');
  readonly #guardrails = this.#counter('tollgate_guardrail_total');
  readonly #captures = this.#counter('tollgate_capture_total', captureResults);

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    for (const name of MISNAMED) this.registry.removeSingleMetric(name);
    for (const result of CACHE_RESULTS) this.#cacheResults.set(result, this.#cache.add({ result }));
  }

  request(sample: RequestSample): void {
    const series = this.#seriesOf(sample);
    series.requests.value += 1;
    series.duration.observe(sample.durationMs / 1000);
    series.overhead.observe(sample.overheadMs / 1000);
    if (sample.firstByteMs !== null) series.firstByte.observe(sample.firstByteMs / 1000);
  }

  /** The gateway itself refused. `team`: null where the key has none, or where nobody is known. */
  refused(reason: ErrorCode, team: string | null): void {
    const label = this.#teamOf(team);
    const ofReason = within(this.#refusals, reason, newMap<string, CountSeries>);
    within(ofReason, label, () => this.#refused.add({ reason, team: label })).value += 1;
  }

  /** An attempt of a request for this model was entered. */
  usage(model: string, provider: string, team: string | null, tokens: Usage, costNano: number): void {
    const ofModel = within(this.#usage, model, newMap<string, UsageSeries>);
    let series = ofModel.get(provider);
    if (!series) ofModel.set(provider, (series = this.#usageSeries(model, provider)));
    for (let at = 0; at < KINDS.length; at++) series.kinds[at]!.value += tokens[KINDS[at]!];
    series.cost.value += costNano / 1e9;
    const label = this.#teamOf(team);
    let ofTeam = this.#teamCosts.get(label);
    if (!ofTeam) this.#teamCosts.set(label, (ofTeam = this.#teamCost.add({ team: label })));
    ofTeam.value += costNano / 1e9;
  }

  cacheResult(result: CacheResult): void {
    this.#cacheResults.get(result)!.value += 1;
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

  guardrail(guard: string, action: string, where: string): void {
    this.#guardrails.inc({ guard, action, where });
  }

  traceSpans(result: SpanResult, count: number): void {
    this.#spans.inc({ result }, count);
  }

  captured(result: CaptureResult, count: number): void {
    this.#captures.inc({ result }, count);
  }

  implausibleUsage(target: string): void {
    this.#implausible.inc({ target });
  }

  fallback(): void {
    this.#fallbacks.value += 1;
  }

  /** A number for each value of the metric's one label, read when the metrics are. */
  gauges(name: MetricName, read: () => ReadonlyMap<string, number>): void {
    const [label] = metricTable[name].labels!;
    gaugeOf(this.registry, name, (gauge) => {
      for (const [key, value] of read()) gauge.set({ [label!]: key }, value);
    });
  }

  /** A number that is read when the metrics are. */
  gauge(name: MetricName, read: () => number | Promise<number>): void {
    gaugeOf(this.registry, name, async (gauge) => gauge.set(await read()));
  }

  /** What runs, in the labels of a series that is always 1. */
  info(name: MetricName, labels: Readonly<Record<string, string>>): void {
    gaugeOf(this.registry, name, (gauge) => gauge.set(labels, 1));
  }

  #teamOf(team: string | null): string {
    return team === null ? 'none' : this.#teams.of(team);
  }

  #usageSeries(model: string, provider: string): UsageSeries {
    return {
      kinds: KINDS.map((kind) => this.#tokens.add({ kind, model, provider })),
      cost: this.#cost.add({ model, provider }),
    };
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

  #counter(name: MetricName, values: readonly string[] = []): ReturnType<typeof rareCounter> {
    return rareCounter(this.registry, name, values);
  }
}

const newMap = <K, V>(): Map<K, V> => new Map();

function within<K, V>(map: Map<K, V>, name: K, make: () => V): V {
  let value = map.get(name);
  if (value === undefined) map.set(name, (value = make()));
  return value;
}
