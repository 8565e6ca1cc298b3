/**
 * A provider's export beside the ledger: per day and model ours, theirs, the difference, and what explains it as far as the
 * figures tell. Pure; all money is in nano-dollars as big integers, so that what is shown as a difference is one.
 */

import { ok, type Result, refuse, refused } from '../lib/errors.js';
import type { ExportFormat } from '../provider/provider-type.js';
import { parseCsv } from './csv.js';

export interface Figures {
  /** Null where the export does not tell. */
  readonly requests: bigint | null;
  readonly tokens: { readonly input: bigint; readonly cached: bigint; readonly output: bigint } | null;
  readonly nano: bigint | null;
}

/** One side's use of a model on a day (UTC). */
export interface DayOf {
  readonly day: string;
  readonly model: string;
  readonly figures: Figures;
  /** By how much each amount may be off for having been rounded, in nano-dollars, over all rows. */
  readonly roundedNano: bigint;
  /** A part of these tokens was counted here, for the provider told none. */
  readonly counted: boolean;
}

export type Cause =
  | 'equal'
  | 'missing_here'
  | 'missing_there'
  | 'price'
  | 'rounding'
  | 'time_zone_edge'
  | 'counted'
  | 'unexplained';

export interface Compared {
  readonly day: string;
  readonly model: string;
  readonly ours: Figures | null;
  readonly theirs: Figures | null;
  readonly differenceNano: bigint | null;
  readonly differenceTokens: bigint | null;
  readonly cause: Cause;
}

/** Reads an export. Several files (usage and cost) are read one by one and put together by `joined`. */
export function readExport(text: string, formats: readonly ExportFormat[]): Result<DayOf[]> {
  const [head = [], ...rows] = parseCsv(text);
  const names = head.map((name) => name.trim().toLowerCase());
  const format = formats.find(({ knownBy }) => knownBy.every((name) => names.includes(name)));
  if (!format) {
    const known = formats.map(({ kind, knownBy }) => `${kind}: ${knownBy.join(', ')}`).join('; ');
    return wrong(`its columns are none of a known export (${known}).`);
  }
  const at = new Map(names.map((name, i) => [name, i]));
  const cell = (row: readonly string[], name: string | undefined): string =>
    (name === undefined ? undefined : row[at.get(name) ?? -1])?.trim() ?? '';
  const found: DayOf[] = [];
  for (const [i, row] of rows.entries()) {
    const model = cell(row, format.model).split(', ', 1)[0]!;
    const day = dayOf(cell(row, format.time));
    if (day === null) return wrong(`line ${i + 2}: \`${cell(row, format.time).slice(0, 40)}\` is no time.`);
    const amount = cell(row, format.cost?.amount);
    if (model === '' && (format.kind === 'usage' || amount === '')) continue; // a bucket in which nothing happened
    const currency = cell(row, format.cost?.currency).toLowerCase();
    if (currency !== '' && currency !== 'usd') return wrong(`line ${i + 2}: amounts in ${currency} are not compared.`);
    const sum = (columns: readonly string[]) => columns.reduce((total, name) => total + count(cell(row, name)), 0n);
    const nano = format.cost ? (amount === '' ? 0n : nanoFrom(amount)) : null;
    if (format.cost && nano === null) return wrong(`line ${i + 2}: \`${amount.slice(0, 40)}\` is no amount.`);
    const { tokens } = format;
    const cached = tokens ? sum(tokens.cache_read) + sum(tokens.cache_write) : 0n;
    found.push({
      day,
      model: model || 'other',
      figures: {
        requests: format.requests === undefined ? null : count(cell(row, format.requests)),
        tokens: tokens
          ? {
              input: tokens.inputIncludesCached ? sum(tokens.input) - cached : sum(tokens.input),
              cached,
              output: sum(tokens.output),
            }
          : null,
        nano,
      },
      roundedNano: format.cost ? halfOfLastPlace(amount) : 0n,
      counted: false,
    });
  }
  return ok(found);
}

const wrong = (words: string) => refused(refuse('invalid_value', `The export cannot be read: ${words}`));

