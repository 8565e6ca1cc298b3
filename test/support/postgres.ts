/**
 * A real Postgres for tests. `freshDatabase` gives a test file a database of its own on the server of `TEST_DATABASE_URL`,
 * on the one at the usual local port, or on a private one that it starts from installed binaries. The test runner starts one
 * for all test files. A private server has a folder and a port of its own and ends with the process that started it.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from './free-port.js';

export interface Postgres {
  /** Of the database `postgres`, as a superuser. */
  readonly url: string;
  /** Ends the server as a crash would: connections break and the port is closed. */
  crash(): Promise<void>;
  /** Starts it again after `crash`, with the same data on the same port. */
  resume(): Promise<void>;
  /** Makes all of its processes stand still, with their connections open, and go on again. */
  pause(): void;
  proceed(): void;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

export interface FreshDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

const OLDEST = 15;

/** The folder of `initdb` and `postgres`: of the newest Debian package, else of `PATH`. Undefined where there is none. */
export function findPostgresBin(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian)
    ? readdirSync(debian)
        .map(Number)
        .filter((version) => version >= OLDEST)
    : [];
  const folders = [
    ...versions.sort((a, b) => b - a).map((version) => join(debian, String(version), 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

/** The server that is there already: `TEST_DATABASE_URL`, or one at the usual local port that lets us make databases. */
export async function findPostgres(): Promise<string | undefined> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given) return given;
  for (const user of new Set(['postgres', userInfo().username])) {
    const url = `postgres://${encodeURIComponent(user)}@127.0.0.1:5432/postgres`;
    if (await canMakeDatabases(url)) return url;
  }
  return undefined;
}

/** Starts a private server. Throws where no binaries are installed. `also`: it listens there too, and lets in whoever comes from there. */
export async function startPostgres(also?: { readonly host: string; readonly block: string }): Promise<Postgres> {
  const bin = findPostgresBin();
  if (!bin) throw new Error('No PostgreSQL found: install it (apt-get install postgresql), or set TEST_DATABASE_URL.');
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-pg-'));
  const user = unprivileged();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(dir, user.uid, user.gid);
  const data = join(dir, 'data');
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'], {
    ...user,
    cwd: dir,
    stdio: 'pipe',
  });
  if (also) appendFileSync(join(data, 'pg_hba.conf'), `host all all ${also.block} trust\n`);
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const settings = [
    'fsync=off',
    'full_page_writes=off',
    `listen_addresses=127.0.0.1${also ? `,${also.host}` : ''}`,
    'max_connections=200',
    'unix_socket_directories=',
  ];
  const args = ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];

  let server: ChildProcess;
  const start = async () => {
    const log = openSync(join(dir, 'log'), 'a');
    server = spawn(join(bin, 'postgres'), args, { ...user, cwd: dir, stdio: ['ignore', log, log] });
    server.unref();
    await answers(url, server, join(dir, 'log'));
  };
  const end = async (signal: NodeJS.Signals) => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((done) => server.once('exit', done));
    server.ref();
    server.kill(signal);
    await ended;
  };
  const atExit = () => {
    server.kill('SIGQUIT');
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('exit', atExit);
  await start();
  return {
    url,
    crash: () => end('SIGQUIT'),
    resume: start,
    pause: () => signalAll(server.pid!, 'SIGSTOP'),
    proceed: () => signalAll(server.pid!, 'SIGCONT'),
    stop: async () => {
      await end('SIGINT');
      process.off('exit', atExit);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** To a server and the processes that it made, the server first, so that it makes no more. */
function signalAll(pid: number, signal: NodeJS.Signals): void {
  const signalOne = (one: number): void => {
    try {
      process.kill(one, signal);
    } catch {
      // It has ended.
    }
  };
  signalOne(pid);
  const children = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' }).stdout ?? '';
  for (const child of children.split('\n').map(Number).filter(Boolean)) signalOne(child);
}

let server: Promise<string> | undefined;

/** An empty database with a name of its own, on the server of `TEST_DATABASE_URL` unless told. */
export async function freshDatabase(on?: string): Promise<FreshDatabase> {
  server ??= on ? undefined : findPostgres().then(async (url) => url ?? (await startPostgres()).url);
  const admin = on ?? (await server)!;
  const name = `tollgate_test_${randomBytes(6).toString('hex')}`;
  await run(admin, `create database ${name} template template0 encoding 'UTF8'`);
  const url = new URL(admin);
  url.pathname = name;
  return { url: url.href, drop: () => run(admin, `drop database if exists ${name} with (force)`) };
}

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function canMakeDatabases(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
  try {
    await client.connect();
    const { rows } = await client.query<{ may: boolean }>(
      `select (rolsuper or rolcreatedb) and current_setting('server_version_num')::int >= ${OLDEST}0000 as may
       from pg_roles where rolname = current_user`,
    );
    return rows[0]?.may ?? false;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Postgres does not run as root: then it runs as the user that its package made. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function answers(url: string, started: ChildProcess, log: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (started.exitCode !== null) break;
    try {
      return await run(url, 'select 1');
    } catch {
      await sleep(50);
    }
  }
  throw new Error(`The private PostgreSQL did not start: ${readFileSync(log, 'utf8').slice(-2_000)}`);
}
