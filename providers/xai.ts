import { CHAT, openaiLike } from './openai-like.js';

export const xai = openaiLike({
  type: 'xai',
  genAiName: 'x_ai',
  baseUrl: 'https://api.x.ai/v1',
  catalogue: 'x-ai',
  speaks: CHAT,
  dialect: (model) => ({
    outputField: 'max_completion_tokens',
    efforts: { minimal: 'low', xhigh: 'high', max: 'high' },
    renames: { parallel_tool_calls: 'parallel_function_calling' },
    // What thinks takes neither.
    refuses: ['stop', 'frequency_penalty', 'presence_penalty', 'logit_bias'],
    // Of these two names the one always thinks, and the other never.
    ...(/4\.20-(non-)?reasoning/.test(model) && { ignores: ['reasoning_effort'] }),
  }),
});
