/** Anthropic, and servers that speak its messages dialect. */

import { messagesFailures, messagesLimitHeaders } from '../src/formats/anthropic-messages/failures.js';
import type { ProviderType } from '../src/provider/provider-type.js';
import { header } from '../src/provider/signers.js';
import { claude } from './claude-models.js';

export const anthropic = {
  type: 'anthropic',
  baseUrl: 'https://api.anthropic.com',
  speaks: { 'anthropic-messages': '/v1/messages' },
  counts: { 'anthropic-messages': '/v1/messages/count_tokens' },
  // The version is pinned because the next one, 2026-10-21, refuses sampling parameters at any value and on every model,
  // and moves the key to `authorization`. What is written here is what the translation was made and tested for.
  auth: header('x-api-key', { 'anthropic-version': '2023-06-01' }),
  // All betas go on: a list of those that are known would always be behind. The version is the caller's where the body is.
  passHeaders: { always: ['anthropic-beta'], native: ['anthropic-version'] },
  lists: '/v1/models?limit=1000',
  needsCredential: true,
  catalogue: 'anthropic',
  exports: [
    {
      kind: 'usage',
      knownBy: ['usage_date_utc', 'model_version', 'usage_output_tokens'],
      time: 'usage_date_utc',
      model: 'model_version',
      tokens: {
        input: ['usage_input_tokens_no_cache'],
        cache_read: ['usage_input_tokens_cache_read'],
        cache_write: [
          'usage_input_tokens_cache_write',
          'usage_input_tokens_cache_write_5m',
          'usage_input_tokens_cache_write_1h',
        ],
        output: ['usage_output_tokens'],
        inputIncludesCached: false,
      },
    },
    {
      kind: 'cost',
      knownBy: ['usage_date_utc', 'model', 'cost_usd'],
      time: 'usage_date_utc',
      model: 'model',
      cost: { amount: 'cost_usd' },
    },
    {
      kind: 'usage', // GET /v1/organizations/usage_report/messages
      knownBy: ['starting_at', 'uncached_input_tokens', 'output_tokens'],
      time: 'starting_at',
      model: 'model',
      tokens: {
        input: ['uncached_input_tokens'],
        cache_read: ['cache_read_input_tokens'],
        cache_write: ['cache_creation.ephemeral_5m_input_tokens', 'cache_creation.ephemeral_1h_input_tokens'],
        output: ['output_tokens'],
        inputIncludesCached: false,
      },
    },
    {
      kind: 'cost', // GET /v1/organizations/cost_report
      knownBy: ['starting_at', 'amount', 'currency'],
      time: 'starting_at',
      model: 'model',
      cost: { amount: 'amount', currency: 'currency', unit: 'cents' },
    },
  ],
  failures: messagesFailures,
  limitHeaders: messagesLimitHeaders,
  requestIdHeader: 'request-id',
  ...claude,
} satisfies ProviderType;