/** A whole number that may be written `1234`, `1234.0` or `1,234`. */
function count(written: string): bigint {
  const digits = /^(-?\d+)(\.0*)?$/.exec(written.replaceAll(',', ''));
  return digits ? BigInt(digits[1]!) : 0n;
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

/** How far an amount may be off for having been rounded to the places that it is written with. */
function halfOfLastPlace(written: string): bigint {
  const places = /\.(\d+)$/.exec(written)?.[1]?.length ?? 0;
  return places >= 9 ? 1n : 10n ** BigInt(9 - places) / 2n;
}

function dayOf(written: string): string | null {
  const seconds = /^\d{9,11}(\.0+)?$/.test(written) ? Number(written) : null;
  const date = /^\d{4}-\d\d-\d\d$/.test(written);
  const zone = /(Z|[+-]\d\d:?\d\d)$/.test(written);
  const iso = date || zone ? written : `${written.replace(' ', 'T')}Z`;
  const ms = seconds !== null ? seconds * 1000 : Date.parse(iso);
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(0, 10) : null;
}

/** The same model under its several names: without its date and its provider, in any case, whatever stands between words. */
export function modelKey(name: string): string {
  const words = name
    .toLowerCase()
    .replace(/^.*\//, '')
    .replace(/[-@](\d{8}|\d{4}-\d\d-\d\d|latest)$/, '')
    .split(/[^a-z0-9]+/)
    .filter(Boolean);
  return words.sort().join(' ');
}

/** Rows of one day and model put together, each figure from whichever rows tell it. */
function joined(rows: readonly DayOf[]): Map<string, DayOf> {
  const all = new Map<string, DayOf>();
  for (const row of rows) {
    const key = `${row.day}\n${modelKey(row.model)}`;
    const before = all.get(key);
    all.set(key, before ? { ...before, ...plus(before, row) } : row);
  }
  return all;
}

const added = (a: bigint | null, b: bigint | null): bigint | null => (a === null ? b : b === null ? a : a + b);

const plus = (a: DayOf, b: DayOf): Pick<DayOf, 'figures' | 'roundedNano' | 'counted'> => ({
  figures: {
    requests: added(a.figures.requests, b.figures.requests),
    tokens:
      a.figures.tokens && b.figures.tokens
        ? {
            input: a.figures.tokens.input + b.figures.tokens.input,
            cached: a.figures.tokens.cached + b.figures.tokens.cached,
            output: a.figures.tokens.output + b.figures.tokens.output,
          }
        : (a.figures.tokens ?? b.figures.tokens),
    nano: added(a.figures.nano, b.figures.nano),
  },
  roundedNano: a.roundedNano + b.roundedNano,
  counted: a.counted || b.counted,
});

export function reconcile(ours: readonly DayOf[], theirs: readonly DayOf[]): Compared[] {
  const mine = joined(ours);
  const other = joined(theirs);
  const keys = [...new Set([...mine.keys(), ...other.keys()])].sort();
  const rows = keys.map((key) => compare(mine.get(key), other.get(key)));
  return withEdges(rows);
}

const tokenSum = (figures: Figures | undefined | null): bigint | null =>
  figures?.tokens ? figures.tokens.input + figures.tokens.cached + figures.tokens.output : null;

function compare(mine: DayOf | undefined, other: DayOf | undefined): Compared {
  const ours = mine?.figures ?? null;
  const theirs = other?.figures ?? null;
  const { day, model } = (other ?? mine)!;
  const tells = { nano: theirs ? theirs.nano !== null : true, tokens: theirs ? theirs.tokens !== null : true };
  const differenceNano = tells.nano ? (ours?.nano ?? 0n) - (theirs?.nano ?? 0n) : null;
  const differenceTokens = tells.tokens ? (tokenSum(ours) ?? 0n) - (tokenSum(theirs) ?? 0n) : null;
  const base = { day, model, ours, theirs, differenceNano, differenceTokens };
  return { ...base, cause: causeOf(base, mine, other) };
}

function causeOf(
  { ours, theirs, differenceNano, differenceTokens }: Omit<Compared, 'cause'>,
  mine: DayOf | undefined,
  other: DayOf | undefined,
): Cause {
  const isZero = (figures: Figures | null) =>
    !figures || ((figures.nano ?? 0n) === 0n && (tokenSum(figures) ?? 0n) === 0n);
  if ((differenceNano ?? 0n) === 0n && (differenceTokens ?? 0n) === 0n) return 'equal';
  if (isZero(ours)) return 'missing_here';
  if (isZero(theirs)) return 'missing_there';
  const size = differenceNano === null ? null : differenceNano < 0n ? -differenceNano : differenceNano;
  // Our own entries are rounded to the nano-dollar one by one, up to four kinds each.
  const slack = (other?.roundedNano ?? 0n) + (ours?.requests ?? 0n) * 2n;
  if (differenceTokens === null && size !== null && size <= slack) return 'rounding';
  if (differenceTokens === 0n && size !== null) return size <= slack ? 'rounding' : 'price';
  if (mine?.counted) return 'counted';
  return 'unexplained';
}

/** Neighbouring days of one model whose differences cancel out: the same requests, put on either side of midnight. */
function withEdges(rows: readonly Compared[]): Compared[] {
  const result = [...rows];
  const byModel = new Map<string, number[]>();
  for (const [i, row] of rows.entries()) {
    const key = modelKey(row.model);
    byModel.set(key, [...(byModel.get(key) ?? []), i]);
  }
  for (const indexes of byModel.values()) {
    for (let i = 0; i + 1 < indexes.length; i++) {
      const [a, b] = [indexes[i]!, indexes[i + 1]!];
      const [first, second] = [result[a]!, result[b]!];
      if (!mayBeEdge(first) || !mayBeEdge(second) || dayAfter(first.day) !== second.day) continue;
      const tokens = first.differenceTokens !== null && second.differenceTokens !== null;
      const [x, y] = tokens
        ? [first.differenceTokens!, second.differenceTokens!]
        : [first.differenceNano ?? 0n, second.differenceNano ?? 0n];
      if (x === 0n || x + y !== 0n) continue;
      result[a] = { ...first, cause: 'time_zone_edge' };
      result[b] = { ...second, cause: 'time_zone_edge' };
    }
  }
  return result;
}

const mayBeEdge = ({ cause }: Compared): boolean => cause !== 'equal' && cause !== 'rounding' && cause !== 'price';

const dayAfter = (day: string): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
