/** What is stated of Claude's models wherever they are served, by their names. */
import { claudeFamily, SECOND_TOKENIZER } from '../src/formats/anthropic-messages/claude-models.js';
import type { ModelFacts } from '../src/formats/anthropic-messages/model-facts.js';
import type { CountingRule } from '../src/provider/provider-type.js';

export const claude = {
  modelFacts: (model: string): ModelFacts => claudeFamily(model).facts,
  maxOutput: (model: string): number => claudeFamily(model).facts.maxOutput,
  counting: (model: string): CountingRule => {
    const { factor } = claudeFamily(model);
    const bound = factor === SECOND_TOKENIZER ? 'claude_4_7' : 'claude';
    return { encoding: 'o200k_base', factor, exact: false, bound };
  },
};
