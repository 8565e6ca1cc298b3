/** The part of the composition that tells receivers what happened: where events come from, and in which words. */

import { showKey } from '../api/admin/answers.js';
import type { Config } from '../config/config.js';
import type { ReloadResult } from '../config/reload.js';
import { expiringKeys } from '../identity/expiring-pg.js';
import type { Key } from '../identity/key.js';
import type { TellKey } from '../identity/keys.js';
import type { InTransaction } from '../ledger/ledger-pg.js';
import { entryJson } from '../ledger/page.js';
import type { Clock } from '../lib/clock.js';
import type { BreakerEvent } from '../router/states.js';
import type { Store } from '../store/pg.js';
import { queryOf, sqlOf } from '../store/query.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { openWebhooks } from '../webhooks/open.js';

interface WebhooksDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly embedded: boolean;
}

const keyShown = (key: Key) => ({ id: key.id, expiresAt: key.expires_at, data: showKey(key) });

/** Deliveries begin when this resolves. */
export async function startWebhooks({ config, clock, log, metrics, store, embedded }: WebhooksDeps) {
  const opened = await openWebhooks({
    ...{ sql: sqlOf(store.pool), clock, log, config, alone: embedded },
    onResult: (result, count) => metrics.webhookDelivery(result, count),
    expiring: async (from, to) => (await expiringKeys(store.db)(from, to)).map(keyShown),
  });
  const { webhooks } = opened;
  const { emit } = webhooks;
  metrics.gauge('tollgate_webhook_events_dropped', () => webhooks.dropped);
  const tellKey: TellKey = (tx, event, key) => opened.keyChanged(tx.query, event, keyShown(key));
  const tellEntries: InTransaction = (client, added) =>
    opened.recorded(queryOf(client), added.length, (i) => entryJson(added[i]!));
  return {
    /** For the admin API. */
    admin: webhooks,
    emit,
    tellKey,
    tellEntries,
    tellBreaker: ({ target, state, why }: BreakerEvent) => emit(`target.${state}`, { target, state, why }),
    tellReload: (result: ReloadResult) => tellReload(result, emit),
    configure: (next: Config) => opened.configure(next),
    close: () => opened.close(),
  };
}

function tellReload(result: ReloadResult, emit: Awaited<ReturnType<typeof openWebhooks>>['webhooks']['emit']): void {
  const { trigger, file } = result;
  if (result.status === 'rejected') emit('config.rejected', { trigger, file, problems: result.problems });
  else if (result.status === 'reloaded') {
    const { hash, changed, restart } = result;
    emit('config.reloaded', { trigger, file, hash, changed, restart });
  }
}
