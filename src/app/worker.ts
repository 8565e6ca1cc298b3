/**
 * The composition of a worker: the request path and classic routes, with everything that there is one of in the primary behind ports.
 * It has no database and no listener: keys, teams, answers of the cache and stored responses are asked of the primary over the
 * line, limits are taken there, entries go there from a spool of its own, and connections come from there. What it does not serve
 * itself is forwarded. When the line ends, so does the worker: what its requests came to is in its spool.
 */
import { Socket } from 'node:net';
import type { Config } from '../config/config.js';
import { freeze } from '../config/freeze.js';
import { Snapshots } from '../config/snapshot.js';
import { useCertificates as showCertificates } from '../front/tls.js';
import { createTokenCounting } from '../gateway/count-tokens.js';
import { Limiter } from '../gateway/limiter.js';
import { createGateway } from '../gateway/pipeline.js';
import { RunningRequests } from '../gateway/running.js';
import { type AuthenticatorOptions, createAuthenticator } from '../identity/authenticate.js';
import type { KeyStore } from '../identity/key-store.js';
import { createLedger } from '../ledger/ledger.js';
import { systemClock as clock } from '../lib/clock.js';
import { Overload } from '../lib/overload.js';
import { messageOf, stackOf } from '../lib/thrown.js';
import { ExpectedOutput } from '../limits/expected.js';
import { riskElsewhere } from '../limits/open-risk.js';
import { Catalogue } from '../operations/catalogue.js';
import { noteOf } from '../operations/limit-ledger.js';
import { createOwnEmbeddings } from '../operations/own-embeddings.js';
import { createModeration } from '../operations/own-moderation.js';
import { takeCatalogue } from '../pricing/catalogue-in-force.js';
import type { CatalogueStore } from '../pricing/kept-catalogue-pg.js';
import type { ProviderType } from '../provider/provider-type.js';
import { type RefusalStore, RefusalTally } from '../reports/refusals.js';
import type { ConversationStore } from '../responses/conversation-store.js';
import type { ResponseStore } from '../responses/stored-response.js';
import { dataPlane } from '../server/data-plane.js';
import { closeConnections } from '../server/listening.js';
import { forwardTo } from '../server/primary-socket.js';
import { directOr } from '../server/raw.js';
import { rejectionMetrics } from '../telemetry/limit-metrics.js';
import { createLog } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { valuesOf } from '../telemetry/summed-metrics.js';
import { warmTokenizers } from '../tokens/encodings.js';
import { Deadlines } from '../upstream/deadline.js';
import { Pools } from '../upstream/pool.js';
import { HandedConnections, onHandedOver } from '../workers/handed-connections.js';
import { type LedgerDesk, remoteLedgerStore } from '../workers/ledger-lines.js';
import { Link, remotePort } from '../workers/link.js';
import { SPOOL, TAKEN, type WorkerPort, type WorkerStart } from '../workers/messages.js';
import { RemoteLimits } from '../workers/remote-limits.js';
import { embeddingElsewhere, type FolderPort, startCache } from './cache.js';
import { startCapture } from './capture.js';
import { tellingFaults } from './faults.js';
import { startGuardrails } from './guardrails.js';
import { startResponses } from './responses.js';
import { startRoutes } from './routes.js';
import { snapshotMaker } from './snapshot-maker.js';
import { drainMs, openSpool, spoolMetrics } from './spool.js';
import { watchStrain } from './strain.js';
import { startTokens } from './tokens.js';
import { startTracing } from './tracing.js';
import { version } from './version.js';
import { cachePortsElsewhere, followedStates, PrimaryNews, type PrimaryPorts } from './worker-ports.js';

type Providers = Readonly<Record<string, ProviderType>>;

/** The line is the fifth of the process's files: beside input, output, errors and node's own channel. */
const LINE_FD = 4;

