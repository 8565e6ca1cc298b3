/** The input tokens of a request as a target counts them. */
import type { Target } from '../catalog/model.js';
import type { RequestFacts } from '../formats/request-facts.js';
import type { Counted } from '../tokens/count.js';
import { countRequest } from '../tokens/estimate.js';

export const countInput = (
  facts: Pick<RequestFacts, 'countables'>,
  { counting, model }: Pick<Target, 'counting' | 'model'>,
): Counted | Promise<Counted> => countRequest(facts, counting, model);

/** Whether two targets count every request the same way. Models that are counted exactly have rules of their own. */
export const countAlike = (one: Target, other: Target): boolean =>
  one === other ||
  (one.counting.encoding === other.counting.encoding &&
    one.counting.factor === other.counting.factor &&
    one.counting.bound === other.counting.bound &&
    one.counting.exact === other.counting.exact &&
    (!one.counting.exact || one.model === other.model));
