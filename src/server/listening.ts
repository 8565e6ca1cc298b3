/** A server that listens: where, and how it ends. */
import { setTimeout as wait } from 'node:timers/promises';
import { Server as TlsServer } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import type { Closing } from '../front/closing.js';

/** The URL under which it can be reached from this machine. */
export function urlOf(server: FastifyInstance, wanted: { readonly host: string; readonly port: number }): string {
  const address = server.server.address();
  const scheme = server.server instanceof TlsServer ? 'https' : 'http';
  const port = typeof address === 'object' && address ? address.port : wanted.port;
  const host = wanted.host === '0.0.0.0' || wanted.host === '::' ? '127.0.0.1' : wanted.host;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

interface DrainSettings {
  readonly server: { readonly drain: number; readonly restart_gap: number };
}

/**
 * How long a gateway that ends takes connections yet. A proxy passes over a gateway that refused it for a while, nginx for ten
 * seconds: where another one has just been started, this one stays until proxies can have gone back to that.
 */
export async function drainOf(
  { server: { drain, restart_gap } }: DrainSettings,
  sinceNewestMs: () => Promise<number | undefined> | undefined,
): Promise<number> {
  if (drain === 0 || restart_gap === 0) return drain;
  const since = await sinceNewestMs();
  return since === undefined ? drain : Math.max(drain, Math.min(restart_gap, Math.ceil(restart_gap - since)));
}

/** How long interrupted requests have to be entered in the ledger. */
const INTERRUPTED_MS = 5_000;
/** How long callers then have to read that they were interrupted. */
const LINGER_MS = 1_000;
/** Connections are looked at so often while the server closes. */
const SWEEP_MS = 100;

export interface CloseDeps {
  readonly server: FastifyInstance;
  readonly closing: Closing;
  /** The requests that run, as far as a shutdown needs to know them. */
  readonly running: {
    readonly size: number;
    interrupt(): void;
    /** True once nothing runs. */
    idle(withinMs: number): Promise<boolean>;
  };
  /** How long connections are still accepted, after `/readyz` says 503. */
  readonly drainMs: number;
  /** How long what runs has to end, after that. */
  readonly graceMs: number;
  readonly say: (fields: object, line: string) => void;
}

/**
 * The drain: everything is served as before, but `/readyz` says 503 and each answer is the last of its connection. Then the
 * listener closes, and what was accepted is served; idle connections end. What still runs after the grace is told that the
 * gateway ends, and is waited for; connections that are left then are cut.
 */
export async function closeServer(deps: CloseDeps): Promise<void> {
  const { server, closing, running, drainMs, graceMs, say } = deps;
  closing.begin(Math.min(drainMs, LINGER_MS));
  // Nobody can be about to come back to a server to which nobody ever came.
  if (drainMs > 0 && closing.connected) {
    say({ drain_ms: drainMs }, 'shutdown: not ready any more; connections are accepted until the drain is over');
    await wait(drainMs);
  }
  const { ended } = await closing.closeListeners();
  say({ running: running.size, grace_ms: graceMs }, 'shutdown: the listener is closed; what was accepted is served');
  const sweep = setInterval(() => server.server.closeIdleConnections(), SWEEP_MS);
  if (!(await within(ended, graceMs))) {
    say({ running: running.size }, 'shutdown: the grace is over; what still runs is interrupted');
    running.interrupt();
    await running.idle(INTERRUPTED_MS);
    if (!(await within(ended, LINGER_MS))) {
      server.server.closeAllConnections();
      await ended;
    }
  }
  clearInterval(sweep);
  await server.close();
  say({}, 'shutdown: every connection has ended');
}

async function within(ended: Promise<unknown>, ms: number): Promise<boolean> {
  const late = new AbortController();
  const first = await Promise.race([
    ended.then(() => true),
    wait(ms, false, { signal: late.signal }).catch(() => false),
  ]);
  late.abort();
  return first;
}
