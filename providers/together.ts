import { openaiLike } from './openai-like.js';

export const together = openaiLike({
  type: 'together',
  baseUrl: 'https://api.together.xyz/v1',
  catalogue: 'together',
});
