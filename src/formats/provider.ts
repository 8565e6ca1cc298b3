/**
 * What a provider states. An adaptor (`providers/*.ts`) holds facts and does no work: the wire formats live beside this
 * file, the bytes are moved by `upstream/`.
 */
import type { FailureRule, LimitHeader } from './failure-class.js';

/** The endpoints that a call can be made to, as keys and entries name them. */
export type Endpoint = 'chat' | 'embeddings';

export type OutputField = 'max_tokens' | 'max_completion_tokens';

/** What the model of a target can do, where it differs from its dialect's defaults. */
export interface ModelFacts {
  /** Most tokens that the model can answer with. */
  readonly maxOutput: number;
  /** `temperature`, `top_p`, `top_k` are refused. */
  readonly rejectsSampling: boolean;
  /** `thinking: {type: "adaptive"}` and `output_config.effort` are understood. */
  readonly adaptiveThinking: boolean;
  /** `thinking: {type: "disabled"}` is refused. */
  readonly rejectsThinkingDisabled: boolean;
  /** `thinking: {type: "enabled", budget_tokens}` is refused. */
  readonly rejectsBudgetThinking: boolean;
  /** `tool_choice` `any` and `tool` are refused. */
  readonly rejectsForcedTool: boolean;
  /** `output_config.format` with a JSON schema is understood. */
  readonly nativeStructuredOutput: boolean;
  /** `output_config.effort` may be `xhigh`. */
  readonly xhighEffort: boolean;
  /** `thinking: {type: "between_tools"}` is understood: the least thinking that the model can be brought down to. */
  readonly betweenToolsThinking: boolean;
  /** A last message of the assistant, to be continued by the answer, is refused. */
  readonly rejectsPrefill: boolean;
}

/** A CSV export of a provider's usage or cost: what its columns are called. */
export interface ExportFormat {
  readonly kind: 'usage' | 'cost';
  /** Columns that tell this format from others; all must be there. */
  readonly knownBy: readonly string[];
  /** The day or the time of the row: a date, ISO 8601, or Unix seconds. */
  readonly time: string;
  /** The model; of a cost export it may be a line item that begins with the model and goes on after `, `. */
  readonly model: string;
  /** Columns of tokens by kind, added up. `input` may include the cached ones: then `inputIncludesCached`. */
  readonly tokens?: {
    readonly input: readonly string[];
    readonly cache_read: readonly string[];
    readonly cache_write: readonly string[];
    readonly output: readonly string[];
    readonly inputIncludesCached: boolean;
  };
  readonly requests?: string;
  /** US dollars, and the column that names the currency where there is one. */
  readonly cost?: { readonly amount: string; readonly currency?: string };
}

interface AdaptorFacts {
  /** The `type` of a provider in the configuration. */
  readonly type: string;
  /** Where the API lives unless `base_url` says otherwise; null where there is no such default. */
  readonly baseUrl: string | null;
  /** Path below the base URL of each endpoint that it has. */
  readonly paths: Readonly<Partial<Record<Endpoint, string>>>;
  /** Headers that carry the credential and the API version. */
  headers(credential: string): Record<string, string>;
  /** The provider's name in the price catalogue; null where it has none. */
  readonly catalogue: string | null;
  /**
   * Counted tokens of a model are those of its nearest public encoding times `factor`; `exact` where it is the model's own.
   */
  counting(model: string): {
    readonly encoding: 'o200k_base' | 'cl100k_base' | 'quarter_bytes';
    readonly factor: number;
    readonly exact: boolean;
  };
  /** What its errors mean, beyond what a status says by itself; the first rule that applies counts. */
  readonly failures: readonly FailureRule[];
  /** Where its answers tell what is left of its own limits. */
  readonly limitHeaders: readonly LimitHeader[];
  /** What a service tier costs as a multiple of the list price, by the provider's name for the tier; 1 where it is not told. */
  readonly serviceMultipliers?: Readonly<Record<string, number>>;
  /** How the provider's usage and cost exports are read. */
  readonly exports?: readonly ExportFormat[];
  /** Most tokens that a model answers with where a request names no maximum; null where that is not known. */
  maxOutput?(model: string): number | null;
  /** The field that bounds the answer of a chat completion that names no maximum; `max_tokens` unless stated. */
  readonly outputField?: OutputField;
  /** Most texts that one embeddings request may have; left out where that is not known. */
  readonly mostInputs?: number;
  /** An upstream inside the process, instead of one behind HTTP: its own, or the embedding model that the gateway has. */
  readonly local?: LocalUpstream | 'embedding-model';
  /** The only models that it has. */
  readonly models?: readonly string[];
  /** It costs nothing unless the configuration says otherwise. */
  readonly free?: true;
}

/** A provider, with what its dialect needs to know of a model. */
export type Adaptor = AdaptorFacts &
  ({ readonly dialect: 'openai-chat' } | { readonly dialect: 'anthropic-messages'; facts(model: string): ModelFacts });

export interface LocalRequest {
  readonly path: string;
  readonly body: Buffer;
  readonly signal: AbortSignal;
}

export interface LocalAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes as an upstream would send them; throwing means a connection that was cut. */
  readonly body: AsyncIterable<Buffer>;
}

export type LocalUpstream = (request: LocalRequest) => Promise<LocalAnswer>;
