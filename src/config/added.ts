/**
 * Providers and models that stand in the database beside those of the file. They are read as if they stood in it, by the same
 * schema and with the same words, but for what only a file may say: nothing in them is taken from the environment or from other
 * files. A name that the file has is the file's. What of them is wrong is left out, one by one, and told; the rest and the file
 * come into force without it.
 */
import { urlProblem } from '../lib/public-address.js';
import type { Loaded } from './load.js';
import type { Path, Problem } from './problem.js';

export const addedKinds = ['provider', 'model'] as const;
export type AddedKind = (typeof addedKinds)[number];

export interface AddedEntry {
  readonly kind: AddedKind;
  readonly name: string;
  /** As it would stand in the file. */
  readonly written: Readonly<Record<string, unknown>>;
}

/** One that is not in force, and why. */
export interface LeftOut {
  readonly kind: AddedKind;
  readonly name: string;
  readonly problems: readonly Problem[];
  /** The file has one of this name. */
  readonly inFile: boolean;
}

/** What problems name as the file of what stands in the database. */
export const DATABASE = 'admin API';

export const sectionOf = (kind: AddedKind): 'providers' | 'models' => (kind === 'provider' ? 'providers' : 'models');

/** The entry that a path leads into; undefined: it stands in the file. */
export const entryAt = (path: Path, added: readonly AddedEntry[]): AddedEntry | undefined =>
  added.find(({ kind, name }) => path[0] === sectionOf(kind) && path[1] === name);

/** What a file says together with entries whose names it does not have. The value of the file is not changed. */
export function withAdded(value: unknown, added: readonly AddedEntry[]): unknown {
  if (added.length === 0 || typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const merged: Record<string, unknown> = { ...value };
  for (const { kind, name, written } of added) {
    const section = merged[sectionOf(kind)] ?? {};
    if (typeof section !== 'object' || Array.isArray(section)) continue;
    merged[sectionOf(kind)] = { ...section, [name]: structuredClone(written) };
  }
  return merged;
}

/** Those of `added` whose names stand in the file. */
export function namesInFile(value: unknown, added: readonly AddedEntry[]): readonly AddedEntry[] {
  const of = (kind: AddedKind): object => {
    const section = (value as Readonly<Record<string, unknown>> | null | undefined)?.[sectionOf(kind)];
    return typeof section === 'object' && section !== null ? section : {};
  };
  return added.filter(({ kind, name }) => Object.hasOwn(of(kind), name));
}

/** Settings of a provider that name files of the machine on which a gateway runs. */
const OF_FILES = new Set(['credentials_file', 'token_file']);
const OF_TLS = new Set(['ca', 'cert', 'key']);
const MOST_DEEP = 20;

/** What only a file may say, or what no address may be, in what the admin API was given. */
export function forbidden({ kind, written }: AddedEntry): { path: Path; message: string } | undefined {
  if (kind === 'provider') {
    const { base_url: base, proxy } = written;
    const message = typeof base === 'string' ? urlProblem(base, 'private') : null;
    if (message !== null) return { path: ['base_url'], message };
    const wrong = typeof proxy === 'string' ? addressProblem(proxy) : null;
    if (wrong !== null) return { path: ['proxy'], message: wrong };
  }
  return fileIn(written, [], 0);
}

/** Of a proxy, whose URL may hold credentials. What is no URL is told with the other faults of the settings. */
function addressProblem(proxy: string): string | null {
  if (!URL.canParse(proxy)) return null;
  const { host } = new URL(proxy);
  return host === '' ? null : urlProblem(`http://${host}`, 'private');
}

function fileIn(value: unknown, path: Path, depth: number): { path: Path; message: string } | undefined {
  if (depth > MOST_DEEP) return { path, message: 'nested too deep' };
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    const isFile =
      (key === 'file' && depth > 0 && typeof inner === 'string') ||
      OF_FILES.has(key) ||
      (path.length === 1 && path[0] === 'tls' && OF_TLS.has(key));
    if (isFile) return { path: at, message: 'files can be named in the configuration file alone' };
    const found = fileIn(inner, at, depth + 1);
    if (found) return found;
  }
  return undefined;
}

type Load = (added: readonly AddedEntry[]) => { readonly loaded: Loaded; readonly inFile: readonly AddedEntry[] };

const MOST_TRIES = 60;

/**
 * Those of `added` with which the file is wrong, though it is right without any; none where it is wrong itself. Halves that do no
 * harm are kept; after many tries what was not tried counts as harmful, so that the file comes into force at any rate.
 */
function culpritsOf(load: Load, added: readonly AddedEntry[]): readonly AddedEntry[] {
  const harms = (entries: readonly AddedEntry[]): boolean => {
    const { loaded } = load(entries);
    return !loaded.ok && loaded.problems.some(({ file }) => file !== DATABASE);
  };
  if (added.length === 0 || harms([])) return [];
  const kept: AddedEntry[] = [];
  const culprits: AddedEntry[] = [];
  let tries = 0;
  const sift = (entries: readonly AddedEntry[]): void => {
    if (tries++ >= MOST_TRIES) return void culprits.push(...entries);
    if (!harms([...kept, ...entries])) return void kept.push(...entries);
    if (entries.length === 1) return void culprits.push(...entries);
    const half = entries.length >> 1;
    sift(entries.slice(0, half));
    sift(entries.slice(half));
  };
  sift(added);
  // What is wrong may show only while everything else is right.
  return culprits.length > 0 ? culprits : added;
}

export type LoadedWithAdded = Loaded & { readonly leftOut: readonly LeftOut[] };

/** `load` reads the file with the entries that it is given, and says which names the file has. */
export function loadWithAdded(load: Load, added: readonly AddedEntry[]): LoadedWithAdded {
  const leftOut: LeftOut[] = [];
  let rest = added;
  for (;;) {
    const { loaded, inFile } = load(rest);
    const wrong = loaded.ok ? [] : loaded.problems.filter(({ file }) => file === DATABASE);
    for (const { kind, name } of inFile) leftOut.push({ kind, name, problems: [], inFile: true });
    const bad = rest.filter((entry) => wrong.some(({ path }) => startsAt(path, entry)));
    for (const { kind, name } of bad) {
      const problems = wrong.filter(({ path }) => startsAt(path, { kind, name, written: {} }));
      leftOut.push({ kind, name, problems, inFile: false });
    }
    const dropped = new Set([...inFile, ...bad]);
    if (dropped.size === 0) {
      const culprits = loaded.ok ? [] : culpritsOf(load, rest);
      if (loaded.ok || culprits.length === 0) return { ...loaded, leftOut };
      // Each of them is told of what it does to the file.
      for (const { kind, name } of culprits) leftOut.push({ kind, name, problems: loaded.problems, inFile: false });
      for (const entry of culprits) dropped.add(entry);
    }
    rest = rest.filter((entry) => !dropped.has(entry));
  }
}

const startsAt = (path: string, { kind, name }: AddedEntry): boolean => {
  const own = pathOf(kind, name);
  return path === own || path.startsWith(`${own}.`) || path.startsWith(`${own}[`);
};

const pathOf = (kind: AddedKind, name: string): string =>
  /^[\w-]+$/.test(name) ? `${sectionOf(kind)}.${name}` : `${sectionOf(kind)}[${JSON.stringify(name)}]`;

/** A problem's path within its entry: `models.x.targets[0]` -> `targets[0]`. */
export const pathWithin = (path: string, { kind, name }: Pick<AddedEntry, 'kind' | 'name'>): string =>
  path.slice(pathOf(kind, name).length).replace(/^\./, '');
