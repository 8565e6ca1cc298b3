/**
 * Routes on a server of their own, inside the test: real sockets, real limits in memory, keys that the test makes, a log that
 * the test can read. Configuration goes through the real loader.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { loadConfig } from '../../src/config/load.js';
import { formatProblem } from '../../src/config/problem.js';
import { Closing } from '../../src/front/closing.js';
import { createAuthenticator } from '../../src/identity/authenticate.js';
import { localChanges } from '../../src/identity/changes.js';
import { createKeys } from '../../src/identity/keys.js';
import { memoryKeyStore } from '../../src/identity/keys-memory.js';
import { type Clock, systemClock } from '../../src/lib/clock.js';
import type { Overload } from '../../src/lib/overload.js';
import { openLimits } from '../../src/limits/open-redis.js';
import { Routes } from '../../src/routes/routes.js';
import type { ClientTimeouts } from '../../src/routes/slow-clients.js';
import type { AccessFields, Log } from '../../src/telemetry/log.js';
import { Deadlines } from '../../src/upstream/deadline.js';

export interface TestRoutes {
  readonly url: string;
  readonly port: number;
  readonly routes: Routes;
  /** Access lines and warnings, in order. */
  readonly lines: Record<string, unknown>[];
  readonly refusals: string[];
  readonly retries: string[];
  key(fields?: Readonly<Record<string, unknown>>): Promise<string>;
  team(name: string, fields?: Readonly<Record<string, unknown>>): Promise<void>;
  apply(routes: readonly unknown[]): Promise<void>;
  /** The access line of a request, once there is one. */
  line(requestId: string): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

export interface TestRoutesOptions {
  readonly clock?: Clock;
  readonly trustProxy?: readonly string[];
  readonly clientTimeouts?: Partial<ClientTimeouts>;
  readonly overload?: Pick<Overload, 'refuses'>;
  readonly redis?: { readonly url: string; readonly onFailure: 'local' | 'closed' | 'open' };
}

/** The routes of a configuration as the loader makes them; throws what it finds wrong. */
export function routesOf(written: readonly unknown[], more: Readonly<Record<string, unknown>> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'tollgate-routes-'));
  try {
    const file = join(dir, 'config.yaml');
    writeFileSync(file, stringify({ ...more, routes: written }));
    const loaded = loadConfig({ file, env: {}, cwd: dir, providerTypes: {} });
    if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n').replaceAll(file, 'config.yaml'));
    return loaded.config.routes;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

export async function startRoutes(written: readonly unknown[], options: TestRoutesOptions = {}): Promise<TestRoutes> {
  const { clock = systemClock, trustProxy = [] } = options;
  const changes = localChanges();
  const store = memoryKeyStore();
  const keys = createKeys({ store, clock, changes });
  const authenticator = createAuthenticator({ store, clock, changes });
  const limits = await openLimits({ clock, ...(options.redis ? { redis: options.redis } : {}) });
  const lines: Record<string, unknown>[] = [];
  const refusals: string[] = [];
  const retries: string[] = [];
  const waiting: (() => void)[] = [];
  const write = (fields: object, message?: string): void => {
    lines.push({ ...fields, ...(message ? { msg: message } : {}) });
    for (const tell of waiting.splice(0)) tell();
  };
  const log = { info: write, warn: write, error: write } as unknown as Log;
  const routes = new Routes({
    ...{ authenticator, limits, clock, log },
    deadlines: new Deadlines(clock),
    access: (fields: AccessFields) => write(fields, 'request'),
    meter: {
      answered: () => {},
      refused: (route, policy, logOnly) => void refusals.push(`${route} ${policy}${logOnly ? ' log' : ''}`),
      retried: (_route, why) => void retries.push(why),
    },
    trustProxy: () => trustProxy,
    onDenied: () => {},
    overload: { refuses: (priority) => options.overload?.refuses(priority) },
    bodyLimit: () => 20 * 1024 * 1024,
    clientTimeouts: () => ({ headersMs: 30_000, bodyMs: 60_000, sendMs: 60_000, ...options.clientTimeouts }),
    certificates: () => null,
    tracing: null,
    onAuthFailure: () => {},
  });
  await routes.apply(routesOf(written));
  const server = routes.server(
    () => undefined,
    (_req, res) => {
      res.writeHead(404, { 'x-behind': 'yes' });
      res.end('behind');
    },
    new Closing(),
  );
  // As the server behind does it.
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status =
      { HPE_HEADER_OVERFLOW: '431 Headers', ERR_HTTP_REQUEST_TIMEOUT: '408 Late' }[error.code ?? ''] ??
      '400 Bad Request';
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n\r\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    ...{ port, routes, lines, refusals, retries },
    key: async (fields = {}) => {
      const made = await keys.write('test', (writes) => writes.createKey({ name: 'test', ...fields }));
      if (!made.ok) throw new Error(made.refusal.message);
      return made.value.secret;
    },
    team: async (name, fields = {}) => {
      const made = await keys.write('test', (writes) => writes.createTeam(name, fields));
      if (!made.ok) throw new Error(made.refusal.message);
    },
    apply: (next) => routes.apply(routesOf(next)),
    line: async (requestId) => {
      for (;;) {
        const found = lines.find((line) => line['request_id'] === requestId && line['msg'] === 'request');
        if (found) return found;
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await routes.close();
      await limits.close();
      authenticator.close();
    },
  };
}
