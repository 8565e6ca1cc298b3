import { chatFailures, chatLimitHeaders } from '../src/formats/openai-chat/failures.js';
import { encodingFor, maxOutputFor, outputFieldFor } from '../src/formats/openai-chat/models.js';
import type { ProviderType } from '../src/provider/provider-type.js';
import { bearerOrNone, messagesHeaders } from '../src/provider/signers.js';

/** Any server that speaks the OpenAI dialect: vLLM, Ollama, LM Studio, llama.cpp, a vendor's compatible endpoint. */
export const openaiCompatible = {
  type: 'openai-compatible',
  baseUrl: null,
  speaks: {
    'openai-chat': '/chat/completions',
    'openai-completions': '/completions',
    'openai-embeddings': '/embeddings',
  },
  maySpeak: {
    'openai-responses': '/responses',
    'anthropic-messages': { path: '/v1/messages', headers: messagesHeaders },
  },
  auth: bearerOrNone,
  lists: '/models',
  catalogue: null,
  failures: chatFailures,
  limitHeaders: chatLimitHeaders,
  // Their tokenizers are their own: on English they stay within a tenth of the public encoding. Claude's newest is the coarsest.
  counting: (model) =>
    encodingFor(model).exact
      ? { ...encodingFor(model), factor: 1 }
      : { encoding: 'o200k_base', factor: 1.1, exact: false, bound: /claude/i.test(model) ? 'claude_4_7' : 'open' },
  maxOutput: maxOutputFor,
  outputField: outputFieldFor,
} satisfies ProviderType;
