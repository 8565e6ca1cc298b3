/**
 * Counters and histograms for the request path: counting is an addition to a number that the caller holds. prom-client,
 * which has all other metrics, looks labels up and copies them on each observation; it prints these when it is scraped.
 */
import type { Metric, MetricObjectWithValues, MetricType, MetricValue, Registry } from 'prom-client';

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
export function counterFamily(registry: Registry, name: string, help: string): { add(labels: Labels): CountSeries } {
  const all: CountSeries[] = [];
  register(registry, name, help, 'counter', () => all.map(({ value, labels }) => ({ value, labels })));
  return {
    add: (labels) => {
      const series = new CountSeries(labels);
      all.push(series);
      return series;
    },
  };
}

/** Registers a histogram with the given upper bounds, in rising order. */
export function histogramFamily(
  registry: Registry,
  name: string,
  help: string,
  bounds: readonly number[],
): { add(labels: Labels): HistogramSeries } {
  const all: HistogramSeries[] = [];
  register(registry, name, help, 'histogram', () => all.flatMap((series) => linesOf(name, series)));
  return {
    add: (labels) => {
      const series = new HistogramSeries(labels, bounds);
      all.push(series);
      return series;
    },
  };
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

function register(registry: Registry, name: string, help: string, type: 'counter' | 'histogram', values: () => Line[]) {
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
