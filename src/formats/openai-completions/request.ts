/** Reads a request of OpenAI's completions as far as the gateway needs it: a prompt as text, as tokens, or lists of these. */

import { ok, type Refusal, type Result, refused } from '../../lib/errors.js';
import { isObject, type Json } from '../../lib/json.js';
import { isPositiveInteger, type JsonBody, missing, optional, readJsonBody, repeated, wrong } from '../json-body.js';
import type { RequestBase } from '../request.js';
import { CompletionsFacts } from './facts.js';

export interface CompletionsRequest extends RequestBase {
  readonly format: 'openai-completions';
  /** The client set `stream_options.include_usage`. */
  readonly askedUsage: boolean;
}

/** Fields that the gateway acts on: written twice, two readers could understand two different things. */
const readFields: ReadonlySet<string> = new Set([
  ...[
    'model',
    'prompt',
    'stream',
    'stream_options',
    'n',
    'best_of',
    'max_tokens',
    'echo',
    'suffix',
    'logprobs',
    'user',
  ],
]);

/** A large body is read in turns. */
export function readCompletionsRequest(
  body: Buffer,
  model?: string,
): Result<CompletionsRequest> | Promise<Result<CompletionsRequest>> {
  const parsed = readJsonBody(body, model);
  return parsed instanceof Promise ? parsed.then(requestOf) : requestOf(parsed);
}

function requestOf(parsed: Result<JsonBody>): Result<CompletionsRequest> {
  if (!parsed.ok) return parsed;
  const { body, json, fields } = parsed.value;
  const problem = repeated(fields, readFields) ?? problemIn(json);
  if (problem) return refused(problem);
  const { stream_options: options } = json;
  return ok({
    format: 'openai-completions',
    body,
    json,
    fields,
    model: json['model'] as string,
    stream: json['stream'] === true,
    askedUsage: isObject(options) && options['include_usage'] === true,
    user: typeof json['user'] === 'string' ? json['user'] : null,
    metadata: {},
    facts: new CompletionsFacts(json, body.length),
  });
}

function problemIn(json: Json): Refusal | undefined {
  const { model, prompt, stream, stream_options: options } = json;
  if (model === undefined) return missing('model');
  if (typeof model !== 'string' || model === '') return wrong('model', 'must be a non-empty string');
  if (prompt === undefined && json['messages'] !== undefined)
    return wrong('messages', "belongs to /v1/chat/completions: this is /v1/completions, which takes a 'prompt'");
  if (prompt === undefined) return missing('prompt');
  if (!isPrompt(prompt))
    return wrong('prompt', 'must be a text, a list of texts, tokens, or a list of lists of tokens');
  if (!optional(stream, (value) => typeof value === 'boolean')) return wrong('stream', 'must be a boolean');
  if (!optional(options, isObject)) return wrong('stream_options', 'must be an object');
  for (const name of ['n', 'best_of', 'max_tokens'])
    if (!optional(json[name], (value) => isPositiveInteger(value) || (name === 'max_tokens' && value === 0)))
      return wrong(name, 'must be a positive integer');
  return undefined;
}

const isToken = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

function isPrompt(prompt: unknown): boolean {
  if (typeof prompt === 'string') return true;
  if (!Array.isArray(prompt) || prompt.length === 0) return false;
  const items = prompt as unknown[];
  if (typeof items[0] === 'string') return items.every((item) => typeof item === 'string');
  if (typeof items[0] === 'number') return items.every(isToken);
  return items.every((item) => Array.isArray(item) && item.length > 0 && item.every(isToken));
}
