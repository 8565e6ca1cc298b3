/** What becomes of each parameter of the Responses API on its way to chat completions. */
import type { ResponseCreateParams } from 'openai/resources/responses/responses';
import { listOf } from '../../formats/openai-responses/items.js';
import type { TargetFacts } from '../../formats/translation.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { type Fate, judgeParameters } from '../parameter-fates.js';

type ParameterName =
  | keyof ResponseCreateParams
  | 'client_metadata'
  | 'background_options'
  | 'access_programs'
  | 'image';

const fates = {
  background: 'carried', // the gateway's
  conversation: 'carried', // the gateway's
  include: 'carried',
  input: 'carried',
  instructions: 'carried',
  max_output_tokens: 'carried',
  metadata: 'carried', // the gateway reads it
  model: 'carried',
  parallel_tool_calls: 'carried',
  previous_response_id: 'carried', // the gateway's
  reasoning: 'carried',
  safety_identifier: 'carried',
  service_tier: 'carried',
  store: 'carried', // the gateway's
  stream: 'carried',
  stream_options: 'carried', // what it says is about padding
  temperature: 'carried',
  text: 'carried',
  tool_choice: 'carried',
  tools: 'carried',
  top_logprobs: 'carried',
  top_p: 'carried',
  user: 'carried',

  client_metadata: 'harmless',
  max_tool_calls: 'harmless', // of tools that the provider runs
  prompt_cache_key: 'harmless',
  prompt_cache_options: 'harmless',
  prompt_cache_retention: 'harmless',
  truncation: 'harmless', // a conversation that is too long is refused instead

  access_programs: 'refused',
  background_options: 'refused',
  context_management: 'refused',
  image: 'refused',
  moderation: 'refused',
  prompt: 'refused',
} as const satisfies Readonly<Record<string, Fate>>;

// Every parameter that OpenAI's package knows has its fate here.
type Missing = Exclude<ParameterName, keyof typeof fates>;
const _complete: Missing extends never ? true : Missing = true;
void _complete;

/** Values that ask for what happens anyway, and hints that every client sends: left out without a word. */
const silent: Readonly<Record<string, (value: unknown) => boolean>> = {
  client_metadata: () => true,
  context_management: (value) => listOf(value).length === 0,
  max_tool_calls: () => true,
  prompt_cache_key: () => true,
  truncation: (value) => value === 'disabled',
};

export const checkParameters = (request: Json, findings: Findings): void =>
  judgeParameters(request, { fates, noOps: silent }, findings);

const LOGPROBS = 'message.output_text.logprobs';

/** The parameters that chat completions have under other names, or in another shape. */
export function chatParameters(request: Json, { outputField }: TargetFacts, findings: Findings): Json {
  const { max_output_tokens: most, reasoning, text, top_logprobs: top } = request;
  const effort = isObject(reasoning) ? reasoning['effort'] : undefined;
  const logprobs = listOf(request['include']).includes(LOGPROBS);
  const { format, verbosity } = isObject(text) ? text : ({} as Json);
  return {
    ...present(outputField, most),
    ...present('reasoning_effort', effort),
    ...present('temperature', request['temperature']),
    ...present('top_p', request['top_p']),
    ...present('user', request['user']),
    ...present('safety_identifier', request['safety_identifier']),
    ...present('service_tier', request['service_tier']),
    ...(verbosity === 'medium' ? {} : present('verbosity', verbosity)),
    ...(logprobs ? { logprobs: true, ...present('top_logprobs', top === 0 ? undefined : top) } : {}),
    ...responseFormat(format, findings),
  };
}

const present = (name: string, value: unknown): Json => (isAbsent(value) ? {} : { [name]: value });

function responseFormat(format: unknown, findings: Findings): Json {
  if (isAbsent(format)) return {};
  const path = 'text.format';
  if (!isObject(format)) return findings.invalid(path, 'must be an object') ?? {};
  const { type, name, schema, strict, description } = format;
  if (type === 'text') return {};
  if (type === 'json_object') return { response_format: { type } };
  if (type !== 'json_schema')
    return findings.invalid(`${path}.type`, "must be 'text', 'json_object' or 'json_schema'") ?? {};
  const declared = {
    name: typeof name === 'string' && name !== '' ? name : 'answer',
    ...present('description', description),
    ...present('schema', schema),
    ...present('strict', strict),
  };
  return { response_format: { type, json_schema: declared } };
}
