/** A server that listens: where, and how it ends. */
import type { FastifyInstance } from 'fastify';

/** The URL under which it can be reached from this machine. */
export function urlOf(server: FastifyInstance, wanted: { readonly host: string; readonly port: number }): string {
  const address = server.server.address();
  const port = typeof address === 'object' && address ? address.port : wanted.port;
  const host = wanted.host === '0.0.0.0' || wanted.host === '::' ? '127.0.0.1' : wanted.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** How long interrupted requests have to be entered in the ledger. */
const INTERRUPTED_MS = 5_000;
/** How long callers then have to read that they were interrupted. */
const LINGER_MS = 1_000;
/** A connection that becomes idle while the server closes is closed so soon. */
const SWEEP_MS = 100;

/** The requests that run, as far as a shutdown needs to know them. */
interface Running {
  interrupt(): void;
  /** True once nothing runs. */
  idle(withinMs: number): Promise<boolean>;
}

/**
 * Idle connections close at once. What still runs after the grace is told that the gateway ends, and is waited for; connections
 * that are left then are cut.
 */
export async function closeServer(server: FastifyInstance, running: Running, graceMs: number): Promise<void> {
  const closed = server.close();
  const sweep = setInterval(() => server.server.closeIdleConnections(), SWEEP_MS);
  const endsMs = performance.now() + graceMs;
  if (!(await running.idle(graceMs))) {
    running.interrupt();
    await running.idle(INTERRUPTED_MS);
  }
  const leftMs = Math.max(LINGER_MS, endsMs - performance.now());
  const cut = setTimeout(() => server.server.closeAllConnections(), leftMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
}
