/**
 * The composition root: a configuration becomes stores, services and a server. Nothing happens on import. What is made of
 * the configuration alone is in the snapshot and is swapped whole by a reload; stores and services stay, and ask the
 * snapshot for what they need to know of it.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { pgAnswerStore, pgCacheSecret, pgPurgeStore } from './cache/answers-pg.js';
import { openCache } from './cache/cache-service.js';
import { type Embedder, LOCAL_MODEL, likenessOf, localEmbedder, localVectors } from './cache/semantic/embedder.js';
import { pgPromptStore } from './cache/semantic/prompts-pg.js';
import type { Config } from './config/config.js';
import { describeConfig } from './config/explain.js';
import type { Loaded, Source } from './config/load.js';
import { formatProblem } from './config/problem.js';
import { type Outcome, Reloader, type Trigger } from './config/reload.js';
import { Snapshots } from './config/snapshot.js';
import { watchInputs } from './config/watch.js';
import { createGateway } from './gateway/pipeline.js';
import { snapshotOf } from './gateway/snapshot.js';
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
import { wordsOf } from './protocol/openai-chat-replay.js';
import { TargetStates } from './router/states.js';
import { openEmbedded } from './store/embedded.js';
import { migrate } from './store/migrate.js';
import { type Connection, openStore, type Store } from './store/pg.js';
import type { Log, RunningLog } from './telemetry/log.js';
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
  /** Reads the configuration again and takes it in, or changes nothing. The log tells which. */
  reload(trigger: Trigger): Outcome;
  /** Stops taking requests, lets running ones end within the grace, writes what waits, closes. */
  close(): Promise<void>;
}

export const version: string = (
  JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
).version;

interface Start {
  readonly loaded: Loaded & { readonly ok: true };
  /** Reads the same configuration again. */
  readonly load: (again: Source) => Loaded;
  readonly adaptors: Readonly<Record<string, Adaptor>>;
  readonly log: Log;
  /** Writes a request's line. */
  readonly access: RunningLog['access'];
}

