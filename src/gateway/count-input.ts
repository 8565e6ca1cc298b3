/** The input tokens of a request as a target counts them. */
import type { ModelRequest } from '../protocol/request.js';
import { estimate, estimateEmbeddings } from '../tokens/estimate.js';
import type { Target } from './model.js';

type Countable =
  | Pick<Extract<ModelRequest, { endpoint: 'chat' }>, 'endpoint' | 'json'>
  | Pick<Extract<ModelRequest, { endpoint: 'embeddings' }>, 'endpoint' | 'input'>;

export const countInput = (
  request: Countable,
  { counting, model }: Pick<Target, 'counting' | 'model'>,
): number | Promise<number> =>
  request.endpoint === 'chat' ? estimate(request.json, counting, model) : estimateEmbeddings(request.input, counting);
