import { chatFailures } from '../src/formats/openai-chat/failures.js';
import type { ProviderType } from '../src/provider/provider-type.js';
import { unsigned } from '../src/provider/signers.js';

/** The embedding model that comes with the gateway, as a target: no key, no network, no cost. */
export const localEmbeddings = {
  type: 'local',
  baseUrl: 'http://local.invalid',
  speaks: { 'openai-embeddings': '/embeddings' },
  auth: unsigned,
  catalogue: null,
  free: true,
  models: ['all-MiniLM-L6-v2'],
  mostInputs: 2048,
  failures: chatFailures,
  limitHeaders: [],
  // It counts word pieces, of which there are more the further a text is from English prose.
  counting: () => ({ encoding: 'o200k_base', factor: 1.5, exact: false }),
  local: 'embedding-model',
} satisfies ProviderType;
