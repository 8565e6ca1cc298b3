/**
 * The composition root: a configuration becomes stores, services and a server. Nothing happens on import. What is made of
 * the configuration alone is in the snapshot and is swapped whole by a reload; stores and services stay, and ask the
 * snapshot for what they need to know of it.
 */
import type { AddedEntry, LoadedWithAdded } from '../config/added.js';
import { describeConfig } from '../config/describe.js';
import { type Draft, judgeDraft } from '../config/draft.js';
import type { Loaded, Source } from '../config/load.js';
import { Reloader, type ReloadResult, type Trigger } from '../config/reload.js';
import { Snapshots } from '../config/snapshot.js';
import { watchInputs } from '../config/watch.js';
import { Closing } from '../front/closing.js';
import { useCertificates } from '../front/tls.js';
import { createTokenCounting } from '../gateway/count-tokens.js';
import { createGateway } from '../gateway/pipeline.js';
import { RunningRequests } from '../gateway/running.js';
import { createAuthenticator } from '../identity/authenticate.js';
import { createKeys } from '../identity/keys.js';
import { pgKeyStore } from '../identity/keys-pg.js';
import { createLedger } from '../ledger/ledger.js';
import { pgLedgerStore } from '../ledger/ledger-pg.js';
import { type Clock, systemClock } from '../lib/clock.js';
import { Overload } from '../lib/overload.js';
import { messageOf } from '../lib/thrown.js';
import { Catalogue } from '../operations/catalogue.js';
import { createExplainer } from '../operations/explain.js';
import { LateFacts } from '../operations/late-facts.js';
import { createOwnEmbeddings } from '../operations/own-embeddings.js';
import { createModeration } from '../operations/own-moderation.js';
import { unpricedTargets } from '../operations/prices.js';
import { pgCatalogueStore } from '../pricing/kept-catalogue-pg.js';
import type { ProviderType } from '../provider/provider-type.js';
import { pgConversationStore } from '../responses/conversations-pg.js';
import { pgResponseStore } from '../responses/responses-pg.js';
import { type BreakerEvent, TargetStates } from '../router/states.js';
import { closeServer, drainOf, listen, urlOf } from '../server/listening.js';
import { createServer } from '../server/server.js';
import type { Log, RunningLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { warmTokenizers } from '../tokens/encodings.js';
import { Deadlines } from '../upstream/deadline.js';
import { Pools } from '../upstream/pool.js';
import { HandedConnections } from '../workers/handed-connections.js';
import { createAdded, providerTest } from './added.js';
import { answeredLine } from './answered-line.js';
import { cachePorts, startCache, startEmbedding } from './cache.js';
import { startCaptureHere } from './capture.js';
import { closeInTurn } from './close-in-turn.js';
import { ofAllProcesses, purgingAll, type RunningCrew, startCrew } from './crew.js';
import { changesOf, startDatabase } from './database.js';
import { tellingFaults } from './faults.js';
import { startGuardrails } from './guardrails.js';
import { startHealth } from './health.js';
import { adminKeyOf, demoKeyOf } from './keys.js';
import { warnLacks } from './lacks.js';
import { startLimits } from './limits.js';
import { ownGauges } from './own-gauges.js';
import { startPeople } from './people.js';
import { readiness } from './readiness.js';
import { tellReload } from './reload.js';
import { startResponses } from './responses.js';
import { startRoutes } from './routes.js';
import { snapshotMaker } from './snapshot-maker.js';
import { startSpend } from './spend.js';
import { drainMs, openSpool } from './spool.js';
import { checkPort, saying, startPart } from './start-failures.js';
import { watchStrain } from './strain.js';
import { startTokens } from './tokens.js';
import { toldWorkers } from './told-workers.js';
import { startTracing } from './tracing.js';
import { startTraffic } from './traffic.js';
import { warnUnpriced } from './unpriced.js';
import { version } from './version.js';
import { startWebhooks } from './webhooks.js';

export interface App {
  /** Where it listens, e.g. `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly adminKeyFile: string | null;
  readonly demoKeyFile: string | null;
  /** Set on the first start only. */
  readonly demoKey: string | undefined;
  /** Reads the configuration again and takes it in, or changes nothing. The log tells which. */
  reload(trigger: Trigger): Promise<ReloadResult>;
  /** Says that it is not ready, stops taking requests, lets running ones end within the grace, writes what waits, closes. */
  close(how?: { readonly drain: boolean }): Promise<void>;
}

export interface Start {
  readonly loaded: Loaded & { readonly ok: true };
  /** Reads the same configuration again. */
  readonly load: (again: Source, added: readonly AddedEntry[], draft?: Draft) => Promise<LoadedWithAdded>;
  readonly providers: Readonly<Record<string, ProviderType>>;
  readonly log: Log;
  /** Writes a request's line. */
  readonly access: RunningLog['access'];
  /** The system's unless handed in. */
  readonly clock?: Clock;
}

export async function startApp({ loaded, load, providers, log, access, clock = systemClock }: Start): Promise<App> {
  const { config } = loaded;
  const say = (line: string): void => log.info(line);
  await startPart('server.port', config, () => checkPort(config));
  const spool = await startPart('data_dir', config, () => openSpool(config, log, config.server.workers));
  const database = await startDatabase(config, log, say);
  const { store } = database;
  await saying('reading the tokenizers', say, warmTokenizers);
  const metrics = new Metrics();
  const traces = await startTracing({ config, env: process.env, version, clock, log, metrics });
  const { changes, announced } = changesOf(database, clock, log);
  const catalogueStore = pgCatalogueStore(store);
  const catalogue = new Catalogue({ store: catalogueStore, changes, clock, log });
  await catalogue.start();
  const keyStore = pgKeyStore(store.db);
  const hooks = await startWebhooks({ config, clock, log, metrics, store, embedded: database.embedded });
  const keys = createKeys({ store: keyStore, clock, changes, tell: hooks.tellKey });
  const authenticator = createAuthenticator({
    store: keyStore,
    changes,
    clock,
    onRefused: (reason) => metrics.authFailure(reason),
    onLookupError: (error) => log.error({ error: messageOf(error) }, 'key look-up'),
  });
  const addTeam = (id: string, subject: string) => keys.write(subject, (writes) => writes.createTeam(id, {}));
  const tokens = startTokens({ config, authenticator, keyStore, addTeam, changes, clock, log, metrics });
  const ledgerStore = pgLedgerStore(store, { inTransaction: [hooks.tellEntries] });
  let counters: Awaited<ReturnType<typeof startLimits>> | undefined;
  // Counters in this process alone have holds of nobody else.
  const lateFacts = config.redis.url === null ? undefined : new LateFacts();
  const ledger = createLedger({
    ...{ clock, log, store: ledgerStore, spool: spool.spool, batchMs: drainMs(config.server.workers) },
    durability: config.ledger.durability,
    onStored: ({ entries, late, recovered }) => {
      counters?.posted(entries);
      lateFacts?.add([...recovered, ...late]);
    },
  });
  // Budgets are summed from the ledger: what an earlier process left in the spool belongs there first.
  await saying('posting what an earlier process left in the spool', say, () => ledger.recover());
  const pools = new Pools();
  const deadlines = new Deadlines(clock);
  let crew: RunningCrew | undefined;
  const tellBreaker = (event: BreakerEvent): void => {
    log.warn({ ...event }, 'breaker');
    hooks.tellBreaker(event);
  };
  const states = new TargetStates(Math.random, (event) => (crew ? crew.breaker(event) : tellBreaker(event)));
  const embedding = startEmbedding(log);
  const inForce = () => snapshots.value;
  const made = snapshotMaker({ providers, pools, states, embedding, version, clock, inForce });
  const snapshots = new Snapshots(made(config));
  warnLacks(config, providers, log, clock.now(), loaded.file);
  warnUnpriced(inForce(), clock, log);
  catalogue.use({
    unpriced: () => unpricedTargets(inForce().models, clock.now()),
    changed: () => warnUnpriced(inForce(), clock, log),
  });
  let admin = adminKeyOf(config);
  const added = createAdded({ config, source: loaded.source, load, store, changes, clock, log });
  const reloader = new Reloader({
    first: loaded,
    load: () => added.load(),
    clock,
    apply: (next) => {
      const nextAdmin = adminKeyOf(next);
      const nextTokens = tokens.prepare(next);
      const snapshot = made(next);
      // Routes come last: what they open is given back by themselves where one of them cannot be made, and by nobody else.
      const nextRoutes = snapshot.beforeSwap(() => routes.prepare(next.routes, next.server.body_limit));
      // Nothing fails from here on.
      snapshots.swap(snapshot);
      probes.take(inForce().probes);
      routes.take(nextRoutes);
      tokens.take(nextTokens);
      admin = nextAdmin;
      useCertificates(server.server, next.server.tls);
      hooks.configure(next);
      log.level = next.telemetry.log.level;
      crew?.configure(next);
      warnLacks(next, providers, log, clock.now(), loaded.file);
      warnUnpriced(inForce(), clock, log);
      void embedding
        .warm(inForce().config)
        .catch((error: unknown) => log.warn({ error: messageOf(error) }, 'the embedding model cannot be loaded'));
    },
    onResult: (result) => {
      tellReload(result, log, metrics);
      hooks.tellReload(result);
    },
  });
  const wholeLedger = ofAllProcesses(ledger, () => crew);
  const limits = await startLimits({
    ...{ config, models: () => inForce().models, clock, log, metrics, store, keyStore: tokens.withSubjects },
    ...{ ledger: wholeLedger, embedded: database.embedded, emit: hooks.emit, lateFacts },
  });
  counters = limits;
  const running = new RunningRequests();
  const traffic = startTraffic({ store, clock, log, flushOthers: () => crew?.flush() });
  const connections = config.server.workers > 1 ? new HandedConnections() : undefined;
  const closing = connections ?? new Closing();
  const overload = new Overload(Math.random);
  const { onFault, onImplausible } = tellingFaults(log);
  /** What every run of the request path needs, but for guards. */
  const path = {
    ...{ clock, snapshots, ledger, deadlines, metrics, access, running, onFault, onImplausible },
    ...{ limiter: limits.limiter, refusals: traffic.tally },
    random: Math.random,
    tracing: traces.tracing,
    overload,
  };
  const ports = await cachePorts({ config, clock, log, store, embedding, connection: database.connection });
  const shared = !database.embedded || connections !== undefined;
  const cache = await startCache({
    ...{ inForce, changes, clock, log, metrics, embedding, ports, shared },
    memoryBytes: Math.floor(config.cache.memory / config.server.workers),
    askProvider: createOwnEmbeddings(path),
  });
  const guardrails = startGuardrails({ inForce, clock, log, metrics, moderate: createModeration(path) });
  const spend = await startSpend({
    ...{ config: () => inForce().config, models: () => inForce().models, clock, log, ledgerStore, keys },
    ...{ store, connection: database.connection, embedded: database.embedded },
  });
  const guards = guardrails.ports;
  const flushOthers = () => crew?.flush();
  const capture = startCaptureHere({ config, inForce, clock, log, metrics, store, flushOthers });
  const gateway = createGateway({
    ...{ ...path, authenticator: tokens.callers, recall: cache.recall, guards, capture: capture.capturing },
  });
  const { health, probes } = startHealth({
    ...{ inForce, states, clock, log, metrics, deadlines },
    onProbe: (provider, result) => crew?.probed(provider, result),
  });
  const routes = await startRoutes({
    ...{ config: () => inForce().config, authenticator, clock, deadlines, log, access, metrics },
    ...{ tracing: traces.tracing, limits: limits.limits, onDenied: limits.denied, overload },
  });
  const inFlight = () => running.size + routes.inFlight;
  const strain = watchStrain({ overload, inForce, clock, log, metrics, inFlight });
  ownGauges(metrics, {
    ...{ store, version, ledger, reloader, added, inFlight },
    workers: () => crew?.serving() ?? 1,
  });
  const stores = {
    ...{ responses: pgResponseStore(store.pool), conversations: pgConversationStore(store.pool) },
    ...{ refusals: traffic.store, content: capture.store },
  };
  const responses = startResponses({ config, inForce, clock, log, stores, shared, sweeps: true });
  if (connections) {
    const made = { config, inForce, clock, log, metrics, changes, connections, stores, cachePorts: ports };
    const stored = { keyStore, authenticator, addTeam, ledgerStore, catalogueStore, lateFacts };
    crew = startCrew({ ...made, ...stored, ...limits, states, embedding, emit: hooks.emit, tellBreaker });
  }
  const people = await startPeople({ ...database, inForce, admin: () => admin, clock, log, metrics });
  const server = await createServer({
    openai: {
      gateway,
      authenticator: tokens.callers,
      models: () => inForce().models,
      bodyLimit: () => inForce().config.server.body_limit,
      clock,
      onFault,
    },
    counting: createTokenCounting({ ...path, authenticator: tokens.callers, guards }),
    responses: responses.deps,
    admin: {
      ...{ keys, clock, version, catalogue },
      ...people.admin,
      ledger: wholeLedger,
      ...{ limitLevels: limits.levels, standing: limits.standing, limitNotice: limits.notice },
      ...{ ...spend.admin, ...traffic.admin },
      webhooks: hooks.admin,
      cache: crew ? purgingAll(cache, crew) : cache,
      ...guardrails.admin,
      workers: () => toldWorkers(clock, server.server, crew, connections),
      ...capture.admin,
      knowsModel: (name) => inForce().models.get(name) !== undefined,
      added,
      testProvider: providerTest(() => inForce().config, providers),
      describeConfig: () => describeConfig(inForce().config),
      configState: () => reloader.state,
      readConfig: () => reloader.prepare('api'),
      judgeConfig: (text) =>
        judgeDraft(text, { config: reloader.running, files: reloader.inputs.files }, (draft) => added.judge(draft)),
      explain: createExplainer({ ...path, recall: cache.recall, guards }),
      authenticator: tokens.callers,
      ...{ models: health.models, providers: health.providers, setBreaker: health.setBreaker },
      ...{ routes: routes.overview, setRouteBreaker: routes.setBreaker },
    },
    health: {
      adminKey: () => admin.key,
      ending: () => closing.begun,
      ready: () => readiness({ store, ledger, spool, limits, crew }),
      metrics: async () =>
        inForce().config.telemetry.metrics
          ? { text: await (crew ?? metrics.registry).metrics(), type: metrics.registry.contentType }
          : null,
    },
    log,
    trustProxy: () => inForce().config.server.trust_proxy,
    cors: () => inForce().config.server.cors,
    server: (direct, behind) => routes.server(direct, behind, closing),
    settled: () => crew?.settled(),
    onAnswered: answeredLine(log, access),
  });
  await startPart('cache.embedding.folder', config, () => embedding.warm(inForce().config));
  await added.start(reloader);
  const demo = await demoKeyOf(config, { keys, find: keyStore.find, providers });
  const address = await startPart('server.port', config, () => (crew ? crew.listen(server) : listen(server, config)));
  await limits.gateways?.ready();
  const watch = watchInputs({ loaded: () => reloader.inputs, onChange: () => reloader.reload('file') });
  return {
    url: urlOf(address, config.server),
    adminKeyFile: admin.file,
    demoKeyFile: demo.file,
    demoKey: demo.made,
    reload: (trigger) => reloader.reload(trigger),
    close: async ({ drain } = { drain: false }) => {
      watch.close();
      await traffic.endTails();
      const { shutdown_grace: graceMs } = inForce().config.server;
      const drainMs = drain ? await drainOf(inForce().config, () => limits.gateways?.sinceNewestMs()) : 0;
      await closeServer({
        ...{ server, closing, running, graceMs, drainMs, others: crew?.others },
        say: (fields, line) => log.info(fields, line),
      });
      await closeInTurn([
        ...[strain, people, probes, responses, capture, cache, guardrails],
        ...[embedding, ledger, { close: () => spool.release() }],
        ...[
          routes,
          traces,
          lateFacts,
          limits,
          traffic,
          spend,
          hooks,
          tokens,
          authenticator,
          catalogue,
          added,
          announced,
        ],
        ...[pools, database],
      ]);
    },
  };
}
