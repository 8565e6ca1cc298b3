/** The data sets of the cache's bench, from a folder that holds them; none of them is part of the project. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/lib/root.js';

export interface Query {
  readonly text: string;
  /** Queries with one label have one answer; each out-of-scope query has its own. */
  readonly label: string;
}

export interface Pair {
  readonly same: boolean;
  readonly kind: string;
  readonly one: string;
  readonly two: string;
}

export const dataFolder = process.env['TOLLGATE_BENCH_DATA'] ?? join(packageRoot, 'data/bench');

const read = (name: string): string | undefined => {
  const file = join(dataFolder, name);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
};

/** BANKING77, training split: 77 intents. CC BY 4.0, PolyAI. */
export function banking77(): Query[] | undefined {
  const rows = read('banking77_train.csv');
  if (!rows) return undefined;
  return csv(rows)
    .slice(1)
    .flatMap(([text, label]) => (text && label ? [{ text, label }] : []));
}

/** CLINC150 with its out-of-scope queries. CC BY 3.0. */
export function clinc150(): Query[] | undefined {
  const written = read('clinc150_full.json');
  if (!written) return undefined;
  const parts = JSON.parse(written) as Record<string, [string, string][]>;
  return Object.values(parts)
    .flat()
    .map(([text, label], i) => ({ text, label: label === 'oos' ? `oos ${i}` : label }));
}

/** Quora question pairs, development split: read from where it is, never kept. */
function quora(): Pair[] | undefined {
  return read('qqp_dev.tsv')
    ?.trim()
    .split('\n')
    .map((line) => line.split('\t'))
    .flatMap(([label, one, two]) => (one && two ? [{ same: label === '1', kind: 'quora', one, two }] : []));
}

/**
 * Of each label, every second pair: floors are chosen on the one half (`tuning`), and the other is only looked at
 * (`held out`).
 */
export function quoraHalf(which: 'tuning' | 'held out'): Pair[] | undefined {
  const pairs = quora();
  const of = (same: boolean) =>
    pairs?.filter((pair) => pair.same === same).filter((_, i) => (i % 2 === 0) === (which === 'tuning'));
  return pairs && [...of(true)!, ...of(false)!];
}

/** Pairs that ask for different things, in the manner of other people's sets, written after the comparison was finished. */
export const fresh = (): Pair[] =>
  readFileSync(join(packageRoot, 'bench/cache/fresh.tsv'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('\t') as [string, string, string])
    .map(([kind, one, two]) => ({ same: false, kind, one, two }));

/** Our own pairs: traps, which look alike and are not, and true paraphrases. */
export const traps = (): Pair[] =>
  readFileSync(join(packageRoot, 'bench/cache/traps.tsv'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('\t') as [string, string, string, string])
    .map(([what, kind, one, two]) => ({ same: what === 'paraphrase', kind, one, two }));

function csv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    row.push(quoted?.replaceAll('""', '"') ?? plain ?? '');
    if (end === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

/** The same order each time. */
export function shuffled<T>(items: readonly T[], seed = 7): T[] {
  const random = randomFrom(seed);
  const all = [...items];
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}

/** Mulberry32. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
