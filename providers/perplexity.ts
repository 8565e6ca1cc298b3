import type { ProviderType } from '../src/provider/provider-type.js';
import { openaiLike } from './openai-like.js';

/** Its chat completions are gone: what is left has the shape of the Responses API, and chat completions are told as such. */
export const perplexity: ProviderType = {
  ...openaiLike({
    type: 'perplexity',
    baseUrl: 'https://api.perplexity.ai/v1',
    catalogue: 'perplexity',
    speaks: { 'openai-responses': '/responses' },
  }),
  maySpeak: {},
};
