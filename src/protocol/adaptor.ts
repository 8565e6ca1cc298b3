/**
 * What a provider states. An adaptor (`providers/*.ts`) holds facts and does no work: the wire formats live beside this
 * file, the bytes are moved by `upstream/`.
 */
import type { FailureRule, LimitHeader } from './failure-class.js';

/** The endpoints that a call can be made to, as keys and entries name them. */
export type Endpoint = 'chat';

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

interface AdaptorFacts {
  /** The `type` of a provider in the configuration. */
  readonly type: string;
  /** Where the API lives unless `base_url` says otherwise; null where there is no such default. */
  readonly baseUrl: string | null;
  /** Path below the base URL, per endpoint. */
  readonly paths: Readonly<Record<Endpoint, string>>;
  /** Headers that carry the credential and the API version. */
  headers(credential: string): Record<string, string>;
  /** The provider's name in the price catalogue; null where it has none. */
  readonly catalogue: string | null;
  /**
   * Counted tokens of a model are those of its nearest public encoding times `factor`; `exact` where it is the model's own.
   */
  counting(model: string): {
    readonly encoding: 'o200k_base' | 'cl100k_base';
    readonly factor: number;
    readonly exact: boolean;
  };
  /** What its errors mean, beyond what a status says by itself; the first rule that applies counts. */
  readonly failures: readonly FailureRule[];
  /** Where its answers tell what is left of its own limits. */
  readonly limitHeaders: readonly LimitHeader[];
  /** An upstream inside the process, instead of one behind HTTP. */
  readonly local?: LocalUpstream;
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
