import { openaiLike } from './openai-like.js';

/** Models are `accounts/fireworks/models/<name>`. */
export const fireworks = openaiLike({
  type: 'fireworks',
  baseUrl: 'https://api.fireworks.ai/inference/v1',
  catalogue: 'fireworks',
  // Unless it is told so, it cuts prompts that are too long without a word.
  dialect: {
    adds: { context_length_exceeded_behavior: 'error' },
    efforts: { minimal: 'low', xhigh: 'high', max: 'high' },
  },
});
