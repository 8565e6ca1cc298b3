/**
 * Metrics are registered here, by their names in the table. Counters and histograms of the request path are series of our own:
 * counting is an addition to a number that the caller holds. prom-client, which has all other metrics, looks labels up and
 * copies them on each observation; it prints these when it is scraped.
 */
import {
  Counter,
  Gauge,
  type Metric,
  type MetricObjectWithValues,
  type MetricType,
  type MetricValue,
  type Registry,
} from 'prom-client';
import { type MetricName, metricTable } from './metric-table.js';

type Labels = Readonly<Record<string, string>>;

export class CountSeries {
  value = 0;
  readonly labels: Labels;

  constructor(labels: Labels) {
    this.labels = labels;
  }
}

export class HistogramSeries {
  readonly labels: Labels;
  readonly bounds: readonly number[];
  /** Observations by the first bound that they do not exceed; the last is for those above all. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(labels: Labels, bounds: readonly number[]) {
    this.labels = labels;
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && value > bounds[at]!) at++;
    this.counts[at]! += 1;
    this.sum += value;
  }
}

/** Registers a counter whose series are made by `add`. */
export function counterFamily(registry: Registry, name: MetricName): { add(labels: Labels): CountSeries } {
  const all: CountSeries[] = [];
  register(registry, name, 'counter', () => all.map(({ value, labels }) => ({ value, labels })));
  return {
    add: (labels) => {
      const series = new CountSeries(labels);
      all.push(series);
      return series;
    },
  };
}

/** Registers a histogram with the bounds of the table. */
export function histogramFamily(registry: Registry, name: MetricName): { add(labels: Labels): HistogramSeries } {
  const all: HistogramSeries[] = [];
  const { bounds = [] } = metricTable[name];
  register(registry, name, 'histogram', () => all.flatMap((series) => linesOf(name, series)));
  return {
    add: (labels) => {
      const series = new HistogramSeries(labels, bounds);
      all.push(series);
      return series;
    },
  };
}

/** Registers a counter for what does not happen on each request. Where it has one label, its series begin at 0 with these values. */
export function rareCounter(registry: Registry, name: MetricName, values: readonly string[] = []): Counter {
  const { help, labels = [] } = metricTable[name];
  const counter = new Counter({ name, help, labelNames: [...labels], registers: [registry] });
  for (const value of values) counter.inc({ [labels[0]!]: value }, 0);
  return counter;
}

/** Registers a gauge; `collect` sets it when metrics are read. */
export function gaugeOf(registry: Registry, name: MetricName, collect: (gauge: Gauge) => void | Promise<void>): void {
  const { help, labels = [], combined = 'sum' } = metricTable[name];
  const gauge: Gauge = new Gauge({
    name,
    help,
    labelNames: [...labels],
    aggregator: combined,
    registers: [registry],
    collect: () => {
      if (labels.length > 0) gauge.reset();
      return collect(gauge);
    },
  });
}

function linesOf(name: string, { labels, bounds, counts, sum }: HistogramSeries): Line[] {
  const lines: Line[] = [];
  let total = 0;
  for (let i = 0; i <= bounds.length; i++) {
    total += counts[i]!;
    const le = i < bounds.length ? String(bounds[i]) : '+Inf';
    lines.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: total });
  }
  lines.push({ metricName: `${name}_sum`, labels, value: sum }, { metricName: `${name}_count`, labels, value: total });
  return lines;
}

type Line = MetricValue<string> & { readonly metricName?: string };

function register(registry: Registry, name: MetricName, type: 'counter' | 'histogram', values: () => Line[]) {
  const { help } = metricTable[name];
  const get = async (): Promise<MetricObjectWithValues<Line>> => ({
    name,
    help,
    // The enumeration's value is the word itself; the package declares it for types only.
    type: type as unknown as MetricType,
    collect: () => {},
    aggregator: 'sum',
    values: values(),
  });
  registry.registerMetric({ name, help, type, get, reset: () => {} } as unknown as Metric);
}
