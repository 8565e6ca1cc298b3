/**
 * The metrics of a gateway with workers: one scrape answers for all its processes. Each is asked for its own, for at most a second;
 * one that does not answer counts as it was last time. Counters and histograms of workers that ended are kept, as they were last
 * read, so that no sum goes down when a worker is replaced.
 */
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client';
import { within } from '../lib/within.js';
import { type MetricName, metricTable } from './metric-table.js';

type Read = readonly MetricObjectWithValues<MetricValue<string>>[];

interface Source {
  readonly number: number;
  readonly read: () => Promise<readonly unknown[]>;
}

const READ_MS = 1_000;

export class SummedMetrics {
  readonly #own: Registry;
  readonly #last = new Map<number, Read>();
  /** Of processes that ended, summed. */
  #ended: Read = [];

  constructor(own: Registry) {
    this.#own = own;
  }

  async text(sources: readonly Source[]): Promise<string> {
    await Promise.all(sources.map((source) => this.#read(source)));
    const all = [await valuesOf(this.#own), ...this.#last.values(), this.#ended];
    return AggregatorRegistry.aggregate(all as unknown as object[]).metrics();
  }

  /** The process with this number is no more; the next one with it begins anew. */
  ended(number: number): void {
    const last = this.#last.get(number);
    this.#last.delete(number);
    if (!last) return;
    // The enumeration's values are the words themselves.
    const lasting = last.filter(({ type }) => ['counter', 'histogram'].includes(type as unknown as string));
    void AggregatorRegistry.aggregate([this.#ended, lasting] as unknown as object[])
      .getMetricsAsJSON()
      .then((summed) => {
        this.#ended = summed as unknown as Read;
      });
  }

  async #read({ number, read }: Source): Promise<void> {
    try {
      this.#last.set(number, (await within(read(), READ_MS, 'a worker did not answer')) as Read);
    } catch {
      // As it was.
    }
  }
}

/** What a registry's metrics are now, as it can be told to another process. */
export const valuesOf = async (registry: Registry): Promise<readonly unknown[]> =>
  (await registry.getMetricsAsJSON()).map(({ name, help, type, aggregator, values }) => ({
    ...{ name, help, type, aggregator: metricTable[name as MetricName]?.combined ?? aggregator },
    values: values.map((one) => ({ ...one })),
  }));
