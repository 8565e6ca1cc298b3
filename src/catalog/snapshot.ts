/** A configuration with all that is made of it, as one thing that comes into force and goes out of it. */
import type { Config } from '../config/config.js';
import { modelConfigOf } from '../config/resolve-model.js';
import { Snapshot } from '../config/snapshot.js';
import type { Embedder } from '../lib/embedder.js';
import type { Signers } from '../provider/accounts.js';
import type { LocalUpstream, ProviderType } from '../provider/provider-type.js';
import type { TargetStates } from '../router/states.js';
import type { Pools } from '../upstream/pool.js';
import type { Models } from './model.js';
import { type ModelsDeps, modelsOf } from './models-of.js';
import { type HealthProbe, probesOf } from './probes.js';

export interface InForce {
  readonly config: Config;
  readonly models: Models;
  readonly probes: readonly HealthProbe[];
  /** What prompts are embedded by, where that is a model behind a provider. */
  readonly cacheEmbedding: CacheEmbedding | null;
}

interface CacheEmbedding {
  readonly model: string;
  /** Has it: those that callers may ask for, or it alone. */
  readonly models: Models;
}

interface SnapshotDeps {
  readonly providers: Readonly<Record<string, ProviderType>>;
  readonly pools: Pools;
  /** What is known of targets; outlives the snapshot. */
  readonly states: TargetStates;
  /** Of accounts that sign their requests; outlives the snapshot. */
  readonly signers: Signers;
  readonly userAgent: string;
  readonly embedder: Embedder | null;
  readonly localEmbeddings: LocalUpstream;
  readonly nowMs: number;
}

/** Pools that the snapshot in force has as well are the same pools; where making it fails, none is kept. */
export function snapshotOf(config: Config, { pools, ...deps }: SnapshotDeps): Snapshot<InForce> {
  const lease = pools.lease();
  try {
    const models = modelsOf(config, { ...deps, pools: lease });
    const cacheEmbedding = embeddingOf(config, models, { ...deps, pools: lease });
    const probes = probesOf(config, { ...deps, pools: lease });
    return new Snapshot({ config, models, probes, cacheEmbedding }, () => lease.end());
  } catch (error) {
    lease.end();
    throw error;
  }
}

/** A model of a provider that is not among the models is made one, which only the gateway can ask for. */
function embeddingOf(config: Config, models: Models, deps: ModelsDeps): CacheEmbedding | null {
  const { embedding } = config.cache;
  if (embedding.type !== 'provider') return null;
  const { provider, model } = embedding;
  if (provider === null) return { model, models };
  const name = `${provider}/${model}`;
  const written = modelConfigOf(config.defaults, { provider, model });
  return { model: name, models: modelsOf({ ...config, models: { [name]: written } }, deps) };
}
