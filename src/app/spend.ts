/**
 * The part of the composition that keeps and reports spend: partitions, sums, reports, repricing and scheduled deliveries.
 * What runs by itself runs once a minute (reports that are due) and once an hour (partitions), one run at a time; an error is
 * logged and the next run tries again.
 */

import type { Models } from '../catalog/model.js';
import type { Config } from '../config/config.js';
import type { Keys } from '../identity/keys.js';
import { buildIndexes } from '../ledger/indexes-pg.js';
import type { LedgerStore } from '../ledger/ledger-store.js';
import { keepPartitions } from '../ledger/partitions-pg.js';
import { scanLedger } from '../ledger/scan-pg.js';
import { verifyLedger } from '../ledger/verify-pg.js';
import type { Clock } from '../lib/clock.js';
import { ok } from '../lib/errors.js';
import { messageOf } from '../lib/thrown.js';
import { openingsInto } from '../operations/openings.js';
import { describePrices } from '../operations/prices.js';
import { reprice } from '../operations/reprice.js';
import { toFolder, toWebhook } from '../reports/deliver.js';
import { createReports } from '../reports/reports.js';
import type { Grouping } from '../reports/request.js';
import { pgReportRuns } from '../reports/runs-pg.js';
import { deliverDue, type ScheduledReport } from '../reports/schedule.js';
import { pgReportStore } from '../reports/spend-pg.js';
import { type Connection, openStore, type Store } from '../store/pg.js';
import type { Log } from '../telemetry/log.js';

interface SpendDeps {
  /** The configuration in force. */
  readonly config: () => Config;
  readonly models: () => Models;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly connection: Connection;
  readonly embedded: boolean;
  readonly ledgerStore: LedgerStore;
  readonly keys: Keys;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Reports at once; they do not take the connections that requests need. */
const REPORT_CONNECTIONS = 2;

export async function startSpend(deps: SpendDeps) {
  const { clock, log, store, ledgerStore, keys } = deps;
  const own = deps.embedded
    ? undefined
    : openStore({
        ...deps.connection,
        max: REPORT_CONNECTIONS,
        statementTimeoutMs: 10 * MINUTE_MS,
        connectTimeoutMs: 30_000,
        applicationName: 'tollgate reports',
        onIdleError: (error) => log.warn({ error: messageOf(error) }, 'database connection'),
      });
  const pool = (own ?? store).pool;
  const reports = createReports(pgReportStore(pool, clock));
  const runs = pgReportRuns(store.pool);

  const partitions = async () => {
    const kept = await keepPartitions(store.pool, clock.now(), deps.config().ledger.retention);
    if (kept.made.length + kept.dropped.length > 0) log.info({ ...kept }, 'partitions of the ledger');
  };
  const indexes = async () => {
    const built = await buildIndexes(pool);
    if (built.length > 0) log.info({ built }, 'indexes of the ledger');
  };
  const deliveries = async () => {
    const { reports: configured } = deps.config();
    if (configured.length > 0) await deliverDue(configured.map(scheduledOf), { reports, runs, clock, log });
  };
  const scheduledOf = ({ to, group_by, ...report }: Config['reports'][number]): ScheduledReport => ({
    ...report,
    groupBy: group_by as readonly Grouping[],
    deliver:
      'folder' in to
        ? toFolder(to.folder)
        : toWebhook({ url: to.url, secret: to.secret, allowPrivate: to.allow_private }, clock),
  });

  await partitions();
  const timers = [
    every(HOUR_MS, partitions, log),
    every(HOUR_MS, indexes, log, true),
    every(MINUTE_MS, deliveries, log),
  ];
  return {
    admin: {
      reports,
      prices: () => describePrices(deps.config(), deps.models(), clock.now()),
      enterOpenings: openingsInto({
        ledger: ledgerStore,
        clock,
        audit: (line) =>
          keys
            .write(line.actor, async ({ tx }) => {
              await tx.audit(line);
              return ok(null);
            })
            .then(() => {}),
      }),
      verify: (repair: boolean) => verifyLedger(pool, { repair }),
      reprice: (request: Parameters<typeof reprice>[1]) =>
        reprice(
          {
            scan: scanLedger(store),
            insert: (entries) => ledgerStore.insert(entries),
            priceAt: (model, target, atMs) => targetOf(deps.models(), model, target)?.priceAt(atMs),
            markupOf: async (team) => (await keys.read.team(team))?.markup_ppm ?? null,
          },
          request,
        ),
    },
    close: async () => {
      await Promise.all(timers.map((timer) => timer.stop()));
      await own?.close();
    },
  };
}

/** The target that an entry names: of the model that was asked for, else of the one that it fell back to. */
function targetOf(models: Models, model: string, target: string) {
  const of = (name: string) => models.get(name)?.targets.find(({ id }) => id === target);
  return (
    of(model) ??
    models
      .list()
      .flatMap(({ targets }) => targets)
      .find(({ id }) => id === target)
  );
}

/** `atOnce`: for the first time now, which nobody waits for. */
function every(ms: number, work: () => Promise<void>, log: Log, atOnce = false) {
  let running: Promise<void> | undefined;
  const run = () => {
    running ??= work()
      .catch((error: unknown) => log.error({ error: messageOf(error) }, 'upkeep of spend'))
      .finally(() => {
        running = undefined;
      });
  };
  if (atOnce) run();
  const timer = setInterval(run, ms);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
