import { CHAT, openaiLike } from './openai-like.js';

/** The router of Hugging Face: `org/name:provider` pins who serves, and with it what it costs. */
export const huggingface = openaiLike({
  type: 'huggingface',
  baseUrl: 'https://router.huggingface.co/v1',
  catalogue: null,
  speaks: CHAT,
});
