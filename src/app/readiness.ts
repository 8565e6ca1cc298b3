/** The services that requests need, as `/readyz` tells of them. */
import type { Ledger } from '../ledger/ledger.js';
import type { Store } from '../store/pg.js';
import { databaseHealth } from './database.js';
import { type OpenedSpool, spoolHealth } from './spool.js';

interface Services {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly spool: OpenedSpool;
  readonly limits: { detail(): string };
  /** Where there is more than one process. */
  readonly crew: { health(): { readonly ok: boolean; readonly detail: string } } | undefined;
}

export const readiness = async ({ store, ledger, spool, limits, crew }: Services) => ({
  database: await databaseHealth(store),
  spool: await spoolHealth(ledger, spool),
  limits: { ok: true, detail: limits.detail() },
  ...(crew && { workers: crew.health() }),
});
