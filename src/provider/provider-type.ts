/**
 * What a type of provider states (`providers/*.ts`): facts, and no work. The wire formats are in `formats/`, the bytes are moved
 * by `upstream/`.
 */
import type { ModelFacts } from '../formats/anthropic-messages/model-facts.js';
import type { ConverseFacts } from '../formats/bedrock-converse/facts.js';
import type { FailureRule, LimitHeader } from '../formats/failure-rules.js';
import type { FormatId } from '../formats/format-id.js';
import type { ChatDialect } from '../formats/openai-chat/dialect.js';
import type { EmbeddingsDialect } from '../formats/openai-embeddings/native.js';
import type { OutputField } from '../formats/translation.js';
import type { ProviderSettings, SettingName, SettingRules } from '../lib/provider-settings.js';
import type { Signer, SignerOf } from './signers.js';
import type { Wrapping } from './wrapping.js';

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
  /** Of the account: a path may hold its project, its region, a version. */
  readonly settings: ProviderSettings;
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

/** A format as a provider speaks it, where there is more to say of it than its path. */
export interface SpokenFormat {
  readonly path: Path;
  /** Headers that requests of this format have beside the account's. */
  readonly headers?: Signer;
  /** What its bodies and streams have around them that the format's own maker does not have. */
  readonly wrapping?: Wrapping;
}

export type Spoken = Readonly<Partial<Record<FormatId, Path | SpokenFormat>>>;

export interface ProviderType {
  /** The `type` of a provider in the configuration. */
  readonly type: string;
  /** Its name in OpenTelemetry's conventions, where that is another one than `type`. */
  readonly genAiName?: string;
  /** Where the API lives unless `base_url` says otherwise; null where there is no such default. */
  readonly baseUrl: string | ((settings: ProviderSettings) => string) | null;
  /** The wire formats that it speaks, and the path of each below the base URL. */
  readonly speaks: Spoken;
  /** Where it counts the tokens of a request without answering it, for free: the path for each format. */
  readonly counts?: Readonly<Partial<Record<FormatId, Path>>>;
  /** Formats that it speaks only where `speaks` of the configuration says so. */
  readonly maySpeak?: Spoken;
  /** Which of its formats a model is spoken to in; all of them unless stated. */
  formatsOf?(model: string, settings: ProviderSettings): readonly FormatId[];
  /** The settings that an account of this type has beside those that all have. */
  readonly settings?: SettingRules;
  /** How a request carries the credential. */
  readonly auth: Signer;
  /** Headers of callers that go on to it. */
  readonly passHeaders?: PassHeaders;
  /** What each request needs beside `auth`, made for it alone: a signature, a token that ends. One signer serves an account. */
  readonly sign?: SignerOf;
  /** Variables of the environment that hold a key where the configuration states no credential of any kind. */
  readonly keyEnv?: readonly string[];
  /** Settings that together stand in for a key. An empty list: the account finds a credential of its own. */
  readonly insteadOfKey?: readonly (readonly SettingName[])[];
  /** It answers nobody without a credential: a provider that has none is never asked. */
  readonly needsCredential?: true;
  /** The provider's name in the price catalogue; null where it has none. */
  readonly catalogue: string | null;
  counting(model: string): CountingRule;
  /** What its errors mean, beyond what a status says by itself; the first rule that applies counts. */
  readonly failures: readonly FailureRule[];
  /** A header that tells an error's type, where its body does not. */
  readonly errorTypeHeader?: string;
  /** Where its answers say what it calls the request; `x-request-id` unless stated. */
  readonly requestIdHeader?: string;
  /** Where its answers tell what is left of its own limits. */
  readonly limitHeaders: readonly LimitHeader[];
  /** How the provider's usage and cost exports are read. */
  readonly exports?: readonly ExportFormat[];
  /** Most tokens that a model answers with where a request names no maximum; null where that is not known. */
  maxOutput?(model: string): number | null;
  /** The field that bounds the answer of a chat completion that names no maximum; `max_tokens` unless stated. */
  outputField?(model: string): OutputField;
  /** False: it refuses to be asked for the usage of a stream, unless the configuration says `usage: ask`. */
  readonly asksUsage?: false;
  /** Files are turned into text for models that read none. */
  readonly readsFiles?: true;
  /** How its chat completions differ from OpenAI's. */
  chatDialect?(model: string): ChatDialect;
  /** How its embeddings differ from OpenAI's. */
  readonly embeddings?: EmbeddingsDialect;
  /** Most texts that one embeddings request may have; left out where that is not known. */
  readonly mostInputs?: number | ((model: string) => number);
  /** It is Vertex AI, which takes Google's dialect in ways of its own. */
  readonly atVertex?: true;
  /** What a model can do, where the provider speaks a format that depends on it. */
  modelFacts?(model: string): ModelFacts;
  converseFacts?(model: string): ConverseFacts;
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
