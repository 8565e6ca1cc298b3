/**
 * Reads an embeddings request as far as the gateway needs it. What is not read here is not judged here: unknown fields, and
 * formats that some vendors have beside `float` and `base64`, belong to the upstream. Source of the shape: OpenAI's
 * `POST /v1/embeddings`.
 */

import { ok, type Refusal, type Result, refused } from '../../lib/errors.js';
import { isObject } from '../../lib/json.js';
import { isPositiveInteger, type JsonBody, missing, optional, readJsonBody, repeated, wrong } from '../json-body.js';
import type { RequestBase } from '../request.js';
import { EmbeddingsFacts, type EmbeddingsInput } from './facts.js';

export interface EmbeddingsRequest extends RequestBase {
  readonly format: 'openai-embeddings';
  readonly stream: false;
}

/** Fields that the gateway acts on. */
const readFields: ReadonlySet<string> = new Set([
  'model',
  'input',
  'encoding_format',
  'dimensions',
  'user',
  'metadata',
]);

export function readEmbeddingsRequest(
  body: Buffer,
  model?: string,
): Result<EmbeddingsRequest> | Promise<Result<EmbeddingsRequest>> {
  const parsed = readJsonBody(body, model);
  return parsed instanceof Promise ? parsed.then(requestOf) : requestOf(parsed);
}

function requestOf(parsed: Result<JsonBody>): Result<EmbeddingsRequest> {
  if (!parsed.ok) return parsed;
  const { body, json, fields } = parsed.value;
  const problem = repeated(fields, readFields) ?? problemIn(json);
  if (problem) return refused(problem);
  return ok({
    format: 'openai-embeddings',
    body,
    json,
    fields,
    model: json['model'] as string,
    user: typeof json['user'] === 'string' ? json['user'] : null,
    metadata: isObject(json['metadata']) ? json['metadata'] : {},
    stream: false,
    facts: new EmbeddingsFacts(json['input'] as EmbeddingsInput, body.length),
  });
}

function problemIn({ model, input, encoding_format, dimensions }: Record<string, unknown>): Refusal | undefined {
  if (model === undefined) return missing('model');
  if (typeof model !== 'string' || model === '') return wrong('model', 'must be a non-empty string');
  if (input === undefined) return missing('input');
  if (!optional(encoding_format, (value) => typeof value === 'string'))
    return wrong('encoding_format', 'must be a string, float or base64');
  if (!optional(dimensions, isPositiveInteger)) return wrong('dimensions', 'must be a positive integer');
  return problemInInput(input);
}

function problemInInput(input: unknown): Refusal | undefined {
  if (typeof input === 'string') return undefined;
  if (!Array.isArray(input))
    return wrong('input', 'must be a string, or an array of strings, of tokens or of token arrays');
  const [first] = input as unknown[];
  if (input.length === 0) return wrong('input', 'must not be an empty array');
  if (typeof first === 'number') return problemInTokens(input, 'input');
  if (typeof first !== 'string' && !Array.isArray(first))
    return wrong('input[0]', 'must be a string, a token or an array of tokens');
  for (let i = 0; i < input.length; i++) {
    const item = input[i] as unknown;
    if (typeof first === 'string') {
      if (typeof item !== 'string') return wrong(`input[${i}]`, 'must be a string, as the first one is');
      continue;
    }
    if (!Array.isArray(item)) return wrong(`input[${i}]`, 'must be an array of tokens, as the first one is');
    if (item.length === 0) return wrong(`input[${i}]`, 'must not be an empty array');
    const problem = problemInTokens(item, `input[${i}]`);
    if (problem) return problem;
  }
  return undefined;
}

function problemInTokens(tokens: readonly unknown[], path: string): Refusal | undefined {
  const at = tokens.findIndex((token) => !Number.isSafeInteger(token) || (token as number) < 0);
  return at === -1 ? undefined : wrong(`${path}[${at}]`, 'must be a token: a whole number that is not negative');
}
