/**
 * A configuration file as a `Config`, or everything that is wrong with it. Reads the file, the `.env` beside it and the
 * files of secrets; changes nothing, so a caller that already runs can keep what it has when the answer is no.
 *
 * The file is the one that is named, else `config.yaml` of the working directory, else the one that is shipped: then
 * relative paths and `.env` belong to the working directory, as if the file were there.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join, resolve as resolvePath } from 'node:path';
import { parse as parseDotenv } from 'dotenv';
import { packageRoot } from '../lib/root.js';
import {
  type AddedEntry,
  DATABASE,
  entryAt,
  type LoadedWithAdded,
  loadWithAdded,
  namesInFile,
  withAdded,
} from './added.js';
import { checkOwnCredentials } from './added-credentials.js';
import type { Config } from './config.js';
import { readDocument } from './document.js';
import { type Draft, maskedValue } from './draft.js';
import { InputReader, type Inputs } from './inputs.js';
import { formatPath, type Problem } from './problem.js';
import { type EnvOf, NO_ENV } from './provider-account.js';
import { checkReferences, type ProviderTypes } from './references.js';
import { resolve } from './resolve.js';
import { checkRoutes } from './routes.js';
import { type Finding, validate } from './validate.js';

export interface LoadOptions {
  /** The file that the command line names. */
  readonly file?: string | undefined;
  /** Wins over `.env`. `TOLLGATE_CONFIG` names the file where `file` does not. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly providerTypes: ProviderTypes;
  /** What stands in the database beside what the file has. */
  readonly added?: readonly AddedEntry[] | undefined;
  /** Where what runs was loaded from: the same place is read again, whatever files there are by now. */
  readonly again?: Source | undefined;
  /** What is read instead of the file. */
  readonly draft?: Draft | undefined;
}

/** Which file a configuration is in. */
export interface Source {
  /** Absolute. */
  readonly file: string;
  /** Where relative paths begin, and where `.env` is. */
  readonly baseDir: string;
  /** The file as the user knows it. */
  readonly shown: string;
}

export type Loaded = {
  readonly source: Source;
  /** What was read, also where it is of no use. */
  readonly inputs: Inputs;
} & (
  | {
      readonly ok: true;
      readonly config: Config;
      /** Absolute. */
      readonly file: string;
      /** The same for the same configuration as used; says nothing about the secrets in it. */
      readonly hash: string;
    }
  | { readonly ok: false; readonly problems: readonly Problem[] }
);

interface LoadedOnce {
  readonly loaded: Loaded;
  /** Those of what was added whose names the file has. */
  readonly inFile: readonly AddedEntry[];
}

type ReadConfig =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export function loadConfig(options: LoadOptions): LoadedWithAdded {
  const source = options.again ?? chooseFile(options);
  return loadWithAdded((added) => loadOnce(options, source, added), options.added ?? []);
}

function loadOnce(options: LoadOptions, source: Source, added: readonly AddedEntry[]): LoadedOnce {
  const reader = new InputReader(options.again !== undefined, options.draft && readableBy(options.draft, source));
  const inFile: AddedEntry[] = [];
  const read = load({ ...options, added }, source, reader, inFile);
  const common = { source, inputs: reader.inputs() };
  if (!read.ok) return { loaded: { ...common, ...read }, inFile };
  return { loaded: { ...common, ...read, file: source.file, hash: hashOf(read.config) }, inFile };
}

