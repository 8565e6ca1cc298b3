/** What `/metrics` says, read as Prometheus reads it: names, types and series. */
export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Scrape {
  readonly text: string;
  /** Name of a metric -> its type. */
  readonly types: ReadonlyMap<string, string>;
  readonly series: readonly Series[];
  /** The sum of the series of this name that have these labels; undefined where there is none. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

export async function scrape(url: string): Promise<Scrape> {
  return readMetrics(await (await fetch(`${url}/metrics`)).text());
}

function readMetrics(text: string): Scrape {
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!]));
  const lines = [...text.matchAll(/^([a-z][\w:]*)(?:\{(.*)\})? (\S+)$/gm)];
  const series = lines.map(([, name, written = '', value]) => ({
    name: name!,
    labels: Object.fromEntries([...written.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, of]) => [label!, of!])),
    value: Number(value),
  }));
  return {
    text,
    types,
    series,
    value: (name, labels = {}) => {
      const found = series.filter(
        (one) => one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value),
      );
      return found.length === 0 ? undefined : found.reduce((sum, one) => sum + one.value, 0);
    },
  };
}

/** `tollgate_x_seconds_bucket` -> `tollgate_x_seconds`, where that is a histogram. */
export function familyOf(name: string, types: ReadonlyMap<string, string>): string {
  const base = name.replace(/_(bucket|sum|count)$/, '');
  return types.get(base) === 'histogram' ? base : name;
}
