/** Google Cloud's Vertex AI: Gemini, Claude, and open models that it serves like OpenAI's. */
import { messagesFailures } from '../src/formats/anthropic-messages/failures.js';
import type { FormatId } from '../src/formats/format-id.js';
import { geminiFailures } from '../src/formats/google-gemini/failures.js';
import { geminiModel } from '../src/formats/google-gemini/models.js';
import { accessTokens } from '../src/provider/google/access-tokens.js';
import { claudeAtVertex } from '../src/provider/google/claude-body.js';
import type { PathFacts, ProviderType } from '../src/provider/provider-type.js';
import { headerOrNone } from '../src/provider/signers.js';
import { anthropic } from './anthropic.js';

const isClaude = (model: string): boolean => /(?:^|\/)claude-/.test(model);
/** `meta/llama-4-maverick-17b-128e-instruct-maas`: another maker's, by its publisher. */
const isOpenModel = (model: string): boolean => model.includes('/') && !/^(?:google|endpoints|models)\//.test(model);

/** Below `/v1`: without a project an account is one of Vertex AI in express mode. */
const below = ({ settings }: PathFacts): string =>
  settings.project === undefined ? '' : `/projects/${settings.project}/locations/${settings.location ?? 'global'}`;

const nameIn = (model: string): string => model.split('%2F').at(-1)!;

/** A tuned model is an endpoint of the project. */
const geminiPath = (facts: PathFacts): string => {
  const { model, stream } = facts;
  const place = model.startsWith('endpoints%2F')
    ? `/endpoints/${nameIn(model)}`
    : `/publishers/google/models/${nameIn(model)}`;
  return `/v1${below(facts)}${place}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`;
};

const claudePath = (facts: PathFacts): string =>
  `/v1${below(facts)}/publishers/anthropic/models/${nameIn(facts.model).replace('%40', '@')}:${facts.stream ? 'streamRawPredict' : 'rawPredict'}`;

const hosts: Readonly<Record<string, string>> = {
  global: 'aiplatform.googleapis.com',
  us: 'aiplatform.us.rep.googleapis.com',
  eu: 'aiplatform.eu.rep.googleapis.com',
};

const formatsOf = (model: string): readonly FormatId[] => {
  if (isClaude(model)) return ['anthropic-messages'];
  if (/embedding/.test(model)) return ['vertex-embeddings'];
  return [isOpenModel(model) ? 'openai-chat' : 'google-gemini'];
};

export const vertex = {
  type: 'vertex',
  genAiName: 'gcp.vertex_ai',
  baseUrl: ({ location = 'global' }) => `https://${hosts[location] ?? `${location}-aiplatform.googleapis.com`}`,
  speaks: {
    'google-gemini': geminiPath,
    'anthropic-messages': { path: claudePath, wrapping: claudeAtVertex },
    'vertex-embeddings': (facts) => `/v1${below(facts)}/publishers/google/models/${nameIn(facts.model)}:predict`,
    'openai-chat': (facts) => `/v1${below(facts)}/endpoints/openapi/chat/completions`,
  },
  formatsOf,
  atVertex: true,
  settings: {
    project: { env: ['GOOGLE_CLOUD_PROJECT', 'GCLOUD_PROJECT'] },
    location: { env: ['GOOGLE_CLOUD_LOCATION', 'CLOUD_ML_REGION'] },
    credentials_file: { env: ['GOOGLE_APPLICATION_CREDENTIALS'], credential: true },
  },
  auth: headerOrNone('x-goog-api-key'),
  insteadOfKey: [['credentials_file'], []],
  sign: accessTokens,
  catalogue: 'google',
  failures: [...geminiFailures, ...messagesFailures],
  limitHeaders: [],
  modelFacts: anthropic.modelFacts,
  maxOutput: (model) => (isClaude(model) ? anthropic.maxOutput(model) : geminiModel(model).maxOutput),
  counting: (model) =>
    isClaude(model) ? anthropic.counting(model) : { encoding: 'o200k_base', factor: 1.1, exact: false },
} satisfies ProviderType;
