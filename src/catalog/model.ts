/** The models of one configuration snapshot, with everything about a target that can be known before a request comes. */
import type { CachePolicy } from '../cache/cache.js';
import type { FailureRule } from '../formats/failure-rules.js';
import type { ForcedToolChoice } from '../formats/translation.js';
import type { Guards } from '../guardrails/guards.js';
import type { ModelAbilities } from '../lib/abilities-spec.js';
import type { CaptureMode } from '../lib/capture-spec.js';
import type { Limit } from '../limits/limit.js';
import type { Price } from '../pricing/price.js';
import type { CountingRule, ProviderType } from '../provider/provider-type.js';
import type { Retry } from '../router/backoff.js';
import type { Balance, Candidate } from '../router/balance.js';
import type { RetryBudget } from '../router/retry-budget.js';
import type { Rules } from '../router/rules.js';
import type { Timeouts } from '../upstream/deadline.js';
import type { Carriers } from './carrier.js';

/** `slot`: which of the provider's credentials. `headers`: names and values in turn. */
export type RequestSigning = (
  slot: number,
  path: string,
  headers: readonly string[],
  body: Buffer,
  nowMs: number,
) => Promise<Readonly<Record<string, string>>>;

export interface Target extends Candidate {
  /** `provider/model` as the configuration has it, for metrics; a wildcard's targets share one. */
  readonly label: string;
  /** Its id as a word of what entries keep of decisions (`lib/word-text.ts`). */
  readonly word: string;
  readonly provider: string;
  /** What of its provider decides who answers, and how: the base of its URLs, and the headers that are set for it. */
  readonly place: string;
  /** The host of it. */
  readonly host: string;
  /** The model's name at the provider. */
  readonly model: string;
  readonly providerType: ProviderType;
  /** What its errors mean: the rules of the configuration, then those of the provider's type. */
  readonly failures: readonly FailureRule[];
  /** Most tokens that it answers with where a request names no maximum; null where that is not known. */
  readonly maxOutput: number | null;
  /** Tokens of a request and its answer, as the price catalogue has it; null where that is not known. */
  readonly contextWindow: number | null;
  /** What the model takes and gives, as far as it is known. */
  readonly abilities: ModelAbilities;
  /** The limits that hang on the target: one counter for all that a wildcard stands for. */
  readonly limits: readonly Limit[];
  /** How the model's tokens are counted. */
  readonly counting: CountingRule;
  /** How requests of each format reach it. */
  readonly carriers: Carriers;
  /** Makes the headers that are of one request alone, with one of the credentials; null: there are none. */
  readonly sign: RequestSigning | null;
  /** Told that a signed request was refused. True: it may be sent once more, signed anew. */
  readonly signRefused: () => boolean;
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
  /** Bounds the further attempts of all its requests together; one for all names of a wildcard. Null: nothing does. */
  readonly retryBudget: RetryBudget | null;
  /** Names of models. */
  readonly fallbacks: readonly string[];
  readonly contextWindowFallbacks: readonly string[];
  readonly contentPolicyFallbacks: readonly string[];
  /** Milliseconds after which a second target is asked as well; null: never. */
  readonly hedgeAfterMs: number | null;
  /** How much of a stream's text is held back, and for how long; null: none. */
  readonly probe: { readonly text: number; readonly wait: number } | null;
  /** An answer without content and without a call of a tool is a failure. */
  readonly refuseEmpty: boolean;
  /** One target and no fallback of any kind: there is nothing to choose. */
  readonly lone: boolean;
  /** How many requests have been planned. */
  readonly turns: { next: number };
  /** Of streams. */
  readonly timeouts: Timeouts;
  /** Of whole answers, whose first byte is as late as their last: `total` alone bounds them. */
  readonly wholeTimeouts: Timeouts;
  /** Of streams: how long a caller waits for a comment, before an upstream has begun to answer and after. Milliseconds. */
  readonly keepAlive: { readonly firstMs: number; readonly silenceMs: number };
  /** Most tokens of an answer, as configured; null: no such cap. */
  readonly maxOutput: number | null;
  /** The limits that hang on the model: one counter for all names that a wildcard stands for. */
  readonly limits: readonly Limit[];
  /** What a target's dialect cannot express is left out instead of refused. */
  readonly dropParams: boolean;
  /** What happens to a call of a tool that is asked for where the model cannot be held to it. */
  readonly forcedToolChoice: ForcedToolChoice;
  /** Null: its answers are not cached. */
  readonly cache: CachePolicy | null;
  /** Whether what passes is kept; null: it says nothing. */
  readonly capture: CaptureMode | null;
  /** Names of the guards of the model. */
  readonly guards: readonly string[];
}

export interface Models {
  /** By its public name, or by the wildcard that the name matches. */
  get(name: string): Model | undefined;
  /** Those that have a name of their own. */
  list(): readonly Model[];
  /** Those that were asked for lately under a name with a `*`. */
  asked(): readonly Model[];
  /** The limits that hang on a model, by its name or by the wildcard that it is behind; undefined: there is no such model. */
  limitsOf(name: string): readonly Limit[] | undefined;
  /** Models and targets (`provider/model`) as the configuration names them, with their `*`. */
  readonly written: { readonly models: readonly string[]; readonly targets: readonly string[] };
  /** Whether what passes is kept where nobody says otherwise, and whether models say. */
  readonly capture: { readonly content: CaptureMode; readonly byModel: boolean };
  readonly guards: Guards;
  /** When this snapshot was made, seconds since the Unix epoch. */
  readonly createdS: number;
}
