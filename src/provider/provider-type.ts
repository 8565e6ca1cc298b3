/**
 * What a type of provider states (`providers/*.ts`): facts, and no work. The wire formats are in `formats/`, the bytes are moved
 * by `upstream/`.
 */
import type { ModelFacts } from '../formats/anthropic-messages/model-facts.js';
import type { FailureRule, LimitHeader } from '../formats/failure-rules.js';
import type { FormatId } from '../formats/format-id.js';
import type { OutputField } from '../formats/translation.js';
import type { RequestSigner, Signer } from './signers.js';

/**
 * Counted tokens of a model are those of its nearest public encoding times `factor`; `exact` where it is the model's own.
 */
export interface CountingRule {
  readonly encoding: 'o200k_base' | 'cl100k_base' | 'quarter_bytes';
  readonly factor: number;
  readonly exact: boolean;
  /** Whose measured tokenizers bound the count where it is not exact; those of open models unless stated. */
  readonly bound?: 'open' | 'claude' | 'claude_4_7';
}

/** An export of a provider's usage or cost: what its columns are called, or the fields of its API's answers (`amount.value`). */
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
  /** Dollars unless `unit` says cents, and the column that names the currency where there is one. */
  readonly cost?: { readonly amount: string; readonly currency?: string; readonly unit?: 'cents' };
}

/** What a path below the base URL may depend on. */
export interface PathFacts {
  /** The model's name at the provider, as it stands in a path: encoded. */
  readonly model: string;
  readonly stream: boolean;
}

/** A path below the base URL, with a query where there is one. */
export type Path = string | ((facts: PathFacts) => string);

/** Names of headers, in lower case. */
export interface PassHeaders {
  /** With every request, unless the provider's configuration names others. */
  readonly always: readonly string[];
  /**
   * With requests whose caller speaks the provider's own format, since they say how the body is to be read; in place of what the
   * type states by itself.
   */
  readonly native: readonly string[];
}

export interface ProviderType {
  /** The `type` of a provider in the configuration. */
  readonly type: string;
  /** Where the API lives unless `base_url` says otherwise; null where there is no such default. */
  readonly baseUrl: string | null;
  /** The wire formats that it speaks, and the path of each below the base URL. */
  readonly speaks: Readonly<Partial<Record<FormatId, Path>>>;
  /** Where it counts the tokens of a request without answering it, for free: the path for each format. */
  readonly counts?: Readonly<Partial<Record<FormatId, Path>>>;
  /** How a request carries the credential. */
  readonly auth: Signer;
  /** What each request needs beside `auth`, made for it alone: a signature, a token that ends. */
  readonly sign?: RequestSigner;
  /** Headers of callers that go on to it. */
  readonly passHeaders?: PassHeaders;
  /** It answers nobody without a credential: a provider that has none is never asked. */
  readonly needsCredential?: true;
  /** The provider's name in the price catalogue; null where it has none. */
  readonly catalogue: string | null;
  counting(model: string): CountingRule;
  /** What its errors mean, beyond what a status says by itself; the first rule that applies counts. */
  readonly failures: readonly FailureRule[];
  /** Where its answers tell what is left of its own limits. */
  readonly limitHeaders: readonly LimitHeader[];
  /** How the provider's usage and cost exports are read. */
  readonly exports?: readonly ExportFormat[];
  /** Most tokens that a model answers with where a request names no maximum; null where that is not known. */
  maxOutput?(model: string): number | null;
  /** The field that bounds the answer of a chat completion that names no maximum; `max_tokens` unless stated. */
  outputField?(model: string): OutputField;
  /** Most texts that one embeddings request may have; left out where that is not known. */
  readonly mostInputs?: number;
  /** What a model can do, where the provider speaks a format that depends on it. */
  modelFacts?(model: string): ModelFacts;
  /** An upstream inside the process, instead of one behind HTTP: its own, or the embedding model that the gateway has. */
  readonly local?: LocalUpstream | 'embedding-model';
  /** The only models that it has. */
  readonly models?: readonly string[];
  /** Where it lists its models (`data[].id`) for nothing, below the base URL. */
  readonly lists?: string;
  /** It costs nothing unless the configuration says otherwise. */
  readonly free?: true;
}

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
