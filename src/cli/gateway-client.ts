/**
 * What verbs share that talk to a running gateway: its URL and admin key, one call of its admin API, and errors in words for
 * whoever typed the command. The admin key is `TOLLGATE_ADMIN_KEY` (the environment, else `.env`), else the file that the
 * gateway wrote into its `data_dir` on its first start. That file is sent to this machine only, unless it is named: an admin key must not go to
 * whatever host a URL says.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { Command } from 'commander';
import { parse as parseDotenv } from 'dotenv';
import { dataDirOf } from '../config/data-dir.js';
import { withoutTrailing } from '../lib/without-trailing.js';

export interface CliWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly nowMs: () => number;
  readonly print: (line: string) => void;
  readonly printError: (line: string) => void;
  readonly exit: (code: number) => void;
}

/** Of verbs that answer with more than fits into memory. */
export interface StreamingWorld extends CliWorld {
  readonly output: Writable;
}

export const ownWorld: StreamingWorld = {
  env: process.env,
  cwd: process.cwd(),
  nowMs: Date.now,
  print: console.log,
  printError: console.error,
  output: process.stdout,
  exit: (code) => {
    process.exitCode = code;
  },
};

export interface Common {
  readonly url?: string;
  readonly adminKeyFile?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** Something that the user can put right, in words for them. */
export class UserError extends Error {}

/** What the gateway refuses, in its words. */
class Refused extends UserError {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Runs what a verb does; what the user can put right is printed, and the exit code is 1. */
export const tellsUser =
  (world: CliWorld) =>
  <Args extends unknown[]>(act: (...args: Args) => Promise<void>) =>
    async function action(...args: Args): Promise<void> {
      try {
        await act(...args);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        world.printError(error.message);
        world.exit(1);
      }
    };

/** The options of every verb that asks a gateway. */
export const asksGateway = (verb: Command): Command =>
  verb
    .option('--url <url>', 'the gateway; TOLLGATE_URL, else http://127.0.0.1:4000')
    .option(
      '--admin-key-file <file>',
      'where the admin key is; TOLLGATE_ADMIN_KEY wins; admin.key in data_dir unless told',
    )
    .option('--config <file>', 'the configuration that says where data_dir is; TOLLGATE_CONFIG, else config.yaml')
    .option('--json', 'as JSON');

export async function call<T>(
  world: CliWorld,
  options: Common,
  method: string,
  path: string,
  body?: object,
): Promise<T> {
  const { base, answer } = await ask(world, options, method, path, { body });
  const said = parsed(await answer.text());
  if (said !== undefined) return said as T;
  throw new UserError(`${base} answered ${answer.status}, and not as the admin API of Tollgate does.`);
}

/** The answer of the admin API, whatever it says. Throws `UserError` where it cannot be asked, or not by us. */
export async function sent(
  world: CliWorld,
  options: Common,
  method: string,
  path: string,
  body: object,
): Promise<{ status: number; detail: string; body: unknown }> {
  try {
    const { answer } = await ask(world, options, method, path, { body });
    return { status: answer.status, detail: '', body: parsed(await answer.text()) };
  } catch (error) {
    if (!(error instanceof Refused) || error.status === 401 || error.status === 403) throw error;
    return { status: error.status, detail: error.message, body: undefined };
  }
}

/** The answer of the admin API, its body still to be read; throws `UserError` where it refuses. */
export async function ask(
  world: CliWorld,
  options: Common,
  method: string,
  path: string,
  { body, timeoutMs = 30_000 }: { body?: object | undefined; timeoutMs?: number } = {},
): Promise<{ base: string; answer: Response }> {
  const base = baseUrl(world, options);
  const authorization = `Bearer ${adminKey(world, options, base)}`;
  let answer: Response;
  let refusal: string | undefined;
  try {
    answer = await fetch(`${base}/admin/v1${path}`, {
      method,
      headers: { authorization, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!answer.ok) refusal = await answer.text();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = cause instanceof Error ? cause.message || cause.name : String(cause);
    throw new UserError(
      `${base} cannot be reached (${why}). Is the gateway running there? --url and TOLLGATE_URL say where.`,
    );
  }
  if (refusal === undefined) return { base, answer };
  const detail = parsed(refusal)?.['detail'];
  throw new Refused(
    answer.status,
    typeof detail === 'string'
      ? detail
      : `${base} answered ${answer.status}, and not as the admin API of Tollgate does.`,
  );
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function baseUrl(world: CliWorld, options: Common): string {
  const written = options.url ?? setting(world, 'TOLLGATE_URL') ?? 'http://127.0.0.1:4000';
  const url = URL.canParse(written) ? new URL(written) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) throw new UserError(`${written} is no http or https URL.`);
  return `${url.origin}${withoutTrailing(url.pathname, '/')}`;
}

function adminKey(world: CliWorld, options: Common, base: string): string {
  const given = setting(world, 'TOLLGATE_ADMIN_KEY');
  if (given) return sendable(given, 'TOLLGATE_ADMIN_KEY');
  const { adminKeyFile, config } = options;
  const file = adminKeyFile ?? join(dataDirOf({ file: config, env: world.env, cwd: world.cwd }), 'admin.key');
  const here = ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(base).hostname);
  const key = adminKeyFile || here ? readOr(file)?.trim() : undefined;
  if (key) return sendable(key, file);
  const how = here || adminKeyFile ? ` (${file} cannot be read)` : '';
  throw new UserError(`The admin key is needed${how}: set TOLLGATE_ADMIN_KEY, or name its file with --admin-key-file.`);
}

/** A key that would not go through a header is not the admin key. */
function sendable(key: string, from: string): string {
  if (!/^[\x21-\x7e]+$/.test(key)) throw new UserError(`What is in ${from} cannot be an admin key.`);
  return key;
}

/** What a verb has to say: the answer as JSON, or lines. */
export const show = (world: CliWorld, { json }: Common, answer: unknown, lines: () => string[]): void =>
  world.print(json ? JSON.stringify(answer, null, 2) : lines().join('\n'));

/** The lines of a table, columns aligned. The first row is its head. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

/** Of the environment, else of `.env` in the working directory. */
const setting = (world: CliWorld, name: string): string | undefined =>
  world.env[name] || parseDotenv(readOr(join(world.cwd, '.env')) ?? '')[name] || undefined;

function readOr(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
