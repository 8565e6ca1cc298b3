/** The input tokens of a request as a target counts them. */

import type { Target } from '../catalog/model.js';
import type { ModelRequest } from '../formats/request.js';
import { estimate, estimateEmbeddings } from '../tokens/estimate.js';

type Countable =
  | Pick<Extract<ModelRequest, { endpoint: 'chat' }>, 'endpoint' | 'json'>
  | Pick<Extract<ModelRequest, { endpoint: 'embeddings' }>, 'endpoint' | 'input'>;

export const countInput = (
  request: Countable,
  { counting, model }: Pick<Target, 'counting' | 'model'>,
): number | Promise<number> =>
  request.endpoint === 'chat' ? estimate(request.json, counting, model) : estimateEmbeddings(request.input, counting);
