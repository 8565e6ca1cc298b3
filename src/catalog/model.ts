/** The models of one configuration snapshot, with everything about a target that can be known before a request comes. */
import type { CachePolicy } from '../cache/cache.js';
import type { Adaptor, Endpoint } from '../formats/provider.js';
import type { Limit } from '../limits/limit.js';
import type { Price } from '../pricing/price.js';
import type { Retry } from '../router/backoff.js';
import type { Balance, Candidate } from '../router/balance.js';
import type { Rules } from '../router/rules.js';
import type { UpstreamCall } from '../upstream/attempt.js';
import type { Timeouts } from '../upstream/deadline.js';

export interface Target extends Candidate {
  /** `provider/model` as the configuration has it, for metrics; a wildcard's targets share one. */
  readonly label: string;
  readonly provider: string;
  /** The model's name at the provider. */
  readonly model: string;
  readonly adaptor: Adaptor;
  /** Most tokens that it answers with where a request names no maximum; null where that is not known. */
  readonly maxOutput: number | null;
  /** The limits that hang on the target. */
  readonly limits: readonly Limit[];
  /** How the model's tokens are counted. */
  readonly counting: ReturnType<Adaptor['counting']>;
  /** Where each endpoint that it has is. */
  readonly to: Readonly<Partial<Record<Endpoint, UpstreamCall['to']>>>;
  /**
   * For each of the provider's credentials, in the order of `state.slots`, names and values in turn: the credential, the API
   * version, what the configuration adds.
   */
  readonly headers: readonly (readonly string[])[];
  /** What it costs at a time; undefined: the target is not served, since that is not known. */
  readonly priceAt: (nowMs: number) => Price | undefined;
  /** Takes credentials and internal hosts out of an upstream's words. */
  readonly clean: (text: string) => string;
}

export interface Model {
  /** The public name. */
  readonly name: string;
  /** The name as the configuration has it, for metrics; all that a wildcard stands for share one. */
  readonly label: string;
  /** Which other model serves; null: the model has targets of its own. */
  readonly route: Rules | null;
  /** Empty where there is a route. */
  readonly targets: readonly Target[];
  readonly balance: Balance;
  readonly affinity: 'none' | 'prompt' | 'user';
  readonly retry: Retry;
  /** Names of models. */
  readonly fallbacks: readonly string[];
  readonly contextWindowFallbacks: readonly string[];
  readonly contentPolicyFallbacks: readonly string[];
  /** Milliseconds after which a second target is asked as well; null: never. */
  readonly hedgeAfterMs: number | null;
  /** How much of a stream's text is held back, and for how long; null: none. */
  readonly probe: { readonly text: number; readonly wait: number } | null;
  /** One target and no fallback of any kind: there is nothing to choose. */
  readonly lone: boolean;
  /** How many requests have been planned. */
  readonly turns: { next: number };
  readonly timeouts: Timeouts;
  /** Most tokens of an answer, as configured; null: no such cap. */
  readonly maxOutput: number | null;
  /** The limits that hang on the model. */
  readonly limits: readonly Limit[];
  /** What a target's dialect cannot express is left out instead of refused. */
  readonly dropParams: boolean;
  /** Null: its answers are not cached. */
  readonly cache: CachePolicy | null;
}

export interface Models {
  /** By its public name, or by the wildcard that the name matches. */
  get(name: string): Model | undefined;
  /** Those that have a name of their own. */
  list(): readonly Model[];
  /** Those that were asked for lately under a name with a `*`. */
  asked(): readonly Model[];
  /** When this snapshot was made, seconds since the Unix epoch. */
  readonly createdS: number;
}
