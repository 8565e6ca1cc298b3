/** Input tokens of a chat request, parsed or of any shape. */
import { chatCountables } from '../../src/formats/openai-chat/countables.js';
import type { CountingRule } from '../../src/provider/provider-type.js';
import { estimate } from '../../src/tokens/estimate.js';

export const estimateChat = (request: unknown, rule: CountingRule, model: string): number | Promise<number> =>
  estimate({ countables: () => chatCountables(request) }, rule, model);
