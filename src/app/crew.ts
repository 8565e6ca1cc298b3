/**
 * The part of the composition that there is with more than one worker: this process is the first, the primary. It serves as the others
 * do, has everything that there is one of (the listener, the database, counters of limits, the drain of the ledger, webhooks, schedules,
 * the admin API, `/metrics`), and serves what the others do not serve themselves.
 */
import type { Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { LRUCache } from 'lru-cache';
import type { CacheService } from '../cache/cache-service.js';
import type { ContentStore } from '../capture/captured.js';
import type { Models } from '../catalog/model.js';
import type { Config } from '../config/config.js';
import type { RememberingAuthenticator } from '../identity/authenticate.js';
import type { Changes } from '../identity/changes.js';
import type { KeyStore } from '../identity/key-store.js';
import type { Entry } from '../ledger/entry.js';
import type { Ledger } from '../ledger/ledger.js';
import type { LedgerStore } from '../ledger/ledger-store.js';
import type { SpentStore } from '../ledger/spent-pg.js';
import type { Clock } from '../lib/clock.js';
import { stackOf } from '../lib/thrown.js';
import type { Limits } from '../limits/limits.js';
import type { OpenRisk } from '../limits/open-risk.js';
import { budgetCrossed, budgetDenied } from '../operations/budget-events.js';
import type { LateFacts } from '../operations/late-facts.js';
import { inScopes, requestOf } from '../operations/limit-ledger.js';
import { catalogueFileInForce } from '../pricing/catalogue-in-force.js';
import type { CatalogueStore } from '../pricing/kept-catalogue-pg.js';
import type { RefusalStore } from '../reports/refusals.js';
import type { ProbeResult } from '../router/probe-state.js';
import { type BreakerEvent, MOST_STATES, type TargetStates } from '../router/states.js';
import { primarySocket } from '../server/primary-socket.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { SummedMetrics } from '../telemetry/summed-metrics.js';
import type { Emitter } from '../webhooks/emitter.js';
import { Crew } from '../workers/crew.js';
import type { HandedConnections } from '../workers/handed-connections.js';
import { entriesOf, type LedgerDesk } from '../workers/ledger-lines.js';
import { type AttemptsOf, LimitsDesk } from '../workers/limits-desk.js';
import { BEAT, BREAKER, type BreakerNews, PROBED } from '../workers/messages.js';
import type { CachePorts, FolderPort, OwnEmbedding } from './cache.js';
import { lastAnswers } from './limits.js';
import type { ResponseStores } from './responses.js';
import { follow, openForMs } from './worker-ports.js';

export interface CrewStart {
  readonly config: Config;
  readonly inForce: () => { readonly config: Config; readonly models: Models };
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly changes: Changes;
  readonly keyStore: KeyStore;
  readonly authenticator: Pick<RememberingAuthenticator, 'remembered'>;
  readonly addTeam: (id: string, subject: string) => Promise<unknown>;
  readonly catalogueStore: CatalogueStore;
  readonly ledgerStore: LedgerStore;
  readonly lateFacts: LateFacts | undefined;
  readonly limits: Limits;
  readonly risk: OpenRisk;
  readonly spent: SpentStore;
  /** Gateways whose limits are counted apart. */
  readonly apart: () => number;
  readonly emit: Emitter['emit'];
  readonly tellBreaker: (event: BreakerEvent) => void;
  readonly states: TargetStates;
  readonly cachePorts: CachePorts;
  readonly embedding: OwnEmbedding;
  readonly stores: ResponseStores & {
    readonly refusals: RefusalStore;
    readonly content: Pick<ContentStore, 'insert'>;
  };
  /** Those of this process. */
  readonly connections: HandedConnections;
}

/** Beyond the grace: what interrupted requests and writing what waits may take. */
const ENDING_MS = 15_000;
const SCRIPT = fileURLToPath(new URL('../worker.js', import.meta.url));

export type RunningCrew = Awaited<ReturnType<typeof startCrew>>;

/** The others are started by `listen`. */
export function startCrew(deps: CrewStart) {
  const { config, inForce, clock, log, metrics, limits, risk, states, connections } = deps;
  const socket = primarySocket(config.data_dir);
  const summed = new SummedMetrics(metrics.registry);
  /**
   * Targets whose breaker is not closed, as was told last. It may be of a name behind a wildcard, of which this process has no state.
   * No more than there are states.
   */
  const broken = new LRUCache<string, BreakerNews>({ max: MOST_STATES });
  let configured: Promise<unknown> = Promise.resolve();

  const attemptsOf: AttemptsOf = async (holds) => {
    const known = await deps.spent.ofHolds(
      config.redis.url === null
        ? holds
        : holds.map(({ hold, requestId }) => ({ hold, requestId: requestOf(requestId) })),
    );
    return new Map([...known].map(([hold, attempts]) => [hold, inScopes(attempts, inForce().models)]));
  };
  const crew = new Crew<Config>({
    script: SCRIPT,
    count: config.server.workers,
    log,
    own: {
      ...{ ready: true, hung: false },
      get load() {
        return connections.size;
      },
      hand: (socket) => connections.take(socket),
    },
    config: () => inForce().config,
    ports: portsOf(deps),
    desk: (worker, post) =>
      new LimitsDesk(
        {
          ...{ limits, risk },
          onDenied: (denial) => budgetDenied(deps.emit, denial),
          onCrossings: (crossed) => {
            for (const crossing of crossed) budgetCrossed(deps.emit, crossing);
          },
          onFault: (error) => log.error({ error: stackOf(error) }, 'limits'),
        },
        worker,
        post,
      ),
    start: async (number) => ({
      number,
      config: inForce().config,
      primarySocket: socket.path,
      cacheSecret: deps.cachePorts.secret,
      catalogue: catalogueFileInForce(),
      breakers: [...broken.entries()].map(
        ([target, state]) => [target, state, openForMs(states, target, clock)] as const,
      ),
      expectedAnswers: await lastAnswers(deps.spent),
    }),
    beat: () => {
      const heardAt = deps.changes.heardAt();
      const sinceHeardMs = heardAt === Number.POSITIVE_INFINITY ? 0 : clock.monotonic() - heardAt;
      return [BEAT, Math.min(sinceHeardMs, 1e12), limits.nowMs() - clock.now(), deps.apart()];
    },
    closeHolds: (desk) => desk.close(attemptsOf),
    onBreaker: (message, from) => {
      const [, target, state, why, forMs] = message as [number, string, 'opened' | 'closed', string, number];
      following = true;
      follow(states, target, state, forMs, clock);
      following = false;
      crew.tell([BREAKER, target, state, why, forMs], from);
      tellOnce({ target, state, why });
    },
  });
  crew.onEnded = (worker) => summed.ended(worker);
  let following = false;
  const tellOnce = (event: BreakerEvent): void => {
    const { target, state } = event;
    if (broken.has(target) === (state === 'opened')) return;
    if (state === 'opened') broken.set(target, 'opened');
    else broken.delete(target);
    deps.tellBreaker(event);
  };
  deps.changes.subscribe((change) => crew.change(change));

  return {
    /** A breaker of this process changed. */
    breaker(event: BreakerEvent): void {
      if (following) return;
      const { target, state, why } = event;
      const byHand = why === 'by hand';
      const news: BreakerNews = byHand ? (state === 'opened' ? 'held' : 'released') : state;
      crew.tell([BREAKER, target, news, why, state === 'opened' ? openForMs(states, target, clock) : 0]);
      tellOnce(event);
      if (state === 'opened') broken.set(target, news);
    },
    probed: (provider: string, { good, what, tookMs }: ProbeResult): void =>
      crew.tell([PROBED, provider, good, what, tookMs]),
    purged: (): void => crew.change({ kind: 'purge' }),
    configure(next: Config): void {
      configured = crew.configure(next);
    },
    /** Whoever made a change may be told that it is made. */
    settled: (): Promise<unknown> => Promise.all([crew.heard(), configured]),
    flush: (): Promise<void> => crew.flush(),
    metrics: async (): Promise<string> => {
      const ready = crew.processes.filter((process) => process.ready);
      return summed.text(ready.map(({ number, port }) => ({ number, read: () => port.metrics() })));
    },
    serving: (): number => crew.size.serving,
    /** All but this one. */
    workers: () =>
      crew.workers.map(({ sinceMs, ...worker }) => ({
        ...worker,
        startedAtMs: sinceMs === null ? null : Math.round(clock.now() - sinceMs),
      })),
    health: () => {
      const { serving, count } = crew.size;
      return { ok: serving > 0, detail: `${serving} of ${count} serve` };
    },
    async listen(server: { ready(): PromiseLike<unknown>; readonly server: Server }) {
      await server.ready();
      connections.serveBy(server.server);
      await socket.listen((forwarded) => connections.takeForwarded(forwarded));
      await crew.start();
      await crew.listener.listen({ host: config.server.host, port: config.server.port });
      return crew.listener.address();
    },
    /** For the end of this gateway. */
    others: {
      get connected() {
        return crew.listener.connected;
      },
      begin: (lingerMs: number) => crew.drain(lingerMs),
      closeListener: () => crew.listener.close(),
      async finish(graceMs: number): Promise<void> {
        await crew.finish(graceMs, ENDING_MS);
        crew.listener.destroy();
        socket.close();
      },
    },
  };
}

/** What workers may ask of this process. */
function portsOf(deps: CrewStart) {
  const { keyStore, cachePorts, embedding } = deps;
  const ledger: LedgerDesk & { late(entries: readonly Entry[]): void } = {
    async insert(lines, holds) {
      const late = await deps.ledgerStore.insert(entriesOf(lines), lines);
      if (holds.length > 0) deps.limits.posted(holds);
      return late;
    },
    late: (entries: readonly Entry[]) => deps.lateFacts?.add(entries),
  };
  const folder: FolderPort = {
    embed: (model, text) => embedding.folderPrompts(model).embed(text),
    embedIdly: (model, text) => embedding.folderPrompts(model).embedIdly(text),
  };
  return {
    ledger,
    folder,
    keys: {
      find: (hash: string) => keyStore.find(hash),
      remembered: async (hash: string) => deps.authenticator.remembered(hash),
      key: (id: string) => keyStore.key(id),
      team: (id: string) => keyStore.team(id),
      withUserLimits: () => keyStore.withUserLimits(),
    },
    teams: { add: deps.addTeam },
    catalogue: deps.catalogueStore,
    answers: cachePorts.store,
    purges: cachePorts.purgeStore,
    prompts: cachePorts.prompts,
    vectors: cachePorts.index,
    vectorProcess: embedding.worker,
    ...deps.stores,
  };
}

/** The ledger with what workers have appended. A worker that does not answer is not waited for where somebody reads. */
export function ofAllProcesses(ledger: Ledger, crew: () => RunningCrew | undefined) {
  return {
    append: (entry: Entry) => ledger.append(entry),
    flush: async () => {
      await ledger.flush();
      await crew()?.flush();
    },
    query: async (...asked: Parameters<Ledger['query']>) => {
      await crew()
        ?.flush()
        .catch(() => {});
      return ledger.query(...asked);
    },
  };
}

/** Purges reach the memory of all processes before they are answered. */
export const purgingAll = (cache: CacheService, crew: RunningCrew): CacheService => ({
  ...cache,
  async purge(kind, name) {
    await cache.purge(kind, name);
    crew.purged();
  },
  async removeEntry(id) {
    const found = await cache.removeEntry(id);
    crew.purged();
    return found;
  },
});
