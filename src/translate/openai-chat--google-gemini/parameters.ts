/** What becomes of each top-level parameter of a chat completion on its way to Google's dialect. */
import type { ChatCompletionCreateParams } from 'openai/resources/chat/completions';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { type Fate, judgeParameters } from '../parameter-fates.js';
import { googleExtra } from './generation.js';

/** `top_k` is not OpenAI's, but clients that know the target send it; `extra_body` is of Google's own layer. */
type ParameterName = keyof ChatCompletionCreateParams | 'top_k' | 'extra_body' | 'cache_control';

const fates = {
  messages: 'carried',
  model: 'carried',
  extra_body: 'carried',
  frequency_penalty: 'carried',
  logprobs: 'carried',
  max_completion_tokens: 'carried',
  max_tokens: 'carried',
  modalities: 'carried',
  n: 'carried',
  parallel_tool_calls: 'carried',
  presence_penalty: 'carried',
  reasoning_effort: 'carried',
  response_format: 'carried',
  seed: 'carried',
  service_tier: 'carried',
  stop: 'carried',
  stream: 'carried',
  stream_options: 'carried',
  temperature: 'carried',
  tool_choice: 'carried',
  tools: 'carried',
  top_k: 'carried',
  top_logprobs: 'carried',
  top_p: 'carried',

  cache_control: 'harmless', // prompts are cached without being asked
  metadata: 'harmless', // the gateway itself reads it
  prediction: 'harmless', // speed only
  prompt_cache_key: 'harmless',
  prompt_cache_options: 'harmless',
  prompt_cache_retention: 'harmless',
  safety_identifier: 'harmless',
  store: 'harmless',
  user: 'harmless',
  verbosity: 'harmless',

  audio: 'refused',
  function_call: 'refused',
  functions: 'refused',
  logit_bias: 'refused',
  moderation: 'refused',
  web_search_options: 'refused',
} as const satisfies Record<ParameterName, Fate>;

/** Values that ask for what happens anyway: accepted without a word. */
const noOps: { readonly [name in ParameterName]?: (value: unknown) => boolean } = {
  logit_bias: (value) => typeof value === 'object' && Object.keys(value ?? {}).length === 0,
  store: (value) => value === false,
  verbosity: (value) => value === 'medium',
};

const why: { readonly [name in ParameterName]?: string } = {
  function_call: "is the retired form of 'tool_choice', which this model's provider has",
  functions: "is the retired form of 'tools', which this model's provider has",
};

export function checkParameters(body: Json, findings: Findings): void {
  judgeParameters(body, { fates, noOps, why }, findings);
  checkExtra(body, findings);
}

const extras: ReadonlySet<string> = new Set(['thinking_config', 'cached_content', 'safety_settings']);

function checkExtra(body: Json, findings: Findings): void {
  const { extra_body: extra } = body;
  if (isAbsent(extra)) return;
  if (!isObject(extra)) return findings.invalid('extra_body', 'must be an object');
  for (const name of Object.keys(extra)) {
    if (name === 'google' && isObject(extra[name])) continue;
    findings.unsupported(`extra_body.${name}`, 'is not known: there is extra_body.google, an object');
  }
  for (const name of Object.keys(googleExtra(body))) {
    if (extras.has(name)) continue;
    findings.unsupported(`extra_body.google.${name}`, `is not one of ${[...extras].join(', ')}`);
  }
}
