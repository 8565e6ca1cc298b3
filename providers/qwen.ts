import { openaiLike } from './openai-like.js';

/** Alibaba's Model Studio, outside of China. */
export const qwen = openaiLike({
  type: 'qwen',
  baseUrl: 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
  catalogue: null,
  mostInputs: 10,
  dialect: (model) => ({
    thinking: (effort) => ({ enable_thinking: effort !== 'none' && effort !== 'minimal' }),
    // Models with open weights think unless they are told not to, and only in streams.
    ...(/^(?:qwen3-\d|qwq|qvq)/i.test(model) && { wholeAdds: { enable_thinking: false } }),
  }),
});
