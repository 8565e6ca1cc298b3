/** OpenAI's embeddings, as clients call them. */
import type { ApiFormat } from '../format.js';
import { openaiErrors } from '../openai-chat/errors.js';
import { embeddingsReplay } from './replay.js';
import { type EmbeddingsRequest, readEmbeddingsRequest } from './request.js';
import { embeddingsTexts } from './texts.js';

export const openaiEmbeddings: ApiFormat<EmbeddingsRequest> = {
  id: 'openai-embeddings',
  endpoint: 'embeddings',
  name: 'embeddings',
  saidIn: 'input',
  read: readEmbeddingsRequest,
  errors: openaiErrors,
  texts: embeddingsTexts,
  asStream: (_request, answer) => answer, // nobody can ask for one
  replay: embeddingsReplay,
};
