import { openaiLike } from './openai-like.js';

export const mistral = openaiLike({
  type: 'mistral',
  genAiName: 'mistral_ai',
  baseUrl: 'https://api.mistral.ai/v1',
  catalogue: 'mistral',
  dialect: {
    renames: { seed: 'random_seed' },
    requiredTool: 'any',
    // Its models think or do not.
    efforts: { minimal: 'none', low: 'high', medium: 'high', xhigh: 'high', max: 'high' },
    refuses: ['logit_bias', 'logprobs', 'top_logprobs'],
    ignores: ['user', 'store', 'verbosity'],
    replays: 'none',
    answersTools: true,
    toolIds: 'nine letters',
  },
  embeddings: { renames: { dimensions: 'output_dimension' } },
});
