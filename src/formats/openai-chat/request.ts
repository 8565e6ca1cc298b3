/**
 * Reads a chat completion request as far as the gateway needs it. What is not read here is not judged here: unknown fields
 * belong to the upstream. Source of the shape: OpenAI's `POST /v1/chat/completions`.
 */

import { ok, type Refusal, type Result, refused } from '../../lib/errors.js';
import { isObject, type Json } from '../../lib/json.js';
import { isPositiveInteger, type JsonBody, missing, optional, readJsonBody, repeated, wrong } from '../json-body.js';
import { type JsonFields, jsonFields } from '../json-fields.js';
import type { RequestBase } from '../request.js';
import { ChatFacts } from './facts.js';

export interface ChatRequest extends RequestBase {
  readonly format: 'openai-chat';
  /** The client set `stream_options.include_usage`. */
  readonly askedUsage: boolean;
}

/** Fields that the gateway acts on: written twice, two readers could understand two different things. */
const readFields: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'n',
  'max_tokens',
  'max_completion_tokens',
  'tools',
  'user',
  'safety_identifier',
  'metadata',
]);

export function readChatRequest(body: Buffer, model?: string): Result<ChatRequest> | Promise<Result<ChatRequest>> {
  const parsed = readJsonBody(body, model);
  return parsed instanceof Promise ? parsed.then(requestOf) : requestOf(parsed);
}

/** A request that the gateway made of another one. */
export function chatRequestOf(json: Json): Result<ChatRequest> {
  const body = Buffer.from(JSON.stringify(json));
  return requestOf(ok({ body, json, fields: jsonFields(body)! }));
}

function requestOf(parsed: Result<JsonBody>): Result<ChatRequest> {
  if (!parsed.ok) return parsed;
  const { body, json, fields } = parsed.value;
  const problem = problemIn(json, fields);
  if (problem) return refused(problem);
  const user = [json['user'], json['safety_identifier']].find((one) => typeof one === 'string');
  const options = json['stream_options'] as { include_usage?: unknown } | null | undefined;
  return ok({
    format: 'openai-chat',
    body,
    json,
    fields,
    model: json['model'] as string,
    stream: json['stream'] === true,
    askedUsage: options?.include_usage === true,
    user: user ?? null,
    metadata: isObject(json['metadata']) ? json['metadata'] : {},
    facts: new ChatFacts(json, body.length),
  });
}

function problemIn(json: Record<string, unknown>, fields: JsonFields): Refusal | undefined {
  const twice = repeated(fields, readFields);
  if (twice) return twice;
  const { model, messages } = json;
  if (model === undefined) return missing('model');
  if (typeof model !== 'string' || model === '') return wrong('model', 'must be a non-empty string');
  if (messages === undefined && json['input'] !== undefined)
    return wrong('input', "belongs to /v1/responses: this is /v1/chat/completions, which takes 'messages'");
  if (messages === undefined && json['prompt'] !== undefined)
    return wrong('prompt', "belongs to /v1/completions: this is /v1/chat/completions, which takes 'messages'");
  if (messages === undefined) return missing('messages');
  if (!Array.isArray(messages)) return wrong('messages', 'must be an array');
  if (messages.length === 0) return wrong('messages', 'must hold at least one message');
  for (let i = 0; i < messages.length; i++) {
    const problem = problemInMessage(messages[i], `messages[${i}]`);
    if (problem) return problem;
  }
  return problemInOptions(json);
}

function problemInMessage(message: unknown, path: string): Refusal | undefined {
  if (!isObject(message)) return wrong(path, 'must be an object');
  if (typeof message['role'] !== 'string') return wrong(`${path}.role`, 'must be a string');
  const content = message['content'];
  if (content === undefined || content === null || typeof content === 'string') return undefined;
  if (!Array.isArray(content)) return wrong(`${path}.content`, 'must be a string or an array of parts');
  const at = content.findIndex((part) => !isObject(part));
  return at === -1 ? undefined : wrong(`${path}.content[${at}]`, 'must be an object');
}

/** llama.cpp, LM Studio and their clients write "no maximum" so. */
export const saysNoMaximum = (value: unknown): boolean => value === 0 || value === -1;

function problemInOptions(json: Record<string, unknown>): Refusal | undefined {
  if (!optional(json['stream'], (value) => typeof value === 'boolean')) return wrong('stream', 'must be a boolean');
  if (!optional(json['stream_options'], isObject)) return wrong('stream_options', 'must be an object');
  if (!optional(json['tools'], Array.isArray)) return wrong('tools', 'must be an array');
  for (const name of ['n', 'max_tokens', 'max_completion_tokens']) {
    if (!optional(json[name], (value) => isPositiveInteger(value) || (name !== 'n' && saysNoMaximum(value))))
      return wrong(name, 'must be a positive integer');
  }
  return undefined;
}
