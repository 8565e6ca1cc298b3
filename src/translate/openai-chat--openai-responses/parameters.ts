/** What becomes of each top-level parameter of a chat completion on its way to the Responses API. */
import type { ChatCompletionCreateParams } from 'openai/resources/chat/completions';
import { listOf } from '../../formats/openai-responses/items.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { type Fate, judgeParameters } from '../parameter-fates.js';

const fates = {
  messages: 'carried',
  model: 'carried',
  max_completion_tokens: 'carried',
  max_tokens: 'carried',
  metadata: 'carried',
  parallel_tool_calls: 'carried',
  prompt_cache_key: 'carried',
  prompt_cache_options: 'carried',
  prompt_cache_retention: 'carried',
  reasoning_effort: 'carried',
  response_format: 'carried',
  safety_identifier: 'carried',
  service_tier: 'carried',
  logprobs: 'carried',
  stream: 'carried',
  stream_options: 'carried',
  temperature: 'carried',
  tool_choice: 'carried',
  tools: 'carried',
  top_logprobs: 'carried',
  top_p: 'carried',
  user: 'carried',
  verbosity: 'carried',

  frequency_penalty: 'harmless',
  prediction: 'harmless', // speed only
  presence_penalty: 'harmless',
  seed: 'harmless', // "best effort" by its own definition
  store: 'harmless', // the gateway's targets keep nothing

  audio: 'refused',
  function_call: 'refused',
  functions: 'refused',
  logit_bias: 'refused',
  modalities: 'refused',
  moderation: 'refused',
  n: 'refused',
  stop: 'refused',
  web_search_options: 'refused',

  // Clients that know other targets send them.
  cache_control: 'harmless', // prompts are cached without being asked
  top_k: 'harmless',
} as const satisfies Record<keyof ChatCompletionCreateParams | 'cache_control' | 'top_k', Fate>;

/** Values that ask for what happens anyway: accepted without a word. */
const noOps: Readonly<Record<string, (value: unknown) => boolean>> = {
  frequency_penalty: (value) => value === 0,
  presence_penalty: (value) => value === 0,
  logit_bias: (value) => isObject(value) && Object.keys(value).length === 0,
  modalities: (value) => listOf(value).every((one) => one === 'text'),
  n: (value) => value === 1,
  stop: (value) => Array.isArray(value) && value.length === 0,
  store: (value) => value === false,
};

export const checkParameters = (body: Json, findings: Findings): void =>
  judgeParameters(body, { fates, noOps }, findings);

/** The least that the API takes. */
const LEAST_OUTPUT = 16;
/** Fields of the same name and meaning. */
const same = [
  ...['temperature', 'top_p', 'metadata', 'user', 'safety_identifier', 'service_tier', 'prompt_cache_key'],
  ...['prompt_cache_options', 'prompt_cache_retention', 'top_logprobs'],
];

export function responseParameters(body: Json, maxOutput: number | null, findings: Findings): Json {
  const { reasoning_effort: effort, verbosity } = body;
  const format = textFormat(body['response_format'], findings);
  const text = { ...(format ? { format } : {}), ...(isAbsent(verbosity) ? {} : { verbosity }) };
  return {
    ...Object.fromEntries(same.filter((name) => !isAbsent(body[name])).map((name) => [name, body[name]])),
    ...(maxOutput === null ? {} : { max_output_tokens: Math.max(LEAST_OUTPUT, maxOutput) }),
    ...(isAbsent(effort) ? {} : { reasoning: { effort } }),
    ...(Object.keys(text).length === 0 ? {} : { text }),
    ...toolsOf(body, findings),
  };
}

function textFormat(format: unknown, findings: Findings): Json | undefined {
  if (isAbsent(format)) return undefined;
  if (!isObject(format)) return findings.invalid('response_format', 'must be an object');
  const { type, json_schema: schema } = format;
  if (type === 'text') return undefined;
  return type === 'json_schema' && isObject(schema) ? { type, ...schema } : { type };
}

function toolsOf(body: Json, findings: Findings): Json {
  const tools = listOf(body['tools']).flatMap((tool, i) => toolOf(tool, `tools[${i}]`, findings) ?? []);
  if (tools.length === 0) return {};
  const choice = choiceOf(body['tool_choice']);
  const { parallel_tool_calls: parallel } = body;
  return {
    tools,
    ...(isAbsent(choice) ? {} : { tool_choice: choice }),
    ...(isAbsent(parallel) ? {} : { parallel_tool_calls: parallel }),
  };
}

/** Tools that do not say are strict there, and not here. */
function toolOf(tool: unknown, path: string, findings: Findings): Json | undefined {
  if (!isObject(tool)) return findings.invalid(path, 'must be an object');
  const { type, function: declared, custom } = tool;
  if (!isAbsent(tool['cache_control'])) findings.drop('cache_control');
  if (type === 'custom' && isObject(custom)) {
    const { format } = custom;
    const grammar = isObject(format) ? format['grammar'] : undefined;
    return { type, ...custom, ...(isObject(grammar) ? { format: { type: 'grammar', ...grammar } } : {}) };
  }
  if (!isObject(declared)) return findings.invalid(`${path}.function`, 'must be an object');
  const { parameters, strict } = declared;
  return {
    type: 'function',
    ...declared,
    parameters: parameters ?? { type: 'object', properties: {} },
    strict: strict === true,
  };
}

const named = (tool: Json): Json => {
  const { type, function: called, custom } = tool;
  const { name } = isObject(called) ? called : isObject(custom) ? custom : ({} as Json);
  return { type, name };
};

function choiceOf(choice: unknown): unknown {
  if (!isObject(choice)) return choice;
  const { allowed_tools: allowed } = choice;
  if (choice['type'] !== 'allowed_tools' || !isObject(allowed)) return named(choice);
  return { type: 'allowed_tools', mode: allowed['mode'], tools: listOf(allowed['tools']).filter(isObject).map(named) };
}
