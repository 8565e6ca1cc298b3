/**
 * Reads a request of the messages dialect as far as the gateway needs it. What is not read here is not judged here: roles,
 * blocks, fields and values that are not known belong to the upstream. What is refused is told by its path, as Anthropic
 * writes it: `messages.0.content.1`. Source of the shape: Anthropic's `POST /v1/messages` and `/v1/messages/count_tokens`.
 */

import { ok, type Refusal, type Result, refuse, refused } from '../../lib/errors.js';
import { isObject, type Json } from '../../lib/json.js';
import { type JsonBody, optional, readJsonBody, repeated } from '../json-body.js';
import type { JsonFields } from '../json-fields.js';
import type { RequestBase } from '../request.js';
import { endUserOf } from './end-user.js';
import { MessagesFacts } from './facts.js';

export interface MessagesRequest extends RequestBase {
  readonly format: 'anthropic-messages';
}

/** Fields that the gateway acts on: written twice, two readers could understand two different things. */
const readFields: ReadonlySet<string> = new Set([
  ...['model', 'messages', 'max_tokens', 'stream', 'system', 'tools', 'tool_choice', 'metadata', 'thinking'],
  ...['service_tier', 'output_config', 'output_format'],
]);

type Reading = Result<MessagesRequest> | Promise<Result<MessagesRequest>>;

/** A large body is read in turns. */
export const readMessagesRequest = (body: Buffer): Reading => read(body, true);

/** A request whose tokens are to be counted: it names no maximum. */
export const readCountRequest = (body: Buffer): Reading => read(body, false);

function read(body: Buffer, namesMaximum: boolean): Reading {
  const parsed = readJsonBody(body);
  return parsed instanceof Promise
    ? parsed.then((later) => requestOf(body, later, namesMaximum))
    : requestOf(body, parsed, namesMaximum);
}

function requestOf(body: Buffer, parsed: Result<JsonBody>, namesMaximum: boolean): Result<MessagesRequest> {
  if (!parsed.ok) return parsed;
  const { json, fields } = parsed.value;
  const problem = problemIn(json, fields, namesMaximum);
  if (problem) return refused(problem);
  const { user_id: id, ...metadata } = isObject(json['metadata']) ? json['metadata'] : ({} as Json);
  return ok({
    format: 'anthropic-messages',
    body,
    json,
    fields,
    model: json['model'] as string,
    stream: json['stream'] === true,
    user: endUserOf(id),
    metadata,
    facts: new MessagesFacts(json, body.length),
  });
}

const wrong = (param: string, what: string): Refusal => refuse('invalid_value', `${param}: ${what}`, { param });
const missing = (param: string): Refusal => refuse('missing_required_parameter', `${param}: Field required`, { param });

function problemIn(json: Json, fields: JsonFields, namesMaximum: boolean): Refusal | undefined {
  const twice = repeated(fields, readFields);
  if (twice) return twice;
  const { model, messages, max_tokens: most } = json;
  if (model === undefined) return missing('model');
  if (typeof model !== 'string' || model === '') return wrong('model', 'must be a non-empty string');
  if (namesMaximum && most === undefined) return missing('max_tokens');
  if (most !== undefined && !(Number.isSafeInteger(most) && (most as number) >= 0))
    return wrong('max_tokens', 'must be a whole number that is not negative');
  if (messages === undefined) return missing('messages');
  if (!Array.isArray(messages)) return wrong('messages', 'must be a list');
  if (messages.length === 0) return wrong('messages', 'at least one message is required');
  for (let i = 0; i < messages.length; i++) {
    const problem = problemInMessage(messages[i], `messages.${i}`);
    if (problem) return problem;
  }
  return problemInOptions(json);
}

function problemInMessage(message: unknown, path: string): Refusal | undefined {
  if (!isObject(message)) return wrong(path, 'must be an object');
  if (typeof message['role'] !== 'string') return wrong(`${path}.role`, 'must be a string');
  return problemInContent(message['content'], `${path}.content`);
}

function problemInContent(content: unknown, path: string): Refusal | undefined {
  if (content === undefined) return missing(path);
  if (typeof content === 'string') return undefined;
  if (!Array.isArray(content)) return wrong(path, 'must be a text or a list of blocks');
  const at = content.findIndex((block) => !isObject(block) || typeof block['type'] !== 'string');
  return at === -1 ? undefined : wrong(`${path}.${at}`, 'must be a block: an object with a type');
}

function problemInOptions(json: Json): Refusal | undefined {
  const { system, stream, tools } = json;
  if (!optional(stream, (value) => typeof value === 'boolean')) return wrong('stream', 'must be true or false');
  if (!optional(system, () => problemInContent(system, 'system') === undefined))
    return problemInContent(system, 'system');
  if (!optional(tools, Array.isArray)) return wrong('tools', 'must be a list');
  for (const name of ['metadata', 'thinking', 'tool_choice', 'output_config', 'output_format'])
    if (!optional(json[name], isObject)) return wrong(name, 'must be an object');
  return undefined;
}
