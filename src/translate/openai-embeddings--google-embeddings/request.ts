/** Embeddings as OpenAI asks for them, carried to Google's `batchEmbedContents`. Tokens instead of texts cannot be told there. */
import { batchOf } from '../../formats/google-embeddings/wire.js';
import type { EmbeddingsRequest } from '../../formats/openai-embeddings/request.js';
import type { Translator } from '../../formats/translation.js';
import { ok } from '../../lib/errors.js';
import { readTexts } from '../embedded-texts.js';

export const openaiToGoogleEmbeddings: Translator<EmbeddingsRequest> = {
  from: 'openai-embeddings',
  to: 'google-embeddings',
  translate(request, target) {
    const asked = readTexts(request, target);
    return asked.ok ? ok(batchOf(asked.value, target)) : asked;
  },
};
