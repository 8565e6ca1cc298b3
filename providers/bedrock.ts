/** AWS Bedrock: Claude by InvokeModel in Anthropic's own words, everybody else by Converse, embeddings by InvokeModel. */
import { messagesFailures } from '../src/formats/anthropic-messages/failures.js';
import { unknownModel } from '../src/formats/anthropic-messages/model-facts.js';
import { type ConverseFacts, unknownConverse } from '../src/formats/bedrock-converse/facts.js';
import { InvokedMessages } from '../src/formats/bedrock-converse/stream.js';
import { edited } from '../src/formats/json-fields.js';
import { encodingFor, maxOutputFor } from '../src/formats/openai-chat/models.js';
import { awsSigner } from '../src/provider/aws.js';
import type { Path, ProviderType } from '../src/provider/provider-type.js';
import { bearerOrNone } from '../src/provider/signers.js';
import { claude } from './claude-models.js';

const invoke: Path = ({ model, stream }) => `/model/${model}/invoke${stream ? '-with-response-stream' : ''}`;
const converse: Path = ({ model, stream }) => `/model/${model}/converse${stream ? '-stream' : ''}`;

const isClaude = (model: string): boolean => /claude/i.test(model);
/** Claudes that can be held to a schema elsewhere, and not here. */
const unheld = /claude-(?:opus-4-[78]|opus-5|sonnet-5|fable-5)/i;

const nova: ConverseFacts = {
  ...unknownConverse,
  caches: true,
  topK: (topK) => ({ inferenceConfig: { topK } }),
};
const thinkingNova: ConverseFacts = {
  ...nova,
  effort: (effort) =>
    effort === 'none' || effort === 'minimal'
      ? { reasoningConfig: { type: 'disabled' } }
      : { reasoningConfig: { type: 'enabled', maxReasoningEffort: /^(?:low|medium)$/.test(effort) ? effort : 'high' } },
};
const openModel: ConverseFacts = {
  ...unknownConverse,
  effort: (effort) => ({
    reasoning_effort: { minimal: 'low', none: 'low', xhigh: 'high', max: 'high' }[effort] ?? effort,
  }),
};

function converseFacts(model: string): ConverseFacts {
  if (/nova-2/i.test(model)) return thinkingNova;
  if (/nova/i.test(model)) return nova;
  return /gpt-oss/i.test(model) ? openModel : unknownConverse;
}

export const bedrock = {
  type: 'bedrock',
  genAiName: 'aws.bedrock',
  baseUrl: ({ region }) => `https://bedrock-runtime.${region}.amazonaws.com`,
  speaks: {
    'anthropic-messages': {
      path: invoke,
      wrapping: {
        body: (body) => edited(body, { remove: ['model', 'stream'], add: { anthropic_version: 'bedrock-2023-05-31' } }),
        unframe: () => new InvokedMessages(),
      },
    },
    'bedrock-converse': converse,
    'titan-embeddings': invoke,
    'cohere-embeddings': invoke,
  },
  formatsOf: (model) => {
    if (/titan-embed/i.test(model)) return ['titan-embeddings'];
    if (/cohere\.embed/i.test(model)) return ['cohere-embeddings'];
    return [isClaude(model) ? 'anthropic-messages' : 'bedrock-converse'];
  },
  settings: {
    region: { required: true, env: ['AWS_REGION', 'AWS_DEFAULT_REGION'] },
    profile: { credential: true },
    role: { credential: true },
    external_id: { credential: true },
    token_file: { credential: true },
    access_key_id: { credential: true, env: ['AWS_ACCESS_KEY_ID'] },
    secret_access_key: { credential: true, env: ['AWS_SECRET_ACCESS_KEY'] },
    session_token: { credential: true, env: ['AWS_SESSION_TOKEN'] },
  },
  auth: bearerOrNone,
  keyEnv: ['AWS_BEARER_TOKEN_BEDROCK'],
  needsCredential: true,
  insteadOfKey: [['access_key_id', 'secret_access_key'], []],
  sign: awsSigner('bedrock'),
  catalogue: 'aws',
  failures: messagesFailures,
  errorTypeHeader: 'x-amzn-errortype',
  requestIdHeader: 'x-amzn-requestid',
  limitHeaders: [],
  mostInputs: 96,
  modelFacts: (model) => {
    if (!isClaude(model)) return { ...unknownModel, rejectsForcedTool: !/nova|mistral-large/i.test(model) };
    const facts = claude.modelFacts(model);
    return unheld.test(model) ? { ...facts, nativeStructuredOutput: false } : facts;
  },
  converseFacts,
  maxOutput: (model) => (isClaude(model) ? claude.maxOutput(model) : maxOutputFor(model)),
  counting: (model) => {
    if (isClaude(model)) return claude.counting(model);
    return encodingFor(model).exact
      ? { ...encodingFor(model), factor: 1 }
      : { encoding: 'o200k_base', factor: 1.2, exact: false };
  },
} satisfies ProviderType;