/** Runs until the primary says that it is enough, or ends. */
export function runWorker(providers: Providers): void {
  // Whoever ends a gateway tells the primary, and it tells the workers.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  let worker: Awaited<ReturnType<typeof startWorker>> | undefined;
  const news = new PrimaryNews(clock, (message) => link.post(message));
  const link: Link = new Link({
    socket: new Socket({ fd: LINE_FD, readable: true, writable: true }),
    ports: {
      worker: {
        start: async (start: WorkerStart<Config>) => {
          worker = await startWorker({ providers, link, news, start });
        },
        configure: async (config: Config) => worker?.configure(config),
        flush: async () => worker?.flush(),
        metrics: async () => worker?.metrics() ?? [],
        drain: async (lingerMs: number) => worker?.drain(lingerMs),
        finish: async (graceMs: number) => {
          await worker?.finish(graceMs);
          process.exit(0);
        },
      } satisfies WorkerPort<Config>,
    },
    onMessages: (messages) => {
      for (const message of messages) news.take(message);
    },
    onEnd: () => process.exit(1),
  });
  onHandedOver((number, socket) => {
    link.post([TAKEN, number]);
    if (worker) worker.take(socket);
    else socket.destroy();
  });
}

interface Start {
  readonly providers: Providers;
  readonly link: Link;
  readonly news: PrimaryNews;
  readonly start: WorkerStart<Config>;
}