export async function startApp({ loaded, load, adaptors, log, access }: Start): Promise<App> {
  const { config } = loaded;
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
  const states = new TargetStates(Math.random, ({ target, state, why }) => log.warn({ target, state, why }, 'breaker'));
  const worker = localVectors((error) => log.warn({ error: error?.message }, 'the embedding thread ended'));
  const embedder = localEmbedder(worker, LOCAL_MODEL);
  const made = (from: Config) =>
    snapshotOf(from, {
      embedder: likenessOf(embedder),
      adaptors,
      pools,
      states,
      userAgent: `tollgate/${version}`,
      nowMs: clock.now(),
    });
  const snapshots = new Snapshots(made(config));
  const inForce = () => snapshots.value;
  warnUnpriced(inForce().models.list(), clock, log);
  const cache = await openCache({
    store: pgAnswerStore(store.pool),
    prompts: pgPromptStore(store.pool),
    worker,
    embedder,
    random: Math.random,
    textOf: wordsOf,
    purgeStore: pgPurgeStore(store.pool),
    secret: config.cache.secret === null ? await pgCacheSecret(store.pool) : Buffer.from(config.cache.secret),
    clock,
    memoryBytes: config.cache.memory,
    shared: !database.embedded,
    wanted: () =>
      inForce()
        .models.list()
        .some((model) => model.cache !== null),
    onResult: (state) => metrics.cacheResult(state),
    onRejection: (why) => metrics.cacheRejection(why),
    onSkip: (why) => metrics.cacheSkip(why),
    onVerdict: (scope, { standing, threshold, labels, precision }) =>
      log.info({ scope: scope.slice(0, 12), standing, threshold, labels, precision }, 'semantic cache'),
    onError: (what, error) =>
      log.warn({ what, error: error instanceof Error ? error.message : String(error) }, 'cache'),
  });
  let admin = adminKeyOf(config);
  const reloader = new Reloader({
    first: loaded,
    load,
    clock,
    apply: (next) => {
      const nextAdmin = adminKeyOf(next);
      const snapshot = made(next);
      // Nothing fails from here on.
      snapshots.swap(snapshot);
      admin = nextAdmin;
      log.level = next.telemetry.log.level;
      warnUnpriced(inForce().models.list(), clock, log);
    },
    onOutcome: (outcome) => {
      logReload(outcome, log);
      metrics.configReload(outcome.status);
    },
  });
  const gateway = createGateway({
    clock,
    authenticator,
    snapshots,
    ledger,
    recall: cache.recall,
    deadlines,
    metrics,
    access,
    random: Math.random,
  });
  metrics.gauge('tollgate_ledger_queued', 'Entries that wait to be written.', () => ledger.queued);
  metrics.gauge('tollgate_config_last_reload_successful', '0 where the last reload was rejected.', () =>
    reloader.state.last?.status === 'rejected' ? 0 : 1,
  );
  metrics.gauge(
    'tollgate_config_since_timestamp_seconds',
    'When the running configuration was taken in.',
    () => reloader.state.since / 1000,
  );
  const server = await createServer({
    openai: {
      gateway,
      authenticator,
      models: () => inForce().models,
      bodyLimit: () => inForce().config.server.body_limit,
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
      describeConfig: () => describeConfig(inForce().config),
      configState: () => reloader.state,
      reloadConfig: () => reloader.reload('api'),
      models: () =>
        inForce()
          .models.list()
          .map(({ name, route, targets }) => ({
            ...{ id: name, targets: targets.map(({ id }) => id) },
            ...(route && { route: route.uses }),
          })),
      providers: () =>
        Object.entries(inForce().config.providers).map(([name, { type, base_url }]) => ({ id: name, type, base_url })),
    },
    health: {
      adminKey: () => admin.key,
      ready: async () => ({ database: await works(() => store.ping()) }),
      metrics: async () =>
        inForce().config.telemetry.metrics
          ? { text: await metrics.registry.metrics(), type: metrics.registry.contentType }
          : null,
    },
    log,
    trustProxy: () => inForce().config.server.trust_proxy,
    onAnswered: (request, status, durationMs) =>
      access({
        method: request.method,
        path: request.url.split('?', 1)[0],
        status,
        duration_ms: Math.round(durationMs * 100) / 100,
      }),
  });
  // Loaded before the first request, which would not wait for it.
  if (
    inForce()
      .models.list()
      .some((model) => model.cache?.semantic)
  )
    await warm(embedder, log);
  const demo = await demoKeyOf(config, keys);
  await server.listen({ host: config.server.host, port: config.server.port });
  const watch = watchInputs({ loaded: () => reloader.inputs, onChange: () => void reloader.reload('file') });
  return {
    url: urlOf(server, config),
    adminKeyFile: admin.file,
    demoKeyFile: demo.file,
    demoKey: demo.made,
    reload: (trigger) => reloader.reload(trigger),
    close: async () => {
      watch.close();
      await closeServer(server, inForce().config.server.shutdown_grace);
      await cache.close();
      await worker.close();
      await ledger.close();
      authenticator.close();
      await announced?.close();
      await pools.close();
      await database.close();
    },
  };
}

function logReload(outcome: Outcome, log: Log): void {
  const { trigger, file } = outcome;
  if (outcome.status === 'rejected') {
    const problems = outcome.problems.map(formatProblem);
    return log.error({ trigger, problems }, 'configuration rejected, nothing was changed');
  }
  const { status, hash, changed, restart } = outcome;
  log.info({ trigger, file, hash, changed }, `configuration ${status}`);
  if (restart.length > 0) log.warn({ settings: restart }, 'these settings wait for a restart');
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

async function warm(embedder: Embedder, log: Log): Promise<void> {
  try {
    await embedder.embedIdly('Are you there?');
  } catch (error) {
    log.warn({ error: error instanceof Error ? error.message : String(error) }, 'the embedding model');
  }
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
