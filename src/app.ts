/** The composition root: a configuration becomes stores, services and a server. Nothing happens on import. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { pgAnswerStore, pgCacheSecret, pgPurgeStore } from './cache/answers-pg.js';
import { openCache } from './cache/cache-service.js';
import type { Config } from './config/config.js';
import { describeConfig } from './config/explain.js';
import { modelsOf } from './gateway/models-of.js';
import { createGateway } from './gateway/pipeline.js';
import { createServer } from './http/server.js';
import { createAuthenticator } from './keys/authenticate.js';
import { localChanges } from './keys/changes.js';
import { pgChanges } from './keys/changes-pg.js';
import { createKeys, type Keys } from './keys/keys.js';
import { pgKeyStore } from './keys/keys-pg.js';
import { newSecret } from './keys/secret.js';
import { createLedger } from './ledger/ledger.js';
import { pgLedgerStore } from './ledger/ledger-pg.js';
import { type Clock, systemClock } from './lib/clock.js';
import { packageRoot } from './lib/root.js';
import type { Adaptor } from './protocol/adaptor.js';
import { openEmbedded } from './store/embedded.js';
import { migrate } from './store/migrate.js';
import { type Connection, openStore, type Store } from './store/pg.js';
import type { Log } from './telemetry/log.js';
import { Metrics } from './telemetry/metrics.js';
import { warmTokenizers } from './tokens/encodings.js';
import { Deadlines } from './upstream/deadline.js';
import { Pools } from './upstream/pool.js';

export interface App {
  /** Where it listens, e.g. `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly adminKeyFile: string | null;
  readonly demoKeyFile: string;
  /** Set on the first start only. */
  readonly demoKey: string | undefined;
  /** Stops taking requests, lets running ones end within the grace, writes what waits, closes. */
  close(): Promise<void>;
}

export const version: string = (
  JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
).version;

interface Start {
  readonly config: Config;
  readonly adaptors: Readonly<Record<string, Adaptor>>;
  readonly log: Log;
}

export async function startApp({ config, adaptors, log }: Start): Promise<App> {
  const clock = systemClock;
  const database = await openDatabase(config, log);
  const { store } = database;
  await migrate(store.pool);
  await warmTokenizers();
  const metrics = new Metrics();
  const announced = database.embedded
    ? undefined
    : pgChanges({
        connection: database.connection,
        clock,
        onLine: (state, error) =>
          log.info({ state, error: error instanceof Error ? error.message : undefined }, 'key changes'),
      });
  const changes = announced ?? localChanges();
  const keyStore = pgKeyStore(store.db);
  const keys = createKeys({ store: keyStore, clock, changes });
  const authenticator = createAuthenticator({
    store: keyStore,
    changes,
    clock,
    onRefused: (reason) => metrics.authFailure(reason),
    onLookupError: (error) =>
      log.error({ error: error instanceof Error ? error.message : String(error) }, 'key look-up'),
  });
  const ledger = createLedger({ store: pgLedgerStore(store, { inTransaction: [] }), clock, log });
  const pools = new Pools();
  const deadlines = new Deadlines(clock);
  const models = modelsOf(config, { adaptors, pools, userAgent: `tollgate/${version}`, nowMs: clock.now() });
  warnUnpriced(models.list(), clock, log);
  const cache = await openCache({
    store: pgAnswerStore(store.pool),
    purgeStore: pgPurgeStore(store.pool),
    secret: config.cache.secret === null ? await pgCacheSecret(store.pool) : Buffer.from(config.cache.secret),
    clock,
    memoryBytes: config.cache.memory,
    shared: !database.embedded,
    wanted: () => models.list().some((model) => model.cache !== null),
    onResult: (state) => metrics.cacheResult(state),
    onError: (what, error) =>
      log.warn({ what, error: error instanceof Error ? error.message : String(error) }, 'cache'),
  });
  const admin = adminKeyOf(config);
  const gateway = createGateway({
    clock,
    authenticator,
    models: () => models,
    ledger,
    recall: cache.recall,
    deadlines,
    metrics,
    log,
  });
  metrics.gauge('tollgate_ledger_queued', 'Entries that wait to be written.', () => ledger.queued);
  const server = await createServer({
    openai: {
      gateway,
      authenticator,
      models: () => models,
      bodyLimit: () => config.server.body_limit,
      clock,
      onFault: (error, requestId) =>
        log.error({ request_id: requestId, error: error instanceof Error ? error.stack : String(error) }, 'fault'),
    },
    admin: {
      keys,
      clock,
      adminKey: () => admin.key,
      version,
      ledger,
      cache,
      describeConfig: () => describeConfig(config),
      models: () => models.list().map(({ name, targets }) => ({ id: name, targets: targets.map(({ id }) => id) })),
      providers: () =>
        Object.entries(config.providers).map(([name, { type, base_url }]) => ({ id: name, type, base_url })),
    },
    health: {
      adminKey: () => admin.key,
      ready: async () => ({ database: await works(() => store.ping()) }),
      metrics: config.telemetry.metrics
        ? async () => ({ text: await metrics.registry.metrics(), type: metrics.registry.contentType })
        : null,
    },
    log,
    trustProxy: config.server.trust_proxy,
    onAnswered: (request, status, durationMs) =>
      log.info(
        {
          method: request.method,
          path: request.url.split('?', 1)[0],
          status,
          duration_ms: Math.round(durationMs * 100) / 100,
        },
        'request',
      ),
  });
  const demo = await demoKeyOf(config, keys);
  await server.listen({ host: config.server.host, port: config.server.port });
  return {
    url: urlOf(server, config),
    adminKeyFile: admin.file,
    demoKeyFile: demo.file,
    demoKey: demo.made,
    close: async () => {
      await closeServer(server, config.server.shutdown_grace);
      await cache.close();
      await ledger.close();
      authenticator.close();
      await announced?.close();
      await pools.close();
      await database.close();
    },
  };
}

