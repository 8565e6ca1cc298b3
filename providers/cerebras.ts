import { CHAT, openaiLike } from './openai-like.js';

export const cerebras = openaiLike({
  type: 'cerebras',
  baseUrl: 'https://api.cerebras.ai/v1',
  catalogue: 'cerebras',
  speaks: CHAT,
  limitHeaders: ['requests-day', 'tokens-minute'].map((what) => ({
    remaining: `x-ratelimit-remaining-${what}`,
    reset: `x-ratelimit-reset-${what}`,
  })),
  dialect: {
    outputField: 'max_completion_tokens',
    efforts: { minimal: 'low', xhigh: 'high', max: 'high' },
    refuses: ['frequency_penalty', 'presence_penalty', 'logit_bias'],
    replays: 'reasoning',
  },
});
