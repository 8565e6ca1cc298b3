/** The part of the composition that knows who may use the admin API: the admin key, users, their sessions and tokens. */
import { actorOf } from '../api/admin/auth.js';
import type { Config } from '../config/config.js';
import { Passwords } from '../identity/passwords.js';
import type { Clock } from '../lib/clock.js';
import type { Store } from '../store/pg.js';
import { queryOf } from '../store/query.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import { watchAdminKeys } from './admin-keys.js';
import { startOidc } from './oidc.js';

interface PeopleDeps {
  readonly store: Store;
  readonly embedded: boolean;
  readonly inForce: () => { readonly config: Config };
  readonly admin: () => { readonly key: string };
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

export async function startPeople({ store, embedded, inForce, admin, clock, log, metrics }: PeopleDeps) {
  const adminKey = () => admin().key;
  const adminKeys = await watchAdminKeys({ store, embedded }, () => actorOf(adminKey()), log);
  const oidc = startOidc(inForce, clock);
  return {
    /** For the admin API. */
    admin: {
      adminKey,
      onWrongKey: (reason: string) => metrics.authFailure(reason),
      sessionTimes: () => inForce().config.admin.session,
      oidc: oidc.current,
      query: queryOf(store.pool),
      passwords: new Passwords(),
    },
    close: () => {
      adminKeys.close();
      oidc.close();
    },
  };
}
