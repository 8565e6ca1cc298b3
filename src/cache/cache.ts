/** The answer cache as the request path sees it: what may be kept, for whom, and what an entry is. */
import type { Usage } from '../formats/usage.js';

export type CacheState = 'hit' | 'semantic' | 'miss' | 'off';

/** With whom an answer is shared: the end user, the key, or all keys of a team. From narrow to wide. */
export const shares = ['user', 'key', 'team'] as const;
export type Share = (typeof shares)[number];

/** A model's cache as configured. Times in milliseconds. */
export interface CachePolicy {
  readonly exact: boolean;
  readonly semantic: SemanticPolicy | null;
  readonly ttl: number;
  readonly share: Share;
}

export interface SemanticPolicy {
  /** Least cosine similarity of a hit. */
  readonly threshold: number;
  /** How far the best candidate must be ahead of the best one with another answer. */
  readonly margin: number;
  readonly guards: 'off' | 'standard' | 'strict';
  /** Verified mode: the share of hits that may be wrong; null: the threshold stands as it is. */
  readonly max_error_rate: number | null;
  /** Verified mode: the share of would-be hits that are answered upstream instead, to be compared. */
  readonly audit_rate: number;
  /** Verified mode: what happens before enough was seen to vouch for the bound. */
  readonly until_certified: 'serve' | 'miss';
  /** Most turns of a conversation whose last message may be matched by meaning. */
  readonly max_turns: number;
  /** Prompts of other languages are not compared by meaning. */
  readonly languages: readonly string[];
}

/** Languages that can be told apart. In the first four the comparison was measured. */
export const semanticLanguages = ['en', 'de', 'fr', 'es', 'it', 'pt', 'nl', 'sv', 'pl', 'tr'] as const;

/** What `npm run bench:cache` measures as the default, for the model that comes with the gateway. */
export const semanticDefaults: SemanticPolicy = {
  threshold: 0.85,
  margin: 0.1,
  guards: 'standard',
  max_error_rate: null,
  audit_rate: 0.05,
  until_certified: 'serve',
  max_turns: 4,
  languages: ['en', 'de', 'fr', 'es'],
};

/**
 * For any other embedding model, of which nothing was measured here: a threshold belongs to a model, so it errs to the safe
 * side until the configuration states one.
 */
export const unmeasuredThreshold = 0.95;

/** One kept answer. `body` is whole and in the dialect of its endpoint. */
export interface CachedAnswer {
  /** `cch_...`: names the entry towards callers and the admin API. */
  readonly id: string;
  /** HMAC of the request within its scope, base64url. */
  readonly key: string;
  readonly body: Buffer;
  readonly model: string;
  readonly team: string | null;
  readonly key_id: string;
  readonly tags: readonly string[];
  readonly provider: string;
  readonly target: string;
  readonly served_model: string | null;
  readonly price_version: string;
  /** What the answer used and cost when it was made. */
  readonly tokens: Usage;
  readonly cost_nusd: number;
  /** The newest purge that was known when the request began: a later one that covers the entry makes it invalid. */
  readonly epoch: number;
  readonly created_at: number;
  readonly expires_at: number;
}

/** What outlives the process. Every method may throw where the store is away; nothing waits for one longer than its turn. */
export interface AnswerStore {
  get(key: string): Promise<CachedAnswer | undefined>;
  /** Keeps answers; of two with one key the later stays. */
  put(answers: readonly CachedAnswer[]): Promise<void>;
  /** True where there was such an entry. */
  remove(id: string): Promise<boolean>;
  /** How many answers a purge of this name would cover that are good, in view of the purges before it. */
  count(kind: PurgeKind, name: string, nowMs: number, purges: readonly Purge[]): Promise<number>;
  /** Deletes what expired before `nowMs` and what `purges` made invalid, at most `most` entries; answers how many. */
  sweep(nowMs: number, purges: readonly Purge[], most: number): Promise<number>;
}

export type PurgeKind = 'all' | 'model' | 'team' | 'key' | 'tag' | 'entry';

/** A purge: entries of `name` whose epoch is below `seq` are invalid. `name` is empty for `all`. */
export interface Purge {
  readonly kind: PurgeKind;
  readonly name: string;
  readonly seq: number;
}
