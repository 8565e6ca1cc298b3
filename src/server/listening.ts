/** A server that listens: where, and how it ends. */
import type { Server } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Closing } from '../front/closing.js';

interface Where {
  readonly host: string;
  readonly port: number;
}

/** Answers where it listens. */
export async function listen(server: FastifyInstance, { server: { host, port } }: { readonly server: Where }) {
  await server.listen({ host, port });
  return server.server.address();
}

/** The URL under which it can be reached from this machine. */
export function urlOf(address: ReturnType<Server['address']>, wanted: Where & { readonly tls: unknown }): string {
  const scheme = wanted.tls ? 'https' : 'http';
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
  /** The other processes of this gateway, and the listener that is for all. */
  readonly others?: Others | undefined;
}

export interface Others {
  /** Somebody connected at some time. */
  readonly connected: boolean;
  /** Their answers are the last of their connections. */
  begin(lingerMs: number): void;
  closeListener(): Promise<void>;
  /** Resolves when they have served what was accepted, and ended. */
  finish(graceMs: number): Promise<void>;
}

/**
 * The drain: everything is served as before, but `/readyz` says 503 and each answer is the last of its connection. Then the
 * listener closes, and what was accepted is served; idle connections end. What still runs after the grace is told that the
 * gateway ends, and is waited for; connections that are left then are cut.
 */
export async function closeServer(deps: CloseDeps): Promise<void> {
  const { server, closing, drainMs, graceMs, say, others } = deps;
  const lingerMs = Math.min(drainMs, LINGER_MS);
  closing.begin(lingerMs);
  others?.begin(lingerMs);
  // Nobody can be about to come back to a server to which nobody ever came.
  if (drainMs > 0 && (closing.connected || others?.connected)) {
    say({ drain_ms: drainMs }, 'shutdown: not ready any more; connections are accepted until the drain is over');
    await wait(drainMs);
  }
  await others?.closeListener();
  await Promise.all([closeConnections({ ...deps, server: server.server }), others?.finish(graceMs)]);
  await server.close();
  say({}, 'shutdown: every connection has ended');
}

/** The second half: no connection comes any more, and what was accepted is served. */
export async function closeConnections(
  deps: Pick<CloseDeps, 'running' | 'graceMs' | 'say'> & {
    readonly server: Pick<Server, 'closeIdleConnections' | 'closeAllConnections'>;
    readonly closing: Pick<Closing, 'closeListeners'>;
  },
): Promise<void> {
  const { server, closing, running, graceMs, say } = deps;
  const { ended } = await closing.closeListeners();
  say({ running: running.size, grace_ms: graceMs }, 'shutdown: the listener is closed; what was accepted is served');
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  if (!(await within(ended, graceMs))) {
    say({ running: running.size }, 'shutdown: the grace is over; what still runs is interrupted');
    running.interrupt();
    await running.idle(INTERRUPTED_MS);
    if (!(await within(ended, LINGER_MS))) {
      server.closeAllConnections();
      await ended;
    }
  }
  clearInterval(sweep);
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
