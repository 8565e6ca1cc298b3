import type { Adaptor } from '../src/protocol/adaptor.js';
import { encodingFor, maxOutputFor } from '../src/protocol/openai-models.js';

export const openai = {
  type: 'openai',
  dialect: 'openai-chat',
  baseUrl: 'https://api.openai.com/v1',
  paths: { chat: '/chat/completions' },
  headers: (credential) => ({ authorization: `Bearer ${credential}` }),
  catalogue: 'openai',
  counting: (model) => ({ ...encodingFor(model), factor: 1 }),
  maxOutput: maxOutputFor,
  outputField: 'max_completion_tokens',
} satisfies Adaptor;
