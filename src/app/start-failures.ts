/**
 * What ends a start, in words for whoever started: which setting it is about, what happened, and what to do. And what takes
 * long at a start says what it is, so that nobody takes it for a standstill.
 */
import { createServer } from 'node:net';
import type { Config } from '../config/config.js';
import { messageOf } from '../lib/thrown.js';
import { DataDirectoryInUse } from '../store/data-lock.js';

export class StartFailure extends Error {
  override readonly name = 'StartFailure';
}

type Setting = 'server.port' | 'data_dir' | 'database.url' | 'cache.embedding.folder';

/** Runs a part of the start. What it throws is told as the matter of `setting`. */
export async function startPart<T>(setting: Setting, config: Config, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new StartFailure(`${setting}: ${wordsOf(setting, error, config)}`, { cause: error });
  }
}

const SILENT_MS = 2_000;

/** Where the work is not done within two seconds, `say` is told what it is. */
export async function saying<T>(what: string, say: (line: string) => void, work: () => Promise<T>): Promise<T> {
  const timer = setTimeout(() => say(what), SILENT_MS);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}

/** Throws what listening would throw, before anything else is made. */
export const checkPort = ({ server: { host, port } }: Config): Promise<void> =>
  new Promise((free, taken) => {
    if (port === 0) return free();
    const probe = createServer();
    probe.once('error', taken);
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => free()));
  });

function wordsOf(setting: Setting, error: unknown, config: Config): string {
  const code = codeOf(error);
  if (setting === 'cache.embedding.folder') return `the model cannot be used: ${messageOf(error)}`;
  if (setting === 'server.port') return portWords(code, config) ?? messageOf(error);
  if (error instanceof DataDirectoryInUse) return error.message;
  if (setting === 'database.url' && config.database.url !== null)
    return databaseWords(code, new URL(config.database.url)) ?? `the database refuses: ${messageOf(error)}`;
  return folderWords(code, config.data_dir) ?? messageOf(error);
}

/** The first code of an error or of what caused it: libraries wrap what the system says. */
function codeOf(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const { code, errors } = at as { code?: unknown; errors?: unknown };
    if (typeof code === 'string') return code;
    // Both addresses of a name were tried.
    if (Array.isArray(errors) && errors.length > 0) return codeOf(errors[0]);
  }
  return undefined;
}

function portWords(code: string | undefined, { server: { host, port } }: Config): string | undefined {
  switch (code) {
    case 'EADDRINUSE':
      return `${port} is in use on ${host}. Stop what listens there, or use another port (PORT=4001).`;
    case 'EACCES':
      return `this user may not listen on ${port}. Use a port from 1024 on, or give the process the right to bind it.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine (server.host). Use 127.0.0.1, or 0.0.0.0 for all of them.`;
    default:
      return undefined;
  }
}

function databaseWords(code: string | undefined, url: URL): string | undefined {
  const at = `${url.hostname}:${url.port || '5432'}`;
  const user = decodeURIComponent(url.username) || 'postgres';
  const name = decodeURIComponent(url.pathname.slice(1)) || user;
  switch (code) {
    case 'ECONNREFUSED':
      return `connection refused at ${at}. Is Postgres running there? Start it, or correct the host and the port.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host ${url.hostname} is not known. Correct it, or look at the machine's DNS.`;
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `${at} does not answer. Is a firewall in between, or the host wrong?`;
    case '28P01':
    case '28000':
      return `Postgres at ${at} does not let the user '${user}' in. Correct the user and the password.`;
    case '3D000':
      return `there is no database '${name}' at ${at}. Create it: CREATE DATABASE "${name}";`;
    case '42501':
      return `the user '${user}' may not do what is needed in '${name}'. Grant it: GRANT CREATE ON SCHEMA public TO "${user}"; and make it the owner of the tables.`;
    case '53300':
      return `Postgres at ${at} has no connection left. Raise its max_connections, or close others.`;
    case '57P03':
      return `Postgres at ${at} is starting or ending. Wait for it and start again.`;
    default:
      return undefined;
  }
}

function folderWords(code: string | undefined, folder: string): string | undefined {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `this user may not write in ${folder}. Give it the right (chown), or use another folder.`;
    case 'EROFS':
      return `${folder} is on a file system that is read-only. Use another folder, or mount a volume there.`;
    case 'ENOENT': // what making a folder on a read-only file system says
      return `a folder cannot be made in ${folder}. Is its file system read-only? Use another folder, or mount a volume there.`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `the disk of ${folder} is full. Make room, or use another folder.`;
    case 'ENOTDIR':
    case 'EEXIST':
      return `${folder} is not a folder. Use another one.`;
    default:
      return undefined;
  }
}
