/**
 * A request of the messages dialect told as a chat completion, for targets that speak anything but messages. Nothing is lost
 * without a word: what a chat completion cannot express is refused by the name of its field, or left out and named where it
 * only tunes or hints. What other dialects behind chat completions know (marks of the prompt cache, signed thinking, `top_k`)
 * travels in extension fields.
 */
import { createHash } from 'node:crypto';
import { sessionOf } from '../../formats/anthropic-messages/end-user.js';
import type { MessagesRequest } from '../../formats/anthropic-messages/request.js';
import type { TargetFacts } from '../../formats/translation.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import type { ChatLeg } from '../through-chat.js';
import { answerOf } from './answer.js';
import { readMessages } from './messages.js';
import { checkParameters } from './parameters.js';
import { MessagesWriter } from './stream.js';
import { fitsStrict, readTools } from './tools.js';

export const messagesByChat: ChatLeg<MessagesRequest> = {
  from: 'anthropic-messages',
  boundsMaximum: true,
  fieldNames: new Map([
    ['stop', 'stop_sequences'],
    ['reasoning_effort', 'output_config.effort'],
    ['response_format', 'output_config.format'],
    ['response_format.json_schema.schema', 'output_config.format.schema'],
    ['safety_identifier', 'metadata.user_id'],
    ['prompt_cache_key', 'metadata.user_id'],
    ['max_completion_tokens', 'max_tokens'],
    ['parallel_tool_calls', 'tool_choice.disable_parallel_tool_use'],
    ['tools[].function.strict', 'tools.strict'],
    ['thinking_blocks', 'thinking'],
  ]),
  toChat,
  answer: answerOf,
  writer: (terms) => new MessagesWriter(terms),
};

function toChat({ json }: MessagesRequest, target: TargetFacts, findings: Findings): Json {
  checkParameters(json, findings);
  const tools = readTools(json, findings);
  return {
    model: target.model,
    messages: readMessages(json, target, findings),
    [target.outputField]: readMaximum(json['max_tokens'], target, findings),
    ...(json['stream'] === true ? { stream: true } : {}),
    ...tools,
    ...readSampling(json, findings),
    ...readForm(json, findings),
    ...readEffort(json, findings),
    ...readUser(json['metadata']),
    ...readServiceTier(json['service_tier']),
    ...(isAbsent(json['cache_control']) ? {} : { cache_control: json['cache_control'] }),
  };
}

/** Coding agents ask for more than most models can answer with. */
function readMaximum(most: unknown, { maxOutput }: TargetFacts, findings: Findings): number {
  if (typeof most !== 'number' || most < 1) findings.invalid('max_tokens', 'must be at least 1 for this model');
  return Math.min(typeof most === 'number' ? most : 1, maxOutput ?? Number.POSITIVE_INFINITY);
}

function readSampling(json: Json, findings: Findings): Json {
  const told: Record<string, unknown> = {};
  for (const [name, most] of [
    ['temperature', 1],
    ['top_p', 1],
    ['top_k', Number.MAX_SAFE_INTEGER],
  ] as const) {
    const value = json[name];
    if (isAbsent(value)) continue;
    if (typeof value !== 'number' || value < 0 || value > most)
      findings.invalid(name, `must be a number from 0 to ${most}`);
    else told[name] = value;
  }
  const { stop_sequences: stops } = json;
  if (isAbsent(stops)) return told;
  if (!Array.isArray(stops) || !stops.every((stop) => typeof stop === 'string'))
    findings.invalid('stop_sequences', 'must be a list of texts');
  else if (stops.length > 0) told['stop'] = stops;
  return told;
}

function readForm(json: Json, findings: Findings): Json {
  const { output_config: config, output_format: older } = json;
  const own = isObject(config) ? config['format'] : undefined;
  const path = isAbsent(own) ? 'output_format' : 'output_config.format';
  const format = own ?? older;
  if (isAbsent(format)) return {};
  if (!isObject(format) || format['type'] !== 'json_schema' || !isObject(format['schema'])) {
    findings.invalid(path, "must be {type: 'json_schema', schema}");
    return {};
  }
  const { schema } = format;
  return {
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'answer', schema, ...(fitsStrict(schema) ? { strict: true } : {}) },
    },
  };
}

const efforts: ReadonlySet<unknown> = new Set(['low', 'medium', 'high', 'xhigh', 'max']);
/** Tokens of thinking up to which a budget is a small one, and a middling one. */
const SMALL_BUDGET = 2_048;
const MIDDLING_BUDGET = 16_384;

/** An effort wins over a budget; without either, how much is thought is left to the model. */
function readEffort({ output_config: config, thinking }: Json, findings: Findings): Json {
  const effort = isObject(config) ? config['effort'] : undefined;
  const kind = isObject(thinking) ? thinking['type'] : undefined;
  if (kind === 'disabled') return { reasoning_effort: 'none' };
  if (!isAbsent(effort)) {
    if (efforts.has(effort)) return { reasoning_effort: effort };
    findings.invalid('output_config.effort', "must be 'low', 'medium', 'high', 'xhigh' or 'max'");
    return {};
  }
  if (kind !== 'enabled') return {};
  const budget = isObject(thinking) ? thinking['budget_tokens'] : undefined;
  if (typeof budget !== 'number') {
    findings.invalid('thinking.budget_tokens', 'must be a number');
    return {};
  }
  return { reasoning_effort: budget <= SMALL_BUDGET ? 'low' : budget <= MIDDLING_BUDGET ? 'medium' : 'high' };
}

const LONGEST_USER = 64;

/** A name that is too long is told by its hash: it stays the same for the same user. */
function readUser(metadata: unknown): Json {
  const id = isObject(metadata) ? metadata['user_id'] : undefined;
  if (typeof id !== 'string' || id === '') return {};
  const session = sessionOf(id);
  return {
    safety_identifier: id.length > LONGEST_USER || id[0] === '{' ? hashed(id) : id,
    ...(session === null ? {} : { prompt_cache_key: hashed(session) }),
  };
}

const hashed = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, LONGEST_USER);

const readServiceTier = (tier: unknown): Json => (tier === 'standard_only' ? { service_tier: 'default' } : {});
