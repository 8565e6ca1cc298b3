import { messagesHeaders } from '../src/provider/signers.js';
import { openaiLike } from './openai-like.js';

/** A workspace's serving endpoints: `base_url` is the workspace. */
export const databricks = openaiLike({
  type: 'databricks',
  baseUrl: null,
  catalogue: null,
  speaks: {
    'openai-chat': '/serving-endpoints/chat/completions',
    'openai-embeddings': '/serving-endpoints/embeddings',
  },
  maySpeak: { 'anthropic-messages': { path: '/serving-endpoints/anthropic/v1/messages', headers: messagesHeaders } },
  asksUsage: false,
  dialect: { ignores: ['stream_options', 'user', 'store', 'metadata', 'service_tier', 'seed'], strictMessages: true },
});
