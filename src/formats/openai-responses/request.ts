/**
 * Reads a request of OpenAI's Responses API as far as the gateway needs it. What is not read here is not judged here: unknown
 * fields belong to the upstream. Source of the shape: OpenAI's `POST /v1/responses`.
 */
import { ok, type Refusal, type Result, refuse, refused } from '../../lib/errors.js';
import { isObject, type Json } from '../../lib/json.js';
import { isPositiveInteger, type JsonBody, missing, optional, readJsonBody, repeated, wrong } from '../json-body.js';
import type { JsonFields } from '../json-fields.js';
import type { RequestBase } from '../request.js';
import { ResponsesFacts } from './facts.js';
import { conversationId } from './items.js';

export interface ResponsesRequest extends RequestBase {
  readonly format: 'openai-responses';
  /** The gateway keeps the answer, so that it can be asked for and gone on from: `store` is not false. */
  readonly stores: boolean;
}

/** Fields that the gateway acts on: written twice, two readers could understand two different things. */
const readFields: ReadonlySet<string> = new Set([
  ...['model', 'input', 'instructions', 'stream', 'max_output_tokens', 'tools', 'user', 'metadata', 'include'],
  ...['store', 'background', 'previous_response_id', 'conversation', 'service_tier'],
]);

export function readResponsesRequest(body: Buffer): Result<ResponsesRequest> | Promise<Result<ResponsesRequest>> {
  const parsed = readJsonBody(body);
  return parsed instanceof Promise ? parsed.then((read) => requestOf(body, read)) : requestOf(body, parsed);
}

function requestOf(body: Buffer, parsed: Result<JsonBody>): Result<ResponsesRequest> {
  if (!parsed.ok) return parsed;
  const { json, fields } = parsed.value;
  const problem = problemIn(json, fields);
  if (problem) return refused(problem);
  const user = [json['user'], json['safety_identifier']].find((one) => typeof one === 'string');
  return ok({
    format: 'openai-responses',
    body,
    json,
    fields,
    model: json['model'] as string,
    stream: json['stream'] === true,
    stores: json['store'] !== false,
    user: (user as string | undefined) ?? null,
    metadata: isObject(json['metadata']) ? json['metadata'] : {},
    facts: new ResponsesFacts(json, body.length),
  });
}

const CHAT_BODY =
  "The body is a chat completion request: it has 'messages' and no 'input'. Send it to /v1/chat/completions, or send 'input' instead of 'messages'.";

function problemIn(json: Json, fields: JsonFields): Refusal | undefined {
  const twice = repeated(fields, readFields);
  if (twice) return twice;
  const { model, input, prompt, messages, instructions } = json;
  if (model === undefined) return missing('model');
  if (typeof model !== 'string' || model === '') return wrong('model', 'must be a non-empty string');
  if (input === undefined || input === null) {
    if (messages !== undefined) return refuse('unsupported_parameter', CHAT_BODY, { param: 'messages' });
    const goesOn = json['previous_response_id'] ?? json['conversation'];
    if (!isObject(prompt) && typeof goesOn !== 'string' && !isObject(goesOn)) return missing('input');
  } else if (typeof input !== 'string' && !Array.isArray(input)) {
    return wrong('input', 'must be a string or an array of items');
  }
  // A list of items is what some tools write instead of a text.
  if (!optional(instructions, (value) => typeof value === 'string' || Array.isArray(value)))
    return wrong('instructions', 'must be a string');
  return problemInItems(input) ?? problemInOptions(json);
}

/** `name`: of the list, as it is told. */
export function problemInItems(input: unknown, name = 'input'): Refusal | undefined {
  if (!Array.isArray(input)) return undefined;
  for (const [i, item] of input.entries()) {
    if (!isObject(item)) return wrong(`${name}[${i}]`, 'must be an object');
    const { type, content } = item;
    if (type !== undefined && typeof type !== 'string') return wrong(`${name}[${i}].type`, 'must be a string');
    if (type !== undefined && type !== 'message') continue;
    if (type === undefined && typeof item['id'] === 'string' && item['role'] === undefined) continue; // a reference
    if (typeof item['role'] !== 'string') return wrong(`${name}[${i}].role`, 'must be a string');
    if (content === undefined || content === null || typeof content === 'string') continue;
    if (!Array.isArray(content)) return wrong(`${name}[${i}].content`, 'must be a string or an array of parts');
    const at = content.findIndex((part) => !isObject(part));
    if (at !== -1) return wrong(`${name}[${i}].content[${at}]`, 'must be an object');
  }
  return undefined;
}

const FLAGS = ['stream', 'store', 'background'];
const LISTS = ['tools', 'include'];
const isBoolean = (value: unknown): boolean => typeof value === 'boolean';

function problemInOptions(json: Json): Refusal | undefined {
  for (const name of FLAGS) if (!optional(json[name], isBoolean)) return wrong(name, 'must be a boolean');
  for (const name of LISTS) if (!optional(json[name], Array.isArray)) return wrong(name, 'must be an array');
  if (!optional(json['max_output_tokens'], isPositiveInteger))
    return wrong('max_output_tokens', 'must be a positive integer');
  if (!optional(json['previous_response_id'], (value) => typeof value === 'string'))
    return wrong('previous_response_id', 'must be a string');
  if (!optional(json['conversation'], (value) => conversationId({ conversation: value }) !== undefined))
    return wrong('conversation', 'must be the id of a conversation, or an object with its id');
  return undefined;
}
