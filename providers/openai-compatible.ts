import { chatFailures, chatLimitHeaders } from '../src/formats/openai-chat/failures.js';
import { encodingFor, maxOutputFor } from '../src/formats/openai-chat/models.js';
import type { Adaptor } from '../src/formats/provider.js';

/** Any server that speaks the OpenAI dialect: vLLM, Ollama, LM Studio, llama.cpp, a vendor's compatible endpoint. */
export const openaiCompatible = {
  type: 'openai-compatible',
  dialect: 'openai-chat',
  baseUrl: null,
  paths: { chat: '/chat/completions', embeddings: '/embeddings' },
  headers: (credential): Record<string, string> =>
    credential === '' || credential === 'none' ? {} : { authorization: `Bearer ${credential}` },
  catalogue: null,
  failures: chatFailures,
  limitHeaders: chatLimitHeaders,
  // Their tokenizers are their own: on most text they stay within a tenth of the public encoding.
  counting: (model) =>
    encodingFor(model).exact
      ? { ...encodingFor(model), factor: 1 }
      : { encoding: 'o200k_base', factor: 1.1, exact: false },
  maxOutput: maxOutputFor,
} satisfies Adaptor;
