import { openaiLike } from './openai-like.js';

/** By its compatibility API. */
export const cohere = openaiLike({
  type: 'cohere',
  baseUrl: 'https://api.cohere.ai/compatibility/v1',
  catalogue: 'cohere',
  mostInputs: 96,
  dialect: {
    efforts: { minimal: 'none', low: 'high', medium: 'high', xhigh: 'high', max: 'high' },
    namedTool: false,
    refuses: ['n', 'logit_bias', 'top_logprobs', 'modalities', 'audio'],
    ignores: ['user', 'store', 'metadata', 'prediction', 'service_tier', 'parallel_tool_calls'],
    strictMessages: true,
    replays: 'none',
  },
});
