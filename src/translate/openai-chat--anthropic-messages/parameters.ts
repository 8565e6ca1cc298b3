/** What becomes of each top-level parameter of a chat completion on its way to the messages dialect. */
import type { ChatCompletionCreateParams } from 'openai/resources/chat/completions';
import type { Json } from '../../lib/json.js';
import type { Findings } from '../findings.js';
import { type Fate, judgeParameters } from '../parameter-fates.js';

/** The last three are not OpenAI's, but clients that know the target send them. */
type ParameterName = keyof ChatCompletionCreateParams | 'cache_control' | 'thinking' | 'top_k';

const fates = {
  cache_control: 'carried',
  messages: 'carried',
  model: 'carried',
  max_completion_tokens: 'carried',
  max_tokens: 'carried',
  parallel_tool_calls: 'carried',
  reasoning_effort: 'carried',
  response_format: 'carried',
  safety_identifier: 'carried',
  service_tier: 'carried',
  stop: 'carried',
  stream: 'carried',
  stream_options: 'carried',
  temperature: 'carried',
  thinking: 'carried',
  tool_choice: 'carried',
  tools: 'carried',
  top_k: 'carried',
  top_p: 'carried',
  user: 'carried',

  frequency_penalty: 'harmless',
  metadata: 'harmless', // the gateway itself reads it
  prediction: 'harmless', // speed only
  presence_penalty: 'harmless',
  prompt_cache_key: 'harmless',
  prompt_cache_options: 'harmless',
  prompt_cache_retention: 'harmless',
  seed: 'harmless', // "best effort" by its own definition
  store: 'harmless',
  verbosity: 'harmless',

  audio: 'refused',
  function_call: 'refused',
  functions: 'refused',
  logit_bias: 'refused',
  logprobs: 'refused',
  modalities: 'refused',
  moderation: 'refused',
  n: 'refused',
  top_logprobs: 'refused',
  web_search_options: 'refused',
} as const satisfies Record<ParameterName, Fate>;

/** Values that ask for what happens anyway: accepted without a word. */
const noOps: { readonly [name in ParameterName]?: (value: unknown) => boolean } = {
  frequency_penalty: (value) => value === 0,
  logit_bias: (value) => typeof value === 'object' && Object.keys(value ?? {}).length === 0,
  logprobs: (value) => value === false,
  modalities: (value) => Array.isArray(value) && value.every((item) => item === 'text'),
  n: (value) => value === 1,
  presence_penalty: (value) => value === 0,
  store: (value) => value === false,
  top_logprobs: (value) => value === 0,
  verbosity: (value) => value === 'medium',
};

const why: { readonly [name in ParameterName]?: string } = {
  function_call: "is the retired form of 'tool_choice', which this model's provider has",
  functions: "is the retired form of 'tools', which this model's provider has",
  n: 'must be 1 for this model: its provider gives one choice per request',
};

export const checkParameters = (body: Json, findings: Findings): void =>
  judgeParameters(body, { fates, noOps, why }, findings);
