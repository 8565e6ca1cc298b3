import { messagesHeaders } from '../src/provider/signers.js';
import { openaiLike } from './openai-like.js';

export const minimax = openaiLike({
  type: 'minimax',
  baseUrl: 'https://api.minimax.io',
  catalogue: 'minimax',
  speaks: {
    'openai-chat': '/v1/chat/completions',
    'anthropic-messages': { path: '/anthropic/v1/messages', headers: messagesHeaders },
  },
  // Unless it is told to keep them apart, what it thinks stands in its answer between tags.
  dialect: { oneSystem: true, adds: { reasoning_split: true }, refuses: ['n', 'logit_bias'] },
});
