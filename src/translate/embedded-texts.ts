/** The texts of an embeddings request of OpenAI's, and its answer, for targets of another dialect. */
import type { AskedEmbeddings } from '../formats/google-embeddings/wire.js';
import type { EmbeddingsRequest } from '../formats/openai-embeddings/request.js';
import { vectorJson } from '../formats/openai-embeddings/vectors.js';
import type { TargetFacts } from '../formats/translation.js';
import { inputOf } from '../formats/usage.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';

export function readTexts({ json }: EmbeddingsRequest, target: TargetFacts): Result<AskedEmbeddings> {
  const { input, encoding_format: format, dimensions } = json;
  const texts: readonly unknown[] = typeof input === 'string' ? [input] : (input as readonly unknown[]);
  if (!texts.every((text) => typeof text === 'string')) {
    const words = "'input' holds tokens, which this model's provider cannot read: send texts.";
    return refused(refuse('unsupported_parameter', words, { param: 'input' }));
  }
  if (texts.length > target.mostInputs) {
    const words = `'input' has ${texts.length} items; ${target.id} takes at most ${target.mostInputs} in one request.`;
    return refused(refuse('invalid_value', words, { param: 'input' }));
  }
  const form = format === 'base64' ? 'base64' : 'float';
  return ok({
    texts: texts as readonly string[],
    dimensions: typeof dimensions === 'number' ? dimensions : null,
    tell(vectors, usage) {
      const data = vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: JSON.parse(vectorJson(Float32Array.from(vector), form)) as unknown,
      }));
      const tokens = usage ? inputOf(usage) : 0;
      return { object: 'list', data, model: target.model, usage: { prompt_tokens: tokens, total_tokens: tokens } };
    },
  });
}
