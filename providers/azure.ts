/** Azure OpenAI and Foundry: models are called by their deployments. */
import { chatFailures, chatLimitHeaders } from '../src/formats/openai-chat/failures.js';
import { encodingFor, formatsFor, maxOutputFor, outputFieldFor } from '../src/formats/openai-chat/models.js';
import type { ProviderSettings } from '../src/lib/provider-settings.js';
import { entraSigner } from '../src/provider/entra.js';
import type { Path, ProviderType } from '../src/provider/provider-type.js';
import { headerOrNone } from '../src/provider/signers.js';

/** With a version the deployment stands in the path; without one in the body, by the newer API. */
const at =
  (what: string): Path =>
  ({ model, settings: { api_version: version } }) => {
    if (version === undefined || version === 'v1') return `/openai/v1/${what}`;
    if (version === 'preview') return `/openai/v1/${what}?api-version=preview`;
    return `/openai/deployments/${model}/${what}?api-version=${version}`;
  };

/** Never below a deployment. */
const responses: Path = ({ settings: { api_version: version } }) => {
  if (version === undefined || version === 'v1') return '/openai/v1/responses';
  if (version === 'preview') return '/openai/v1/responses?api-version=preview';
  return `/openai/responses?api-version=${version}`;
};

/** Versions with a date have it since this one. */
const FIRST_WITH_RESPONSES = '2025-03-01';

const hasResponses = ({ api_version: version }: ProviderSettings): boolean =>
  version === undefined || !/^\d/.test(version) || version >= FIRST_WITH_RESPONSES;

export const azure = {
  type: 'azure',
  genAiName: 'azure.ai.openai',
  baseUrl: null,
  speaks: {
    'openai-chat': at('chat/completions'),
    'openai-responses': responses,
    'openai-embeddings': at('embeddings'),
  },
  formatsOf: (model, settings) =>
    formatsFor(model).filter((format) => format !== 'openai-responses' || hasResponses(settings)),
  settings: {
    api_version: {},
    tenant: { credential: true, env: ['AZURE_TENANT_ID'] },
    client_id: { credential: true, env: ['AZURE_CLIENT_ID'] },
    client_secret: { credential: true, env: ['AZURE_CLIENT_SECRET'] },
    token_file: { credential: true, env: ['AZURE_FEDERATED_TOKEN_FILE'] },
  },
  auth: headerOrNone('api-key'),
  needsCredential: true,
  keyEnv: ['AZURE_OPENAI_API_KEY'],
  insteadOfKey: [
    ['tenant', 'client_id', 'client_secret'],
    ['tenant', 'client_id', 'token_file'],
  ],
  sign: entraSigner('https://cognitiveservices.azure.com/.default'),
  mostInputs: 2048,
  catalogue: 'azure',
  failures: chatFailures,
  limitHeaders: chatLimitHeaders,
  requestIdHeader: 'apim-request-id',
  // A deployment has a name of its own: `base_model` says what it is.
  counting: (model) => ({ ...encodingFor(model), factor: 1 }),
  maxOutput: maxOutputFor,
  outputField: (model) => (maxOutputFor(model) === null ? 'max_completion_tokens' : outputFieldFor(model)),
} satisfies ProviderType;
