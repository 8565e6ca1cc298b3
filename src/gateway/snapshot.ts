/** A configuration with all that is made of it, as one thing that comes into force and goes out of it. */
import type { Config } from '../config/config.js';
import { Snapshot } from '../config/snapshot.js';
import type { Embedder } from '../lib/embedder.js';
import type { Adaptor, LocalUpstream } from '../protocol/adaptor.js';
import type { TargetStates } from '../router/states.js';
import type { Pools } from '../upstream/pool.js';
import type { Models } from './model.js';
import { modelsOf } from './models-of.js';

export interface InForce {
  readonly config: Config;
  readonly models: Models;
}

interface Parts {
  readonly adaptors: Readonly<Record<string, Adaptor>>;
  readonly pools: Pools;
  /** What is known of targets; outlives the snapshot. */
  readonly states: TargetStates;
  readonly userAgent: string;
  readonly embedder: Embedder | null;
  readonly localEmbeddings: LocalUpstream;
  readonly nowMs: number;
}

/** Pools that the snapshot in force has as well are the same pools; where making it fails, none is kept. */
export function snapshotOf(config: Config, { pools, ...parts }: Parts): Snapshot<InForce> {
  const lease = pools.lease();
  try {
    return new Snapshot({ config, models: modelsOf(config, { ...parts, pools: lease }) }, () => lease.end());
  } catch (error) {
    lease.end();
    throw error;
  }
}