function load(
  options: LoadOptions,
  { file, baseDir, shown }: Source,
  reader: InputReader,
  inFile: AddedEntry[],
): ReadConfig {
  const { added = [] } = options;
  const whole = (message: string, where = shown): ReadConfig => ({
    ok: false,
    problems: [{ file: where, line: 1, column: 1, path: '', message }],
  });

  const text: Text = options.draft ? { ok: true, text: options.draft.text } : readText(file, reader);
  if (!text.ok) return whole(text.message);
  // Whoever empties a file is about to write it; at a start, an empty one is a configuration of defaults.
  if (options.again && text.text.trim() === '') return whole('the file is empty');
  const dotenv = readDotenv(join(baseDir, '.env'), reader);
  if (!dotenv.ok) return whole(dotenv.message, join(dirname(shown), '.env'));

  const env = withDraft({ ...dotenv.values, ...options.env }, options.draft);
  const source = readDocument(text.text, env);
  inFile.push(...namesInFile(source.value, added));
  const own = added.filter((entry) => !inFile.includes(entry));
  const value = withAdded(source.value ?? {}, own);
  const problems: Problem[] = source.faults.map(({ line, column, path, message }) => ({
    ...{ file: shown, line, column, path: formatPath(path), message },
  }));
  const add = (findings: readonly Finding[]) => {
    for (const { path, part, message } of findings) {
      if (entryAt(path, own)) {
        problems.push({ file: DATABASE, line: 1, column: 1, path: formatPath(path), message });
        continue;
      }
      const at = source.at(path, part);
      // What could not be expanded need not be a number too.
      if (source.faults.some(({ line, column }) => line === at.line && column === at.column)) continue;
      problems.push({ file: shown, ...at, path: formatPath(path), message });
    }
  };
  const failed = (): ReadConfig => ({
    ok: false,
    problems: problems.sort((a, b) => a.line - b.line || a.column - b.column),
  });

  if (source.value === undefined) return failed();
  const validated = validate(value);
  const types = options.providerTypes;
  const isAdded = (provider: string) => entryAt(['providers', provider], own) !== undefined;
  const envOf: EnvOf = (provider) => (isAdded(provider) ? NO_ENV : env);
  add(checkReferences(value, types, envOf));
  add(checkOwnCredentials(own, types));
  add(checkRoutes(value));
  if (!validated.ok) {
    add(validated.findings);
    return failed();
  }
  const resolved = resolve(validated.written, {
    ...{ baseDir, read: (path) => reader.read(path), types, env, envOf, isAdded },
  });
  if (!resolved.ok) add(resolved.findings);
  if (!resolved.ok || problems.length > 0) return failed();
  return { ok: true, config: resolved.config };
}

const readableBy = (draft: Draft, { baseDir }: Source): ReadonlySet<string> =>
  new Set([...draft.files, join(baseDir, '.env')]);

const withDraft = (env: LoadOptions['env'], draft: Draft | undefined): LoadOptions['env'] =>
  draft?.masked
    ? Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value && maskedValue(value)]))
    : env;

export function chooseFile({ file, env, cwd }: Pick<LoadOptions, 'file' | 'env' | 'cwd'>): Source {
  const named = file || env['TOLLGATE_CONFIG'];
  if (named) {
    const path = resolvePath(cwd, named);
    return { file: path, baseDir: dirname(path), shown: named };
  }
  const own = join(cwd, 'config.yaml');
  if (existsSync(own)) return { file: own, baseDir: cwd, shown: 'config.yaml' };
  const shipped = join(packageRoot, 'config.yaml');
  return { file: shipped, baseDir: cwd, shown: shipped };
}

type Text = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

function readText(file: string, reader: InputReader): Text {
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(reader.read(file)) };
  } catch (error) {
    if (error instanceof TypeError) return { ok: false, message: 'the file is not UTF-8 text' };
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESPIPE') return { ok: false, message: 'a pipe cannot be read again; restart to change it' };
    if (code === 'ENOENT')
      return { ok: false, message: 'there is no such file; name another with --config or TOLLGATE_CONFIG' };
    return { ok: false, message: `cannot be read: ${code}` };
  }
}

type Dotenv =
  | { readonly ok: true; readonly values: Record<string, string> }
  | { readonly ok: false; readonly message: string };

function readDotenv(file: string, reader: InputReader): Dotenv {
  try {
    return { ok: true, values: parseDotenv(reader.read(file)) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A folder of that name is somebody's Python environment.
    if (code === 'ENOENT' || code === 'EISDIR') return { ok: true, values: {} };
    return { ok: false, message: `cannot be read: ${code}` };
  }
}

export const hashOf = (config: Config): string =>
  createHash('sha256').update(JSON.stringify(config)).digest('hex').slice(0, 16);
