/** A request to a model, in whichever wire format it was made. `format` tells which. */

import type { Json } from '../lib/json.js';
import type { MessagesRequest } from './anthropic-messages/request.js';
import type { FormatId } from './format-id.js';
import type { GoogleEmbeddingsRequest } from './google-embeddings/request.js';
import type { GeminiRequest } from './google-gemini/request.js';
import type { JsonFields } from './json-fields.js';
import type { ChatRequest } from './openai-chat/request.js';
import type { CompletionsRequest } from './openai-completions/request.js';
import type { EmbeddingsRequest } from './openai-embeddings/request.js';
import type { ResponsesRequest } from './openai-responses/request.js';
import type { RequestFacts } from './request-facts.js';

export type ModelRequest =
  | ChatRequest
  | CompletionsRequest
  | EmbeddingsRequest
  | MessagesRequest
  | ResponsesRequest
  | GeminiRequest
  | GoogleEmbeddingsRequest;

/** What requests of all formats have. */
export interface RequestBase {
  readonly format: FormatId;
  /** The bytes as the caller sent them. */
  readonly body: Buffer;
  readonly json: Json;
  /** Where each top-level field is in `body`. */
  readonly fields: JsonFields;
  readonly model: string;
  readonly stream: boolean;
  /** The end user that the body names. */
  readonly user: string | null;
  readonly metadata: Json;
  /** What everything but the format's own code reads. */
  readonly facts: RequestFacts;
}
