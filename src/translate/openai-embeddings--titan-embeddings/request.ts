/** Embeddings asked of Amazon's Titan: one text in a request, so that several go in as many. */
import type { EmbeddingsRequest } from '../../formats/openai-embeddings/request.js';
import type { Translator } from '../../formats/translation.js';
import { counted } from '../../formats/usage.js';
import { type EmbeddingsVendor, translateEmbeddings } from '../embeddings.js';

const titan: EmbeddingsVendor = {
  one: true,
  own: ['normalize'],
  body: ({ texts, dimensions, json }) => ({
    inputText: texts[0],
    ...(dimensions !== undefined && { dimensions }),
    ...(json['normalize'] !== undefined && { normalize: json['normalize'] }),
  }),
  answer: (wire) =>
    Array.isArray(wire['embedding'])
      ? { vectors: [wire['embedding']], tokens: counted(wire['inputTextTokenCount']) }
      : undefined,
};

export const openaiEmbeddingsToTitan: Translator<EmbeddingsRequest> = {
  from: 'openai-embeddings',
  to: 'titan-embeddings',
  translate: (request, target) => translateEmbeddings(request, target, titan),
};
