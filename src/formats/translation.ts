/**
 * How one request is carried to a target: the body to send, and how to read what comes back. One instance per attempt, pure,
 * no I/O. Where the target speaks the caller's own format the caller's bytes go through (`native.ts` of the format); else a
 * translator in `translate/` stands behind the same interface.
 */
import type { ModelAbilities, StatedAbilities } from '../lib/abilities-spec.js';
import type { Refusal, Result } from '../lib/errors.js';
import type { ModelFacts } from './anthropic-messages/model-facts.js';
import type { ConverseFacts } from './bedrock-converse/facts.js';
import type { UpstreamFailure } from './failure.js';
import type { FormatId } from './format-id.js';
import type { GeminiModel } from './google-gemini/models.js';
import type { ChatDialect } from './openai-chat/dialect.js';
import type { EmbeddingsDialect } from './openai-embeddings/native.js';
import type { ModelRequest } from './request.js';
import type { Usage } from './usage.js';

/** The field that bounds the answer of a chat completion. */
export type OutputField = 'max_tokens' | 'max_completion_tokens';

/**
 * What becomes of a choice that a tool must be called where the model refuses it or its thinking rules it out: the request is
 * refused, the model may choose (`auto`), or it may choose and is told to call one (`instruct`).
 */
export type ForcedToolChoice = 'refuse' | 'auto' | 'instruct';

/** From the requests of one format to those of another, or of the same one (`native`). */
export interface Translator<R extends ModelRequest = ModelRequest> {
  readonly from: FormatId;
  readonly to: FormatId;
  /** No maximum beyond the model's own is sent, where that is known. */
  readonly boundsMaximum?: true;
  /** Refuses what the target cannot express, with the name of the field. What is large is written in turns. */
  translate(request: R, target: TargetFacts, terms: AttemptTerms): Result<Translation> | Promise<Result<Translation>>;
}

/** What a translator is told of the target: the same for every request. */
export interface TargetFacts {
  /** The model's name at the target. */
  readonly model: string;
  /** `provider/model`, for refusals. */
  readonly id: string;
  /** What the target cannot express is left out instead of refused. */
  readonly dropParams: boolean;
  readonly forcedToolChoice: ForcedToolChoice;
  /** What is known of the model, wherever it is served; left out: nothing is. */
  readonly abilities?: ModelAbilities;
  /** What of that the configuration states. */
  readonly stated?: StatedAbilities | null;
  /** Where the model is one of Google's; left out: as its name says. */
  readonly geminiModel?: GeminiModel;
  readonly modelFacts: ModelFacts | null;
  /** Where the target is spoken to by Bedrock's Converse. */
  readonly converseFacts?: ConverseFacts | null;
  readonly outputField: OutputField;
  /** Most tokens that it answers with; null where that is not known. */
  readonly maxOutput: number | null;
  /** How the vendor's chat completions differ from OpenAI's; null: not at all, as far as is known. */
  readonly chatDialect?: ChatDialect | null;
  /** The same of its embeddings. */
  readonly embeddingsDialect?: EmbeddingsDialect | null;
  /** A stream whose caller did not ask for usage is asked for it all the same. */
  readonly asksUsage: boolean;
  /** Most texts that one embeddings request may have; infinite where that is not known. */
  readonly mostInputs: number;
  /** Google's models are asked at Vertex AI, which differs from Google's API for developers. */
  readonly atVertex?: boolean;
}

/** What is told of the attempt. */
export interface AttemptTerms {
  /** The maximum of each choice to send instead of the caller's own; null: the caller's own. */
  readonly maxOutput: number | null;
  /** The target has refused to be asked for the usage of a stream. */
  readonly refusesUsage?: boolean;
  readonly nowMs: number;
  /** Tells when the answer is over. */
  readonly clock?: { now(): number };
}

