/** Embeddings asked of Cohere's models in their own form, as Bedrock has it. A text is a document unless the request says otherwise. */
import type { EmbeddingsRequest } from '../../formats/openai-embeddings/request.js';
import type { Translator } from '../../formats/translation.js';
import { counted } from '../../formats/usage.js';
import { isObject, type Json } from '../../lib/json.js';
import { type EmbeddingsVendor, translateEmbeddings } from '../embeddings.js';

const vendor: EmbeddingsVendor = {
  own: ['input_type', 'truncate'],
  body: ({ texts, dimensions, json }) => ({
    ...{ texts, input_type: json['input_type'] ?? 'search_document', embedding_types: ['float'] },
    // A text that is too long is an error, and not cut without a word.
    truncate: json['truncate'] ?? 'NONE',
    ...(dimensions !== undefined && { output_dimension: dimensions }),
  }),
  answer: (wire) => {
    const { embeddings } = wire;
    const vectors: unknown = isObject(embeddings) ? embeddings['float'] : embeddings;
    return Array.isArray(vectors) ? { vectors, tokens: billed(wire) } : undefined;
  },
};

/** Cohere itself says what it bills; Bedrock says nothing in the answer. */
function billed({ meta }: Json): number | undefined {
  const units = isObject(meta) ? meta['billed_units'] : undefined;
  return isObject(units) ? counted(units['input_tokens']) : undefined;
}

export const openaiEmbeddingsToCohere: Translator<EmbeddingsRequest> = {
  from: 'openai-embeddings',
  to: 'cohere-embeddings',
  translate: (request, target) => translateEmbeddings(request, target, vendor),
};
