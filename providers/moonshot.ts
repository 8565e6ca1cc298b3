import { CHAT, openaiLike } from './openai-like.js';

/** Models that think by default: they pin their sampling, and cannot be made to call a tool. */
const thinks = /kimi-k(2\.[5-9]|[3-9])|thinking/i;

export const moonshot = openaiLike({
  type: 'moonshot',
  baseUrl: 'https://api.moonshot.ai/v1',
  catalogue: 'moonshotai',
  speaks: CHAT,
  dialect: (model) => ({
    efforts: { minimal: 'low', medium: 'high', xhigh: 'max' },
    thinking: (effort) => (effort === 'none' ? { thinking: { type: 'disabled' } } : { reasoning_effort: effort }),
    replays: 'reasoning_content',
    replaysAlways: 'calls',
    ...(thinks.test(model) && {
      requiredTool: null,
      ignores: ['temperature', 'top_p', 'presence_penalty', 'frequency_penalty'],
      refuses: ['n'],
    }),
  }),
});
