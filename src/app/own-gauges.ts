/** What the metrics tell of the gateway as a whole: what runs, how much of it, and whether the database answers. */
import type { Reloader } from '../config/reload.js';
import type { Ledger } from '../ledger/ledger.js';
import type { AddedConfiguration } from '../operations/added-configuration.js';
import type { Store } from '../store/pg.js';
import type { Metrics } from '../telemetry/metrics.js';
import { reloadGauges } from './reload.js';
import { spoolMetrics } from './spool.js';

/** A scrape waits no longer for the database. */
const PING_MS = 1_000;

interface OwnNumbers {
  readonly store: Pick<Store, 'ping'>;
  readonly version: string;
  readonly ledger: Ledger;
  readonly reloader: Reloader;
  readonly added: Pick<AddedConfiguration, 'leftOut'>;
  readonly inFlight: () => number;
  /** Processes that serve. */
  readonly workers: () => number;
}

export function ownGauges(metrics: Metrics, own: OwnNumbers): void {
  const { store, version, ledger, reloader, added, inFlight, workers } = own;
  metrics.info('tollgate_build_info', { version, node: process.version });
  spoolMetrics(metrics, ledger);
  reloadGauges(reloader, metrics);
  metrics.gauge('tollgate_config_left_out', () => added.leftOut('provider').length + added.leftOut('model').length);
  metrics.gauge('tollgate_in_flight_requests', inFlight);
  metrics.gauge('tollgate_workers', workers);
  metrics.gauge('tollgate_database_up', () =>
    store.ping(PING_MS).then(
      () => 1,
      () => 0,
    ),
  );
}