interface Opened {
  readonly store: Store;
  readonly connection: Connection;
  readonly embedded: boolean;
  close(): Promise<void>;
}

async function openDatabase(config: Config, log: Log): Promise<Opened> {
  const onIdleError = (error: Error): void => log.warn({ error: error.message }, 'database connection');
  if (config.database.url !== null) {
    const connection = { url: config.database.url };
    const store = openStore({ ...connection, onIdleError });
    return { store, connection, embedded: false, close: () => store.close() };
  }
  const embedded = await openEmbedded({
    dataDir: config.data_dir,
    onCrash: (error) => log.fatal({ error: error.message }, 'the embedded database ended'),
  });
  const store = openStore({ ...embedded.connection, onIdleError });
  const close = async (): Promise<void> => {
    await store.close();
    await embedded.close();
  };
  return { store, connection: embedded.connection, embedded: true, close };
}

/** The configured admin key, else the one in `data_dir`, made on the first start. */
function adminKeyOf(config: Config): { key: string; file: string | null } {
  if (config.admin.key !== null) return { key: config.admin.key, file: null };
  const file = join(config.data_dir, 'admin.key');
  return { key: existsSync(file) ? readFileSync(file, 'utf8').trim() : keep(file, newSecret().secret), file };
}

async function demoKeyOf(config: Config, keys: Keys): Promise<{ file: string; made: string | undefined }> {
  const file = join(config.data_dir, 'demo.key');
  if (existsSync(file) || !config.models['sandbox']) return { file, made: undefined };
  const made = await keys.write('system', (writes) => writes.createKey({ name: 'demo', models: ['sandbox'] }));
  return { file, made: made.ok ? keep(file, made.value.secret) : undefined };
}

function keep(file: string, secret: string): string {
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${secret}\n`, { mode: 0o600 });
  chmodSync(file, 0o600);
  return secret;
}

async function works(check: () => Promise<unknown>): Promise<{ ok: boolean; detail?: string }> {
  try {
    await check();
    return { ok: true };
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

function warnUnpriced(
  models: readonly { name: string; targets: readonly { priceAt: (nowMs: number) => unknown }[] }[],
  clock: Clock,
  log: Log,
): void {
  for (const { name, targets } of models) {
    if (targets.every((target) => target.priceAt(clock.now()))) continue;
    log.warn({ model: name }, `refused until priced: set models.${name}.price or defaults.price`);
  }
}

function urlOf(server: FastifyInstance, config: Config): string {
  const address = server.server.address();
  const port = typeof address === 'object' && address ? address.port : config.server.port;
  const host = config.server.host === '0.0.0.0' || config.server.host === '::' ? '127.0.0.1' : config.server.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Idle connections close at once; what still runs after the grace is cut. */
async function closeServer(server: FastifyInstance, graceMs: number): Promise<void> {
  const cut = setTimeout(() => server.server.closeAllConnections(), graceMs);
  await server.close();
  clearTimeout(cut);
}
