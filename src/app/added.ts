/** The part of the composition that has providers and models which stand in the database. */
import type { AddedEntry, LoadedWithAdded } from '../config/added.js';
import type { Config } from '../config/config.js';
import type { Draft } from '../config/draft.js';
import type { Source } from '../config/load.js';
import type { Changes } from '../identity/changes.js';
import type { Clock } from '../lib/clock.js';
import { createSeal } from '../lib/seal.js';
import { secretsKeyOf } from '../lib/secrets-key.js';
import { AddedConfiguration } from '../operations/added-configuration.js';
import { AddedRows } from '../operations/added-pg.js';
import type { ProviderType } from '../provider/provider-type.js';
import type { Store } from '../store/pg.js';
import { queryOf } from '../store/query.js';
import type { Log } from '../telemetry/log.js';
import { lookAtProviders } from './doctor/providers.js';

interface AddedDeps {
  readonly config: Config;
  readonly source: Source;
  readonly load: (again: Source, added: readonly AddedEntry[], draft?: Draft) => Promise<LoadedWithAdded>;
  readonly store: Store;
  readonly changes: Changes;
  readonly clock: Clock;
  readonly log: Log;
}

export const createAdded = ({ config, source, load, store, changes, clock, log }: AddedDeps): AddedConfiguration =>
  new AddedConfiguration({
    rows: new AddedRows(createSeal(secretsKeyOf(config), 'added configuration')),
    query: queryOf(store.pool),
    load: (added, draft) => load(source, added, draft),
    nowMs: () => clock.now(),
    ...{ changes, log },
  });

/** What asking a provider of the configuration shows; undefined: there is none of this name. */
export const providerTest =
  (config: () => Config, types: Readonly<Record<string, ProviderType>>) => async (name: string) => {
    const { providers, models } = config();
    const provider = Object.hasOwn(providers, name) ? providers[name] : undefined;
    if (!provider) return undefined;
    const [found] = await lookAtProviders({ ...config(), providers: { [name]: provider }, models }, types);
    return found;
  };