async function startWorker({ providers, link, news, start }: Start) {
  const { number, primarySocket, cacheSecret } = start;
  const config = freeze(start.config);
  const running = createLog(config.telemetry.log.level, 1, number);
  const { log, access } = running;
  const ports: PrimaryPorts = (name) => remotePort(link, name);
  const metrics = new Metrics();
  const traces = await startTracing({ config, env: process.env, version, clock, log, metrics });
  const { tracing } = traces;
  const spool = await openSpool(config, log, config.server.workers);
  link.post([SPOOL, spool.dir]);
  await warmTokenizers();
  const ledger = createLedger({
    ...{ clock, log, spool: spool.spool, durability: config.ledger.durability },
    batchMs: drainMs(config.server.workers),
    store: remoteLedgerStore(ports<LedgerDesk>('ledger'), config.redis.url !== null),
    onStored: ({ recovered, late }) => {
      if (recovered.length + late.length > 0)
        ports<{ late(entries: readonly object[]): Promise<void> }>('ledger')
          .late([...recovered, ...late])
          .catch(() => {});
    },
  });
  await ledger.recover();
  const { changes } = news;
  const keyStore = ports<KeyStore & Required<Pick<AuthenticatorOptions, 'remembered'>>>('keys');
  const catalogue = new Catalogue({ store: ports<CatalogueStore>('catalogue'), changes, clock, log });
  takeCatalogue(start.catalogue);
  await catalogue
    .start()
    .catch((error: unknown) =>
      log.warn({ error: messageOf(error) }, 'prices: those of the primary process are in force'),
    );
  const authenticator = createAuthenticator({
    ...{ store: keyStore, remembered: (hash) => keyStore.remembered(hash), changes, clock },
    onRefused: (reason) => metrics.authFailure(reason),
    onLookupError: (error) => log.error({ error: messageOf(error) }, 'key look-up'),
  });
  const { add: addTeam } = ports<{ add(id: string, subject: string): Promise<unknown> }>('teams');
  const tokens = startTokens({ config, authenticator, keyStore, addTeam, changes, clock, log, metrics });
  const pools = new Pools();
  const deadlines = new Deadlines(clock);
  const states = followedStates(link, news, clock);
  const embedding = embeddingElsewhere({ vectors: ports('vectorProcess'), folder: ports<FolderPort>('folder') });
  const inForce = () => snapshots.value;
  const made = snapshotMaker({ providers, pools, states, embedding, version, clock, inForce });
  const snapshots = new Snapshots(made(config));
  news.probes = () => inForce().probes;
  news.followBreakers(start.breakers);
  const limits = new RemoteLimits(link, clock);
  news.limits = limits;
  const expected = new ExpectedOutput();
  for (const { model, outputTokens } of start.expectedAnswers) expected.learnOf(model, outputTokens);
  const rejections = rejectionMetrics(metrics.registry);
  const limiter = new Limiter({
    ...{ limits, expected, clock, risk: riskElsewhere },
    note: config.redis.url === null ? ({ requestId }) => requestId : (...of) => noteOf(...of, clock.now()),
    onDenied: ({ limit: { spec, scope } }) => rejections.rejected(spec.unit, spec.per, scope.kind),
    onFault: (error) => log.error({ error: stackOf(error) }, 'limits'),
    notice: () => news.notice,
  });
  const runningRequests = new RunningRequests();
  const overload = new Overload(Math.random);
  const { onFault, onImplausible } = tellingFaults(log);
  const refusals = new RefusalTally({ store: ports<RefusalStore>('refusals'), clock, log });
  const path = {
    ...{ clock, snapshots, ledger, deadlines, metrics, access, onFault, onImplausible, limiter, tracing, refusals },
    running: runningRequests,
    overload,
    random: Math.random,
  };
  const cache = await startCache({
    ...{ inForce, changes, clock, log, metrics, embedding, shared: true },
    ports: cachePortsElsewhere(ports, cacheSecret),
    memoryBytes: Math.floor(config.cache.memory / config.server.workers),
    askProvider: createOwnEmbeddings(path),
  });
  news.purged = () => cache.refresh();
  const guardrails = startGuardrails({ inForce, clock, log, metrics, moderate: createModeration(path) });
  const capture = startCapture({ config, inForce, clock, log, metrics, store: ports('content') });
  const gateway = createGateway({
    ...path,
    capture: capture.capturing,
    ...{ authenticator: tokens.callers, recall: cache.recall, guards: guardrails.ports },
  });
  spoolMetrics(metrics, ledger);
  const inFlight = () => runningRequests.size + routes.inFlight;
  metrics.gauge('tollgate_in_flight_requests', inFlight);
  const routes = await startRoutes({
    ...{
      config: () => inForce().config,
      authenticator,
      clock,
      deadlines,
      log,
      access,
      metrics,
      limits,
      tracing,
      overload,
    },
    onDenied: ({ spec, scope }) => rejections.rejected(spec.unit, spec.per, scope.kind),
  });
  const strain = watchStrain({ overload, inForce, clock, log, metrics, inFlight });
  const responses = startResponses({
    ...{ config, inForce, clock, log, shared: true, sweeps: false },
    stores: { responses: ports<ResponseStore>('responses'), conversations: ports<ConversationStore>('conversations') },
  });
  const { direct } = dataPlane({
    openai: {
      ...{ gateway, authenticator: tokens.callers, clock, onFault },
      models: () => inForce().models,
      bodyLimit: () => inForce().config.server.body_limit,
    },
    counting: createTokenCounting({ ...path, authenticator: tokens.callers, guards: guardrails.ports }),
    responses: responses.deps,
    trustProxy: () => inForce().config.server.trust_proxy,
    cors: () => inForce().config.server.cors,
  });
  const connections = new HandedConnections();
  const server = routes.server(direct, directOr(direct, forwardTo(primarySocket)), connections);
  connections.serveBy(server);
  news.connections = () => connections.size;
  return {
    take: (socket: Socket) => connections.take(socket),
    configure(next: Config): void {
      const nextTokens = tokens.prepare(next);
      const snapshot = made(freeze(next));
      const nextRoutes = snapshot.beforeSwap(() => routes.prepare(next.routes, next.server.body_limit));
      const { probes } = inForce();
      snapshots.swap(snapshot);
      for (const { state } of probes) if (!inForce().probes.some((probe) => probe.state === state)) state.forget();
      routes.take(nextRoutes);
      showCertificates(server, next.server.tls);
      tokens.take(nextTokens);
      log.level = next.telemetry.log.level;
    },
    flush: async () => {
      await Promise.all([ledger.flush(), refusals.flush(), capture.flush()]);
    },
    metrics: () => valuesOf(metrics.registry),
    drain: (lingerMs: number) => connections.begin(lingerMs),
    async finish(graceMs: number): Promise<void> {
      await closeConnections({
        ...{ server, closing: connections, running: runningRequests, graceMs },
        say: (fields, line) => log.info(fields, line),
      });
      strain.close();
      await responses.close();
      await capture.close();
      await cache.close();
      await guardrails.close();
      await refusals.close();
      await ledger.close();
      spool.release();
      await routes.close();
      await traces.close();
      pools.close();
      await running.close();
    },
  };
}