/** A request that goes to the upstream in several, for it takes one thing at a time. */
export interface TranslatedParts {
  readonly bodies: readonly Buffer[];
  isAnswer(body: Buffer): boolean;
  /** What `answer` of the translation reads. `before`: those that an earlier attempt was answered, which paid for them. */
  join(answers: readonly Buffer[], before: ReadonlySet<number>): Buffer;
  /** What those that were answered used. */
  usageOf(answers: readonly Buffer[]): Usage | undefined;
}

export interface Translation {
  /** The bytes of the request to the upstream; of all its parts, where it has such. */
  readonly body: Buffer;
  readonly parts?: TranslatedParts;
  /** Names of request fields that the target's format cannot express and that were left out. */
  readonly dropped: readonly string[];
  /** The request asks for the usage of its stream, and its caller did not. */
  readonly asksUsage?: boolean;
  /** Reads a whole successful answer (not streamed), a large one in turns. */
  answer(body: Buffer): Answer | Promise<Answer>;
  /** Reads a streamed answer; call once. */
  stream(): StreamReader;
  /** Reads an answer with an error status. `body` may be empty or not JSON. */
  failure(status: number, body: Buffer): UpstreamFailure;
}

export type Answer =
  | {
      readonly ok: true;
      /** The answer in the caller's format. */
      readonly body: Buffer;
      /** What the provider reported; undefined where it reported nothing. */
      readonly usage: Usage | undefined;
      /** The model that the provider says it served. */
      readonly servedModel: string | undefined;
      /** The provider withheld the answer, or a part of it, for its content policy. */
      readonly filtered: boolean;
      /** It holds neither content nor a call of a tool. */
      readonly empty: boolean;
      /** All text that was generated (content, reasoning, tool arguments), to be counted where usage is missing. */
      text(): string;
    }
  | {
      readonly ok: false;
      readonly failure: UpstreamFailure;
      /** What the provider reported all the same. */
      readonly usage?: Usage | undefined;
    };

/** What the gateway adds to the last usage chunk of a stream whose client asked for usage. */
export interface UsageExtra {
  readonly cost_usd: string;
  readonly attempts: number;
  readonly cache: string;
}

/**
 * A stream being read. Feed it with `push`; what it returns is passed on at once. The dialect's closing bytes (the usage
 * chunk that the client asked for and the end mark) are held back until `closing`, so that the ledger is written first.
 */
export interface StreamReader {
  /** Bytes for the caller, possibly empty. After `failure` is set it returns what was good before the failure. */
  push(chunk: Buffer): Buffer;
  /** The upstream ended its body in good order: sets `failure` where the dialect's end was not seen. */
  end(): void;
  /** The last bytes for the caller, once the ledger has the entry. */
  closing(extra: UsageExtra): Buffer;
  /** The in-band error that ends the stream, where it depends on what was streamed; left out: the format's own. */
  broken?(refusal: Refusal): Buffer | undefined;
  /** What keeps the connection alive once the answer has begun; left out: the format's own. */
  keepAlive?(): Buffer;
  /** The dialect's own end was seen; anything after it is ignored. */
  readonly done: boolean;
  /** An in-band error, garbage or an early end; sticky. */
  readonly failure: UpstreamFailure | undefined;
  /** The latest usage that the upstream reported. */
  readonly usage: Usage | undefined;
  readonly servedModel: string | undefined;
  /** Something that was generated is among what was pushed, or the end of the answer: more than its frame. */
  readonly begun: boolean;
  /** The provider withheld the answer, or a part of it, for its content policy. */
  readonly filtered: boolean;
  /** Neither content nor a call of a tool has come. */
  readonly empty: boolean;
  /**
   * The text received so far (content, reasoning, tool arguments), to be counted where usage is missing: its beginning, or what of
   * that stands between two places.
   */
  text(from?: number, to?: number): string;
  /** All that `text` has, in pieces to be counted one after the other. */
  texts(): Iterable<string>;
  /** Characters received so far, those included that `text` does not have. */
  readonly chars: number;
}
