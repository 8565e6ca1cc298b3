/** The composition root: a configuration becomes stores, services and a server. Nothing happens on import. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { Config } from './config/config.js';
import { describeConfig } from './config/explain.js';
import { closeLapsed, noteOf, rebuildFrom } from './gateway/limit-ledger.js';
import { limitLevels } from './gateway/limit-levels.js';
import { Limiter } from './gateway/limiter.js';
import { modelsOf } from './gateway/models-of.js';
import { createGateway } from './gateway/pipeline.js';
import { createServer } from './http/server.js';
import { createAuthenticator } from './keys/authenticate.js';
import { localChanges } from './keys/changes.js';
import { pgChanges } from './keys/changes-pg.js';
import { createKeys, type Keys } from './keys/keys.js';
import { pgKeyStore } from './keys/keys-pg.js';
import { newSecret } from './keys/secret.js';
import { createLedger, type Ledger } from './ledger/ledger.js';
import { pgLedgerStore } from './ledger/ledger-pg.js';
import { tellsStored } from './ledger/ledger-store.js';
import { pgSpentStore, type SpentStore } from './ledger/spent-pg.js';
import { type Clock, systemClock } from './lib/clock.js';
import { packageRoot } from './lib/root.js';
import type { Limits } from './limits/limits.js';
import { openLimits } from './limits/open-redis.js';
import type { StoreState } from './limits/store.js';
import type { Adaptor } from './protocol/adaptor.js';
import { openEmbedded } from './store/embedded.js';
import { migrate } from './store/migrate.js';
import { type Connection, openStore, type Store } from './store/pg.js';
import { limitMetrics } from './telemetry/limit-metrics.js';
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
  /** The system's unless handed in. */
  readonly clock?: Clock;
}

export async function startApp({ config, adaptors, log, clock = systemClock }: Start): Promise<App> {
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
  let limits: Limits | undefined;
  const ledger = createLedger({
    store: tellsStored(pgLedgerStore(store, { inTransaction: [] }), (entries) => {
      limits?.posted(entries.flatMap(({ hold }) => hold ?? []));
    }),
    clock,
    log,
  });
  const pools = new Pools();
  const deadlines = new Deadlines(clock);
  const models = modelsOf(config, { adaptors, pools, userAgent: `tollgate/${version}`, nowMs: clock.now() });
  warnUnpriced(models.list(), clock, log);
  const admin = adminKeyOf(config);
  const opened = await openCounters(config, { clock, log, ledger, spent: pgSpentStore(store) });
  limits = opened;
  const limitsMetrics = limitMetrics(metrics.registry, () => opened.state);
  const limiter = new Limiter({
    limits: opened,
    clock,
    note: (demand, target, countedInput, heldAtMs) => noteOf(demand, target, countedInput, heldAtMs, clock.now()),
    onDenied: ({ limit }) => limitsMetrics.rejected(limit.spec.unit, limit.spec.per, limit.scope.kind),
    onFault: (error) => log.error({ error: error instanceof Error ? error.stack : String(error) }, 'limits'),
  });
  const gateway = createGateway({
    clock,
    authenticator,
    models: () => models,
    ledger,
    limiter,
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
      limitLevels: limitLevels({ limits: opened, keys: keyStore, models: () => models }),
      describeConfig: () => describeConfig(config),
      models: () => models.list().map(({ name, targets }) => ({ id: name, targets: targets.map(({ id }) => id) })),
      providers: () =>
        Object.entries(config.providers).map(([name, { type, base_url }]) => ({ id: name, type, base_url })),
    },
    health: {
      adminKey: () => admin.key,
      ready: async () => ({
        database: await works(() => store.ping()),
        limits: { ok: true, detail: limitsDetail(opened.state, config) },
      }),
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
      await ledger.close();
      await opened.close();
      authenticator.close();
      await announced?.close();
      await pools.close();
      await database.close();
    },
  };
}

interface CounterPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: Ledger;
  readonly spent: SpentStore;
}

/** Where limits are counted; resolves once they can be taken. */
function openCounters({ redis, models }: Config, { clock, log, ledger, spent }: CounterPorts): Promise<Limits> {
  const longestMs = Math.max(0, ...Object.values(models).map(({ timeout }) => timeout.total));
  return openLimits({
    clock,
    ...(redis.url === null ? {} : { redis: { url: redis.url, onFailure: redis.on_failure } }),
    rebuild: rebuildFrom(spent, ledger),
    rebuildTimeoutMs: 5_000,
    onLapsed: closeLapsed(spent, ledger),
    longestHoldMs: Math.max(3_600_000, longestMs + 60_000),
    onState: (state, reason) => {
      if (state === 'redis') log.info({ state, reason }, 'limits are counted in Redis again');
      else log.warn({ state, reason, on_failure: redis.on_failure }, 'limits: Redis is away');
    },
  });
}

const limitsDetail = (state: StoreState, { redis }: Config): string =>
  state === 'away' ? `away (on_failure: ${redis.on_failure})` : state;

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
