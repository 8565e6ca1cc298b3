/** Embeddings in Google's dialect at a target that has it: one content is asked as a batch of one. */
import { ok, refuse, refused } from '../../lib/errors.js';
import type { Translator } from '../translation.js';
import type { GoogleEmbeddingsRequest } from './request.js';
import { batchOf } from './wire.js';

export const nativeGoogleEmbeddings: Translator<GoogleEmbeddingsRequest> = {
  from: 'google-embeddings',
  to: 'google-embeddings',
  translate(request, target) {
    const { texts, dimensions, batch } = request;
    if (texts.length > target.mostInputs) {
      const words = `'requests' has ${texts.length} items; ${target.id} takes at most ${target.mostInputs} in one request.`;
      return refused(refuse('invalid_value', words, { param: 'requests' }));
    }
    return ok(batchOf({ texts, dimensions, tell: (vectors) => toldAsGoogle(vectors, batch) }, target));
  },
};

export function toldAsGoogle(vectors: readonly (readonly number[])[], batch: boolean) {
  const embeddings = vectors.map((values) => ({ values }));
  return batch ? { embeddings } : { embedding: embeddings[0] };
}
