import type { Adaptor } from '../src/protocol/adaptor.js';
import { chatFailures, chatLimitHeaders } from '../src/protocol/openai-chat-failures.js';
import { encodingFor } from '../src/protocol/openai-models.js';

export const openai = {
  type: 'openai',
  dialect: 'openai-chat',
  baseUrl: 'https://api.openai.com/v1',
  paths: { chat: '/chat/completions' },
  headers: (credential) => ({ authorization: `Bearer ${credential}` }),
  catalogue: 'openai',
  failures: chatFailures,
  limitHeaders: chatLimitHeaders,
  counting: (model) => ({ ...encodingFor(model), factor: 1 }),
} satisfies Adaptor;
