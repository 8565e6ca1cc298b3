/** Makes of a configuration what requests work with; what outlives it is handed in once. */
import { snapshotOf } from '../catalog/snapshot.js';
import type { Config } from '../config/config.js';
import type { Clock } from '../lib/clock.js';
import { outboundFetch } from '../lib/outbound-fetch.js';
import { NO_PROXIES } from '../lib/proxy-rules.js';
import { Signers } from '../provider/accounts.js';
import type { ProviderType } from '../provider/provider-type.js';
import type { TargetStates } from '../router/states.js';
import type { Pools } from '../upstream/pool.js';
import type { Embedding } from './cache.js';

interface MakerDeps {
  readonly providers: Readonly<Record<string, ProviderType>>;
  readonly pools: Pools;
  readonly states: TargetStates;
  readonly embedding: Embedding;
  readonly version: string;
  readonly clock: Clock;
}

export function snapshotMaker({ providers, pools, states, embedding, version, clock }: MakerDeps) {
  let proxies = NO_PROXIES;
  const signers = new Signers({ fetch: outboundFetch(() => proxies), nowMs: () => clock.now() });
  return (config: Config) => {
    proxies = config.proxies;
    return snapshotOf(config, {
      ...{ providers, pools, states, signers },
      embedder: embedding.similarity,
      localEmbeddings: embedding.upstream,
      userAgent: `tollgate/${version}`,
      nowMs: clock.now(),
    });
  };
}
