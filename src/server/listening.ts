/** A server that listens: where, and how it ends. */
import type { FastifyInstance } from 'fastify';

/** The URL under which it can be reached from this machine. */
export function urlOf(server: FastifyInstance, wanted: { readonly host: string; readonly port: number }): string {
  const address = server.server.address();
  const port = typeof address === 'object' && address ? address.port : wanted.port;
  const host = wanted.host === '0.0.0.0' || wanted.host === '::' ? '127.0.0.1' : wanted.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Idle connections close at once; what still runs after the grace is cut. */
export async function closeServer(server: FastifyInstance, graceMs: number): Promise<void> {
  const cut = setTimeout(() => server.server.closeAllConnections(), graceMs);
  await server.close();
  clearTimeout(cut);
}
