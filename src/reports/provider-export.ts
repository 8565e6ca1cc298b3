/**
 * Reads what a provider says was used and what it cost: its CSV exports, and the pages of its usage and cost APIs as they were
 * saved. Both become rows of named cells first, so that one list of facts (`ExportFormat`) reads either. What cannot be read
 * is refused with its place; nothing is left out in silence.
 */
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import { isObject } from '../lib/json.js';
import type { ExportFormat } from '../provider/provider-type.js';
import { parseCsv } from './csv.js';
import type { ModelDay } from './reconcile.js';

interface Row {
  /** Where it stands, in words. */
  readonly at: string;
  readonly cells: ReadonlyMap<string, string>;
}

interface Table {
  readonly names: ReadonlySet<string>;
  readonly rows: readonly Row[];
  /** Amounts are numbers of a program, not rounded for a reader. */
  readonly exactAmounts: boolean;
}

/** Reads one file. Several (usage and cost, one page and the next) are read one by one and put together by `reconcile`. */
export function readExport(text: string, formats: readonly ExportFormat[]): Result<ModelDay[]> {
  const table = /^\ufeff?\s*[[{]/.test(text) ? jsonTable(text) : ok(csvTable(text));
  if (!table.ok) return table;
  const { names, rows } = table.value;
  if (rows.length === 0 && names.size === 0) return ok([]);
  const format = formats.find(({ knownBy }) => knownBy.every((name) => names.has(name)));
  if (!format) {
    const known = formats.map(({ kind, knownBy }) => `${kind}: ${knownBy.join(', ')}`).join('; ');
    return wrong(`its columns are none of a known export (${known}).`);
  }
  const places = table.value.exactAmounts ? 9 : placesOf(rows, format.cost?.amount);
  const found: ModelDay[] = [];
  for (const row of rows) {
    const day = rowOf(row, format, places);
    if (!day.ok) return day;
    if (day.value) found.push(day.value);
  }
  return ok(found);
}

const wrong = (words: string) => refused(refuse('invalid_value', `The export cannot be read: ${words}`));

const cellOf = ({ cells }: Row, name: string | undefined): string =>
  (name === undefined ? undefined : cells.get(name))?.trim() ?? '';

/** Null: a bucket in which nothing happened. */
function rowOf(row: Row, format: ExportFormat, places: number): Result<ModelDay | null> {
  const model = cellOf(row, format.model).split(', ', 1)[0]!;
  const day = dayOf(cellOf(row, format.time));
  if (day === null) return wrong(`${row.at}: \`${cellOf(row, format.time).slice(0, 40)}\` is no time.`);
  const currency = cellOf(row, format.cost?.currency).toLowerCase();
  if (currency !== '' && currency !== 'usd') return wrong(`${row.at}: amounts in ${currency} are not compared.`);
  const amount = cellOf(row, format.cost?.amount);
  const nano = format.cost ? (amount === '' ? 0n : nanoFrom(amount)) : null;
  if (format.cost && nano === null) return wrong(`${row.at}: \`${amount.slice(0, 40)}\` is no amount.`);
  const counts = countsOf(row, format);
  if (!counts.ok) return counts;
  const { tokens, requests } = counts.value;
  const empty = (tokens?.input ?? 0n) + (tokens?.cached ?? 0n) + (tokens?.output ?? 0n) + (nano ?? 0n) === 0n;
  if (model === '' && empty) return ok(null);
  if (model === '' && format.kind === 'usage')
    return wrong(`${row.at}: it tells no model. Ask for the usage by model (group_by=model).`);
  const hundredths = format.cost?.unit === 'cents' ? 100n : 1n;
  return ok({
    day,
    model: model || 'other',
    figures: { requests, tokens, nano: nano === null ? null : nano / hundredths },
    roundedNano: format.cost ? halfOfPlace(places) : 0n,
    countedTokens: 0n,
  });
}

function countsOf(
  row: Row,
  { tokens, requests }: ExportFormat,
): Result<Pick<ModelDay['figures'], 'tokens' | 'requests'>> {
  let bad: string | undefined;
  const one = (name: string): bigint => {
    const written = cellOf(row, name);
    const read = written === '' ? 0n : countFrom(written);
    if (read === null) bad ??= written;
    return read ?? 0n;
  };
  const sum = (columns: readonly string[]) => columns.reduce((total, name) => total + one(name), 0n);
  const cached = tokens ? sum(tokens.cache_read) + sum(tokens.cache_write) : 0n;
  const input = tokens ? sum(tokens.input) - (tokens.inputIncludesCached ? cached : 0n) : 0n;
  const figures = {
    tokens: tokens ? { input, cached, output: sum(tokens.output) } : null,
    requests: requests === undefined ? null : one(requests),
  };
  if (bad !== undefined) return wrong(`${row.at}: \`${bad.slice(0, 40)}\` is no count.`);
  if (input < 0n) return wrong(`${row.at}: more cached tokens than input.`);
  return ok(figures);
}

/** A whole number that may be written `1234`, `1234.0` or `1,234`. */
function countFrom(written: string): bigint | null {
  const digits = /^(\d+)(\.0*)?$/.exec(written.replaceAll(',', ''));
  return digits ? BigInt(digits[1]!) : null;
}

/** Dollars in nano-dollars, a half up; null where the text is no amount. */
export function nanoFrom(written: string): bigint | null {
  const exponent = /^(-?[\d.]+)e(-?\d+)$/i.exec(written);
  const plain = exponent ? Number(written).toFixed(20) : written.replace(/^\$/, '').replaceAll(',', '');
  const match = /^(-?)(\d*)(?:\.(\d*))?$/.exec(plain);
  if (!match || (match[2] === '' && !match[3])) return null;
  const fraction = (match[3] ?? '').padEnd(10, '0');
  const nano =
    BigInt(match[2] || '0') * 1_000_000_000n + BigInt(fraction.slice(0, 9)) + (fraction[9]! >= '5' ? 1n : 0n);
  return match[1] === '-' ? -nano : nano;
}

/** To how many places an export rounds its amounts: the most that any has, at least cents. One that ends in zero proves nothing. */
function placesOf(rows: readonly Row[], amount: string | undefined): number {
  let most = 2;
  for (const row of rows) most = Math.max(most, /\.(\d+)$/.exec(cellOf(row, amount))?.[1]?.length ?? 0);
  return most;
}

const halfOfPlace = (places: number): bigint => (places >= 9 ? 1n : 10n ** BigInt(9 - places) / 2n);

function dayOf(written: string): string | null {
  const seconds = /^\d{9,11}(\.0+)?$/.test(written) ? Number(written) : null;
  const date = /^\d{4}-\d\d-\d\d$/.test(written);
  const zone = /(Z|[+-]\d\d:?\d\d)$/.test(written);
  const iso = date || zone ? written : `${written.replace(' ', 'T')}Z`;
  const ms = seconds !== null ? seconds * 1000 : Date.parse(iso);
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(0, 10) : null;
}

function csvTable(text: string): Table {
  const [head = [], ...rows] = parseCsv(text);
  const names = head.map((name) => name.trim().toLowerCase());
  return {
    names: new Set(names),
    rows: rows.map((row, i) => ({
      at: `line ${i + 2}`,
      cells: new Map(names.map((name, at) => [name, row[at] ?? ''])),
    })),
    exactAmounts: false,
  };
}

/** One page, or a list of pages: each has buckets of time in `data`, and each of these `results`. */
function jsonTable(text: string): Result<Table> {
  let said: unknown;
  try {
    said = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    return wrong('it is no JSON. Save each page of the answer as a file, or all of them as a list.');
  }
  const pages = Array.isArray(said) ? said : [said];
  const rows: Row[] = [];
  const names = new Set<string>();
  for (const [i, page] of pages.entries()) {
    if (!isObject(page) || !Array.isArray(page['data'])) return wrong(`page ${i + 1} has no \`data\`.`);
    const last = i === pages.length - 1;
    if (pages.length > 1 && last && page['has_more'] === true)
      return wrong('its last page says that there are more (`has_more`).');
    for (const [j, bucket] of page['data'].entries()) {
      if (!isObject(bucket) || !Array.isArray(bucket['results']))
        return wrong(`page ${i + 1}, bucket ${j + 1} has no \`results\`.`);
      for (const result of bucket['results']) {
        const cells = new Map<string, string>();
        flatten({ ...bucket, results: null }, '', cells);
        flatten(result, '', cells);
        for (const name of cells.keys()) names.add(name);
        rows.push({ at: `page ${i + 1}, bucket ${j + 1}`, cells });
      }
    }
  }
  return ok({ names, rows, exactAmounts: true });
}

const DEEPEST = 4;

/** `{"amount": {"value": 1}}` becomes a cell `amount.value`. */
function flatten(value: unknown, path: string, cells: Map<string, string>, depth = 0): void {
  if (isObject(value) && depth < DEEPEST) {
    for (const [name, inner] of Object.entries(value)) {
      flatten(inner, path === '' ? name : `${path}.${name}`, cells, depth + 1);
    }
  } else if (path !== '') cells.set(path, value === null || typeof value === 'object' ? '' : String(value));
}

/** One page of a report, as far as it tells which others belong to it. */
interface Page {
  readonly file: string;
  readonly hasMore: boolean;
  /** Which report it is of, by what its results have; null where all its buckets are empty. */
  readonly report: string | null;
  /** Its buckets that are not empty, as they were written. */
  readonly buckets: readonly string[];
}

/** Null for a file that is no single page. */
export function pageOf(file: string, text: string): Page | null {
  if (!/^\ufeff?\s*\{/.test(text)) return null;
  const page: unknown = JSON.parse(text.replace(/^\ufeff/, ''));
  if (!isObject(page) || !Array.isArray(page['data'])) return null;
  const buckets = page['data'].filter((bucket) => isObject(bucket) && isObject((bucket['results'] as unknown[])[0]));
  const [first] = buckets as { results: object[] }[];
  return {
    file,
    hasMore: page['has_more'] === true,
    report: first ? Object.keys(first.results[0]!).sort().join() : null,
    buckets: buckets.map((bucket) => JSON.stringify(bucket)),
  };
}

/** What is wrong with pages that should be all of their reports; null where nothing is. */
export function pagesWrong(pages: readonly Page[]): string | null {
  const seen = new Map<string, string>();
  for (const { file, buckets } of pages) {
    for (const bucket of buckets) {
      const before = seen.get(bucket);
      if (before !== undefined) return `${file} has what ${before} has too: a page was given twice.`;
      seen.set(bucket, file);
    }
  }
  const reports = new Map<string | null, Page[]>();
  for (const page of pages) reports.set(page.report, [...(reports.get(page.report) ?? []), page]);
  const empty = reports.get(null) ?? [];
  for (const of of reports.values()) {
    // Each report has one page that is the last; without it, what is missing would look like a difference.
    if (![...of, ...empty].some(({ hasMore }) => !hasMore))
      return `There are more pages (\`has_more\`) than ${of.map(({ file }) => file).join(', ')}.`;
  }
  return null;
}
