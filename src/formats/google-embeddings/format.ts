/** Google's `embedContent` and `batchEmbedContents`, as clients call them. */
import type { ApiFormat } from '../format.js';
import { googleErrors } from '../google-gemini/errors.js';
import { googleEmbeddingsReplay } from './replay.js';
import { type EmbeddingsAddress, type GoogleEmbeddingsRequest, readGoogleEmbeddings } from './request.js';
import { googleEmbeddingsTexts } from './texts.js';

export const googleEmbeddings: ApiFormat<GoogleEmbeddingsRequest> = {
  id: 'google-embeddings',
  endpoint: 'embeddings',
  name: 'embedContent',
  saidIn: 'content',
  read: (body) => readGoogleEmbeddings(body),
  errors: googleErrors,
  texts: googleEmbeddingsTexts,
  asStream: (_request, answer) => answer, // nobody can ask for one
  replay: googleEmbeddingsReplay,
};

/** The format as it is spoken at one address. */
export const googleEmbeddingsAt = (at: EmbeddingsAddress): ApiFormat<GoogleEmbeddingsRequest> => ({
  ...googleEmbeddings,
  read: (body) => readGoogleEmbeddings(body, at),
});
