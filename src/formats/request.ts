/** A request to a model, to whichever endpoint it was made; `endpoint` tells which. */
import type { Result } from '../lib/errors.js';
import { type ChatRequest, readChatRequest } from './openai-chat/request.js';
import { type EmbeddingsRequest, readEmbeddingsRequest } from './openai-embeddings/request.js';
import type { Endpoint } from './provider.js';

export type ModelRequest = ChatRequest | EmbeddingsRequest;

export const readRequest = (endpoint: Endpoint, body: Buffer): Result<ModelRequest> =>
  endpoint === 'chat' ? readChatRequest(body) : readEmbeddingsRequest(body);
