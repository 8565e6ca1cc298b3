/**
 * The embedded Postgres: PGlite in a thread of its own, behind a socket that only this user can reach, so that `pg` and
 * drizzle talk to it as to any Postgres and the main thread's event loop is never held. Its data is `<data_dir>/pg`.
 *
 * It is one session, and its socket server passes messages on one by one: two connections would take each other's prepared
 * statements. So there is one connection (`shared`, see `pg.ts`), which everything in the process takes turns on; a
 * transaction makes all others wait, and to use the pool inside of one waits for ever. Notifications are not delivered.
 *
 * A commit outlives the process, also one that is killed, but not the machine: PGlite cannot force its files to the disk.
 * The first start makes the database in a process of its own, since that takes half a gigabyte which a thread would not give
 * back, and in a folder that gets its name when it is whole.
 */
import { fork } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { asError } from '../lib/thrown.js';
import { takeLock } from './data-lock.js';
import type { FromWorker, WorkerOptions } from './embedded-worker.js';
import type { Connection } from './pg.js';

export interface EmbeddedOptions {
  readonly dataDir: string;
  /** Told when the database ended by itself; what asks it from then on fails. */
  readonly onCrash?: (error: Error) => void;
}

export interface Embedded {
  /** For `openStore`. */
  readonly connection: Connection;
  /** Writes everything down and ends; at most 10 seconds. Close the store first. Harmless when called again. */
  close(): Promise<void>;
}

const CLOSE_MS = 10_000;
/** The longest path of a Unix socket that every system takes (macOS 104 bytes with the final zero). */
const SOCKET_PATH_BYTES = 103;
const PORT = 5432;
const socketName = `.s.PGSQL.${PORT}`;

/** Throws `DataDirectoryInUse` where another process has the directory, or what kept the database from starting. */
export async function openEmbedded({ dataDir, onCrash }: EmbeddedOptions): Promise<Embedded> {
  const dir = resolve(dataDir);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const unlock = await takeLock(join(dir, 'pg.lock'));
  const socket = socketFolder(dir);
  try {
    await makeDatabase(dir);
    const { worker, port } = await startWorker({
      pgDir: join(dir, 'pg'),
      socket: socket && join(socket.dir, socketName),
    });
    const stop = watch(worker, onCrash);
    let closing: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      await stop();
      socket?.remove();
      unlock();
    };
    return {
      connection: { host: socket?.dir ?? '127.0.0.1', port, user: 'postgres', database: 'postgres', shared: true },
      close: () => {
        closing ??= close();
        return closing;
      },
    };
  } catch (error) {
    socket?.remove();
    unlock();
    throw error;
  }
}

/**
 * A folder that only this user can enter; null on Windows, where the server takes a port of the loopback address, which
 * every user of the machine can reach.
 */
function socketFolder(dir: string): { dir: string; remove(): void } | null {
  if (process.platform === 'win32') return null;
  let folder = join(dir, 'run');
  if (Buffer.byteLength(join(folder, socketName)) > SOCKET_PATH_BYTES)
    folder = mkdtempSync(join(tmpdir(), 'tollgate-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  if (folder.startsWith(dir)) remove();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return { dir: folder, remove };
}

async function makeDatabase(dir: string): Promise<void> {
  const whole = join(dir, 'pg');
  if (existsSync(whole)) return;
  for (const name of readdirSync(dir)) {
    if (name.startsWith('pg.new.')) rmSync(join(dir, name), { recursive: true, force: true });
  }
  const made = mkdtempSync(join(dir, 'pg.new.'));
  await new Promise<void>((done, failed) => {
    const script = fileURLToPath(new URL('./embedded-init.js', import.meta.url));
    const child = fork(script, [made], { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2_000);
    });
    child.once('error', failed);
    child.once('close', (code) =>
      code === 0 ? done() : failed(new Error(`the embedded database could not be made: ${said.trim()}`)),
    );
  });
  renameSync(made, whole);
}

function startWorker(options: WorkerOptions): Promise<{ worker: Worker; port: number }> {
  const worker = new Worker(new URL('./embedded-worker.js', import.meta.url), { workerData: options });
  return new Promise((started, failed) => {
    const fail = (error: Error) => {
      failed(new Error(`the embedded database in ${options.pgDir} did not start: ${error.message}`, { cause: error }));
    };
    worker.once('error', fail);
    worker.once('exit', () => fail(new Error('its thread ended')));
    worker.once('message', (message: FromWorker) => {
      worker.removeAllListeners();
      if (message.kind === 'listening') started({ worker, port: message.port ?? PORT });
      else
        void worker
          .terminate()
          .then(() => fail(new Error(message.kind === 'failed' ? message.error : 'it ended at once')));
    });
  });
}

/** Reports an end that nobody asked for; answers how to ask for one. */
function watch(worker: Worker, onCrash: EmbeddedOptions['onCrash']): () => Promise<void> {
  let wanted = false;
  let error = new Error('the thread of the embedded database ended');
  const ended = new Promise<void>((done) => {
    worker.on('error', (thrown) => {
      error = asError(thrown);
    });
    worker.once('exit', () => {
      done();
      if (!wanted) onCrash?.(error);
    });
  });
  return async () => {
    wanted = true;
    worker.postMessage('close');
    const late = setTimeout(() => void worker.terminate(), CLOSE_MS);
    await ended;
    clearTimeout(late);
  };
}
