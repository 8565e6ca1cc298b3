import { openaiLike } from './openai-like.js';

/** NVIDIA's hosted models, and with `base_url` a NIM of one's own. */
export const nvidia = openaiLike({
  type: 'nvidia',
  baseUrl: 'https://integrate.api.nvidia.com/v1',
  catalogue: null,
  dialect: { ignores: ['user', 'store', 'metadata', 'service_tier', 'prompt_cache_key', 'safety_identifier'] },
  // A text is a question or a passage that is to be found; what is told of neither is a passage.
  embeddings: { adds: { input_type: 'passage' } },
});
