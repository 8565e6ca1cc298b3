/** Makes of a configuration what requests work with; what outlives it is handed in once. */
import { snapshotOf } from '../catalog/snapshot.js';
import type { Config } from '../config/config.js';
import type { Clock } from '../lib/clock.js';
import { outboundFetch } from '../lib/outbound-fetch.js';
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
  /** A configuration that is tried may be refused yet: what outlives it goes by the one in force. */
  readonly inForce: () => { readonly config: Pick<Config, 'proxies'> };
}

export function snapshotMaker({ providers, pools, states, embedding, version, clock, inForce }: MakerDeps) {
  const signers = new Signers({ fetch: outboundFetch(() => inForce().config.proxies), nowMs: () => clock.now() });
  return (config: Config) =>
    snapshotOf(config, {
      ...{ providers, pools, states, signers },
      embedder: embedding.similarity,
      localEmbeddings: embedding.upstream,
      userAgent: `tollgate/${version}`,
      nowMs: clock.now(),
    });
}
