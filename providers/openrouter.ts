import { messagesHeaders } from '../src/provider/signers.js';
import { openaiLike } from './openai-like.js';

export const openrouter = openaiLike({
  type: 'openrouter',
  baseUrl: 'https://openrouter.ai/api/v1',
  catalogue: 'openrouter',
  readsFiles: true,
  maySpeak: { 'anthropic-messages': { path: '/v1/messages', headers: messagesHeaders } },
  dialect: { thinking: (effort) => ({ reasoning: { effort } }) },
});
