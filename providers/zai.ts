import { CHAT, openaiLike } from './openai-like.js';

export const zai = openaiLike({
  type: 'zai',
  baseUrl: 'https://api.z.ai/api/paas/v4',
  catalogue: 'zai',
  speaks: CHAT,
  dialect: {
    thinking: (effort) => ({ thinking: { type: effort === 'none' || effort === 'minimal' ? 'disabled' : 'enabled' } }),
    requiredTool: null,
    refuses: ['n', 'logit_bias', 'logprobs', 'top_logprobs'],
  },
});
