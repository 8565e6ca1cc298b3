/** The thread of the embedded database: PGlite and its socket server. See `embedded.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

export interface WorkerOptions {
  readonly pgDir: string;
  /** Path of the Unix socket; null: a free port of 127.0.0.1. */
  readonly socket: string | null;
}

export type FromWorker =
  | { readonly kind: 'listening'; readonly port?: number }
  | { readonly kind: 'failed'; readonly error: string };

/** 128 MB of buffers, the default, would all be resident; the files are in the system's cache anyway. */
const startParams = [...PGlite.defaultStartParams, '-c', 'shared_buffers=16MB'];
/** One is used; another may still be closing when it is replaced. */
const MAX_CONNECTIONS = 5;

async function serve({ pgDir, socket }: WorkerOptions): Promise<void> {
  const db = await PGlite.create({ dataDir: pgDir, startParams });
  const where = socket === null ? { host: '127.0.0.1', port: 0 } : { path: socket };
  const server = new PGLiteSocketServer({ db, ...where, maxConnections: MAX_CONNECTIONS });
  await server.start();
  parentPort?.on('message', async () => {
    await server.stop();
    await db.close();
    process.exit(0);
  });
  const port = socket === null ? { port: Number(server.getServerConn().split(':')[1]) } : {};
  parentPort?.postMessage({ kind: 'listening', ...port } satisfies FromWorker);
}

try {
  await serve(workerData as WorkerOptions);
} catch (error) {
  parentPort?.postMessage({ kind: 'failed', error: String(error) } satisfies FromWorker);
}
