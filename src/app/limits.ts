/** The part of the composition that counts limits: where they are counted, and what they have to do with the ledger. */

import { randomUUID } from 'node:crypto';
import type { Models } from '../catalog/model.js';
import type { Config } from '../config/config.js';
import { Limiter } from '../gateway/limiter.js';
import type { KeyStore } from '../identity/key-store.js';
import type { Entry } from '../ledger/entry.js';
import type { Ledger } from '../ledger/ledger.js';
import { pgSpentStore, type SpentStore } from '../ledger/spent-pg.js';
import { pgUseStore } from '../ledger/use-pg.js';
import type { Clock } from '../lib/clock.js';
import { messageOf, stackOf } from '../lib/thrown.js';
import { backgroundTimer } from '../lib/timer.js';
import { within } from '../lib/within.js';
import { ExpectedOutput } from '../limits/expected.js';
import { apartNotice, COUNTED_APART, watchGateways } from '../limits/gateways-pg.js';
import type { Limit } from '../limits/limit.js';
import { openLimits } from '../limits/open-redis.js';
import { OpenRisk } from '../limits/open-risk.js';
import { budgetCrossed, budgetDenied } from '../operations/budget-events.js';
import type { LateFacts } from '../operations/late-facts.js';
import { closeLapsed, noteOf, rebuildFrom } from '../operations/limit-ledger.js';
import { limitLevels, limitsOfEntry } from '../operations/limit-levels.js';
import { listStanding } from '../operations/list-standing.js';
import type { Store } from '../store/pg.js';
import { limitMetrics } from '../telemetry/limit-metrics.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Emitter } from '../webhooks/emitter.js';

interface LimitsDeps {
  readonly config: Config;
  readonly models: () => Models;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: Store;
  /** The database is this process's own. */
  readonly embedded: boolean;
  readonly ledger: Pick<Ledger, 'append' | 'flush'>;
  readonly keyStore: Pick<KeyStore, 'key' | 'team' | 'withUserLimits'>;
  /** Tells receivers of events. */
  readonly emit: Emitter['emit'];
  /** What of the ledger came late; undefined where counters are in this process. */
  readonly lateFacts: LateFacts | undefined;
}

/** Enough to know how long a model's answers are. */
const LAST_ANSWERS = 2000;

/** The ledger's last answers, which tell of the next ones; none where the database does not answer. */
export const lastAnswers = (spent: Pick<SpentStore, 'lastAnswers'>) =>
  within(spent.lastAnswers(LAST_ANSWERS), 2_000, 'the ledger did not answer').catch(() => []);

async function expectedFrom(spent: Pick<SpentStore, 'lastAnswers'>): Promise<ExpectedOutput> {
  const expected = new ExpectedOutput();
  for (const { model, outputTokens } of await lastAnswers(spent)) expected.learnOf(model, outputTokens);
  return expected;
}

/** Resolves once limits can be taken. */
export async function startLimits(deps: LimitsDeps) {
  const { config, models, clock, log, metrics, store, embedded, ledger, keyStore, emit, lateFacts } = deps;
  const { redis } = config;
  const spent = pgSpentStore(store, clock);
  const longestMs = Math.max(0, ...Object.values(config.models).map(({ timeout }) => timeout.total));
  const limits = await openLimits({
    clock,
    ...(redis.url === null ? {} : { redis: { url: redis.url, onFailure: redis.on_failure } }),
    rebuild: rebuildFrom(spent, ledger, models),
    rebuildTimeoutMs: 5_000,
    onLapsed: closeLapsed(spent, ledger, config.ledger.sent_unknown, models),
    othersSettle: config.server.workers > 1,
    longestHoldMs: Math.max(3_600_000, longestMs + 60_000),
    onState: (state, reason) => {
      if (state === 'redis') log.info({ state, reason }, 'limits are counted in Redis again');
      else log.warn({ state, reason, on_failure: redis.on_failure }, 'limits: Redis is away');
    },
  });
  lateFacts?.start({
    limits,
    spent,
    limitsOf: limitsOfEntry(keyStore, models),
    models,
    onMarks: (beyond) => {
      for (const crossing of beyond) budgetCrossed(emit, crossing);
    },
    onError: (error, waiting) => log.warn({ error: messageOf(error), waiting }, 'limits: late entries'),
    after: backgroundTimer,
  });
  const gateways = embedded
    ? undefined
    : await watchGateways({
        ...{ store, me: randomUUID(), counts: redis.url === null ? 'memory' : 'redis' },
        changed: (apart) => {
          const notice = apartNotice(apart);
          if (notice) log.warn({ gateways: apart }, notice);
          else log.info('limits: no gateway on this database counts apart any more');
        },
      });
  const apart = () => gateways?.apart ?? 0;
  const counted = limitMetrics(metrics.registry, {
    state: () => limits.state,
    apart,
    byRedis: redis.url !== null,
  });
  const denied = ({ spec, scope }: Limit): void => counted.rejected(spec.unit, spec.per, scope.kind);
  const risk = new OpenRisk();
  const limiter = new Limiter({
    ...{ limits, risk },
    expected: await expectedFrom(spent),
    clock,
    note: (demand, first, heldAtMs) => noteOf(demand, first, heldAtMs, clock.now()),
    onDenied: (denial) => {
      denied(denial.limit);
      budgetDenied(emit, denial);
    },
    onCrossings: (crossed) => {
      for (const crossing of crossed) budgetCrossed(emit, crossing);
    },
    onFault: (error) => log.error({ error: stackOf(error) }, 'limits'),
    notice: () => (apart() > 0 ? COUNTED_APART : undefined),
  });
  return {
    limiter,
    ...{ limits, risk, spent, apart },
    /** Counts a request that this limit refused. */
    denied,
    levels: limitLevels({ limits, keys: keyStore, models }),
    standing: listStanding({ use: pgUseStore(store), limits, clock }),
    /** Why these levels may not be all that was used; undefined where they are. */
    notice: () => apartNotice(apart()),
    /** These entries are in the ledger's store. */
    posted: (entries: readonly Entry[]) => limits.posted(entries.flatMap(({ hold }) => hold ?? [])),
    detail: () => {
      const state = limits.state === 'away' ? `away (on_failure: ${redis.on_failure})` : limits.state;
      const notice = apartNotice(apart());
      return notice ? `${state}. ${notice}` : state;
    },
    /** The other gateways on this database; undefined where there can be none. */
    gateways,
    close: async () => {
      await gateways?.close();
      await limits.close();
    },
  };
}
