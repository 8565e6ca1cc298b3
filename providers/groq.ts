import { CHAT, openaiLike } from './openai-like.js';

/** Qwen's models think or do not. */
const qwens = Object.fromEntries(['minimal', 'low', 'medium', 'high', 'xhigh', 'max'].map((one) => [one, 'default']));
const efforts: Readonly<Record<string, string>> = { minimal: 'low', xhigh: 'high', max: 'high' };

export const groq = openaiLike({
  type: 'groq',
  baseUrl: 'https://api.groq.com/openai/v1',
  catalogue: 'groq',
  speaks: CHAT,
  dialect: (model) => ({
    outputField: 'max_completion_tokens',
    efforts: /qwen/i.test(model) ? qwens : efforts,
    refuses: ['n', 'logit_bias', 'logprobs', 'top_logprobs'],
    strictMessages: true,
    replays: 'none',
  }),
});
