/**
 * A wire format that clients call: how its requests are read, how the gateway's own words are written in it, and where its
 * answers can be kept, how they are told again.
 */
import type { Refusal, Result } from '../lib/errors.js';
import type { Json } from '../lib/json.js';
import type { Endpoint, FormatId } from './format-id.js';
import type { ModelRequest } from './request.js';
import type { FormatTexts } from './texts.js';
import type { UsageExtra } from './translation.js';
import type { Usage } from './usage.js';

export interface ApiFormat<R extends ModelRequest = ModelRequest> {
  readonly id: FormatId;
  readonly endpoint: Endpoint;
  /** What its requests are called in a refusal: `chat completions`. */
  readonly name: string;
  /** The field of its requests that holds what is said to the model. */
  readonly saidIn: string;
  /**
   * Parses a body once, a large one in turns; refuses with the name of the field that is at fault. `model`: what the address
   * says, for formats that are also called at addresses that name it.
   */
  read(body: Buffer, model?: string): Result<R> | Promise<Result<R>>;
  readonly errors: ErrorWriter;
  /** Where the texts of its requests and answers are. */
  readonly texts: FormatTexts;
  /** A whole answer as the stream that the request asked for: some upstreams answer such a request whole. */
  asStream(request: R, answer: Buffer, extra: UsageExtra): Buffer;
  /** Left out: its answers are not cached. */
  readonly replay?: Replay<R>;
  /** Left out: its clients cannot ask how many tokens a request has. */
  readonly counting?: TokenCount<R>;
  /** The media type of its streams; that of server-sent events unless stated. */
  readonly streamType?: string;
  /** Where its clients look for the id of a request, beside `x-request-id`. */
  readonly requestIdHeader?: string;
}

/** How clients ask how many tokens a request has, and are told. */
export interface TokenCount<R extends ModelRequest = ModelRequest> {
  read(body: Buffer): Result<R> | Promise<Result<R>>;
  answer(tokens: number): Buffer;
}

/** How a format says what the gateway itself has to say. */
export interface ErrorWriter {
  body(refusal: Refusal, requestId: string): Buffer;
  /** The in-band error that ends a broken stream. */
  event(refusal: Refusal, requestId: string): Buffer;
  /** A comment that keeps a silent stream's connection alive. */
  readonly keepAlive: Buffer;
}

/** How answers are kept and told again. */
export interface Replay<R extends ModelRequest> {
  /** Why a request can never be answered by a kept answer; null: it can. */
  unfit(request: R): string | null;
  /** What of a request decides on its answer: without the fields that say how the answer is delivered or recorded. */
  identity(request: R): Json;
  /** What of a request is compared by meaning, or why there is nothing. */
  prompt(request: R, maxTurns: number): Prompt | PromptUnfit;
  /** Whether an answer may be given to another caller. */
  isRepeatable(answer: Buffer): boolean;
  /**
   * The whole answer that a stream told, with `usage` in it; undefined where it was not whole or not understood. In steps, for a
   * long one takes more than a turn of the loop has time for.
   */
  whole(pieces: readonly Buffer[], usage: Usage): Generator<number, Buffer | undefined>;
  /** A kept answer as the answer to this request: with an identity of its own, as of now. */
  retold(answer: Buffer, nowMs: number, request: R): Buffer;
  /** What a stream tells of its own request and key: only who would be told the same reads it along. Left out: nothing. */
  echo?(request: R, keyId: string): unknown;
  /** The words of a kept answer. */
  words(answer: Buffer): string;
}

/** The part of a request that is compared by meaning. */
export interface Prompt {
  readonly text: string;
  /** What else of the request decides on its answer: `identity` with the text taken out. */
  readonly rest: Json;
}

export type PromptUnfit = 'no text' | 'tools' | 'turns' | 'details';
