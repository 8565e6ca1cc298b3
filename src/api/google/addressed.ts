/**
 * What the addresses of Google's dialect say: the model, whether the answer is a stream and in which form, and a key in the query,
 * as its clients may send it. The key is read here and told to nobody.
 */
import type { ApiFormat } from '../../formats/format.js';
import { googleEmbeddingsAt } from '../../formats/google-embeddings/format.js';
import { googleGeminiAt } from '../../formats/google-gemini/format.js';
import type { ModelRequest } from '../../formats/request.js';
import { modelAt } from '../addresses.js';
import type { Addressed } from '../openai/call.js';
import type { Row } from '../table.js';

const LONGEST_KEY = 16_384;

/** How the requests of a row that ends in a verb are read beyond their bodies. */
export function googleAddressed({ operationId, format: spoken }: Row): (target: string) => Addressed {
  const embeds = spoken === 'google-embeddings';
  const stream = operationId === 'streamGenerateContent';
  return (target) => {
    const at = modelAt(target);
    const key = at?.query.get('key');
    const model = at?.model ?? '';
    const asArray = stream && at?.query.get('alt') !== 'sse';
    const format = embeds
      ? googleEmbeddingsAt({ model, batch: operationId === 'batchEmbedContents' })
      : googleGeminiAt({ model, stream, asArray });
    return {
      format: format as unknown as ApiFormat<ModelRequest>,
      key: key && key.length <= LONGEST_KEY ? key : undefined,
    };
  };
}
