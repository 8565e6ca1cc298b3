import { chatFailures, chatLimitHeaders } from '../src/formats/openai-chat/failures.js';
import { encodingFor, formatsFor, maxOutputFor } from '../src/formats/openai-chat/models.js';
import type { ProviderType } from '../src/provider/provider-type.js';
import { bearer } from '../src/provider/signers.js';

export const openai = {
  type: 'openai',
  baseUrl: 'https://api.openai.com/v1',
  speaks: { 'openai-chat': '/chat/completions', 'openai-responses': '/responses', 'openai-embeddings': '/embeddings' },
  formatsOf: formatsFor,
  mostInputs: 2048,
  auth: bearer,
  lists: '/models',
  needsCredential: true,
  catalogue: 'openai',
  exports: [
    {
      kind: 'usage',
      knownBy: ['start_time', 'model', 'input_tokens', 'output_tokens'],
      time: 'start_time',
      model: 'model',
      tokens: {
        input: ['input_tokens'],
        cache_read: ['input_cached_tokens'],
        cache_write: ['input_cache_write_tokens'],
        output: ['output_tokens'],
        inputIncludesCached: true,
      },
      requests: 'num_model_requests',
    },
    {
      kind: 'cost',
      knownBy: ['start_time', 'amount_value', 'line_item'],
      time: 'start_time',
      model: 'line_item',
      cost: { amount: 'amount_value', currency: 'amount_currency' },
    },
    {
      kind: 'usage',
      knownBy: ['start_time', 'model', 'input_tokens', 'num_model_requests'], // embeddings have no output
      time: 'start_time',
      model: 'model',
      tokens: { input: ['input_tokens'], cache_read: [], cache_write: [], output: [], inputIncludesCached: true },
      requests: 'num_model_requests',
    },
    {
      kind: 'cost', // GET /v1/organization/costs
      knownBy: ['start_time', 'amount.value', 'line_item'],
      time: 'start_time',
      model: 'line_item',
      cost: { amount: 'amount.value', currency: 'amount.currency' },
    },
  ],
  failures: chatFailures,
  limitHeaders: chatLimitHeaders,
  counting: (model) => ({ ...encodingFor(model), factor: 1 }),
  maxOutput: maxOutputFor,
  outputField: () => 'max_completion_tokens',
} satisfies ProviderType;
