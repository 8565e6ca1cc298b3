/**
 * Reads a request for content as far as the gateway needs it. What is not read here is not judged here: unknown fields belong to
 * the upstream. The model and whether the answer is a stream stand in the address, which says so with `at`; where there is none,
 * as in an explanation, in fields of the body. Source of the shape: Google's Gemini API, v1beta.
 */
import { ok, type Refusal, type Result, refused } from '../../lib/errors.js';
import { isObject, type Json } from '../../lib/json.js';
import { jsonBytesInTurns } from '../../lib/json-bytes.js';
import { then } from '../../lib/then.js';
import { isPositiveInteger, type JsonBody, missing, optional, readJsonBody, repeated, wrong } from '../json-body.js';
import type { JsonFields } from '../json-fields.js';
import type { RequestBase } from '../request.js';
import { GeminiFacts } from './facts.js';
import { field, objectIn, snakeOf } from './fields.js';

export interface GeminiRequest extends RequestBase {
  readonly format: 'google-gemini';
  /** The stream is one JSON array instead of events. */
  readonly asArray: boolean;
}

/** What an address says of its requests. */
export interface GeminiAddress {
  readonly model: string;
  readonly stream: boolean;
  readonly asArray: boolean;
}

const acted = ['contents', 'generationConfig', 'systemInstruction', 'tools', 'cachedContent'];
/** Fields that the gateway acts on: written twice, two readers could understand two different things. */
const readFields: ReadonlySet<string> = new Set(acted.flatMap((name) => [name, snakeOf(name)]));

type Reading = Result<GeminiRequest> | Promise<Result<GeminiRequest>>;

/** A large body is read in turns. */
export const readGeminiRequest = (body: Buffer, at?: GeminiAddress): Reading =>
  then(readJsonBody(body), (parsed) => requestOf(body, parsed, at));

function requestOf(body: Buffer, parsed: Result<JsonBody>, at: GeminiAddress | undefined): Result<GeminiRequest> {
  if (!parsed.ok) return parsed;
  const { json, fields } = parsed.value;
  const model = at?.model ?? json['model'];
  if (model === undefined) return refused(missing('model'));
  if (typeof model !== 'string' || model === '') return refused(wrong('model', 'must be a non-empty string'));
  const problem = repeated(fields, readFields) ?? bothSpellings(fields) ?? problemIn(json);
  if (problem) return refused(problem);
  const stream = at?.stream ?? json['stream'] === true;
  return ok({
    format: 'google-gemini',
    body,
    json,
    fields,
    model,
    stream,
    asArray: at?.asArray ?? false,
    user: null,
    metadata: objectIn(json, 'labels') ?? {},
    facts: new GeminiFacts(json, body.length, stream),
  });
}

/** The request whose tokens are to be counted: the body, or what it holds as `generateContentRequest`. */
export const readCountedRequest = (body: Buffer, at?: GeminiAddress): Reading =>
  then(readJsonBody(body), (parsed): Reading => {
    const inner = parsed.ok ? objectIn(parsed.value.json, 'generateContentRequest') : undefined;
    if (!inner) return requestOf(body, parsed, at);
    const { model: _model, ...request } = inner;
    return then(jsonBytesInTurns(request, body.length), (bytes) => readGeminiRequest(bytes, at));
  });

function bothSpellings({ fields }: JsonFields): Refusal | undefined {
  const names = new Set(fields.map(({ name }) => name));
  const twice = acted.find((name) => snakeOf(name) !== name && names.has(name) && names.has(snakeOf(name)));
  return twice === undefined ? undefined : wrong(twice, 'is given twice, in two spellings');
}

function problemIn(json: Json): Refusal | undefined {
  const contents = json['contents'];
  if (contents === undefined) return missing('contents');
  if (!Array.isArray(contents)) return wrong('contents', 'must be an array');
  if (contents.length === 0) return wrong('contents', 'must hold at least one content');
  for (const [i, content] of contents.entries()) {
    if (!isObject(content)) return wrong(`contents[${i}]`, 'must be an object');
    const { parts } = content;
    if (!optional(parts, Array.isArray)) return wrong(`contents[${i}].parts`, 'must be an array');
    const at = ((parts ?? []) as unknown[]).findIndex((part) => !isObject(part));
    if (at !== -1) return wrong(`contents[${i}].parts[${at}]`, 'must be an object');
  }
  if (!optional(json['tools'], Array.isArray)) return wrong('tools', 'must be an array');
  const config = field(json, 'generationConfig');
  if (!optional(config, isObject)) return wrong('generationConfig', 'must be an object');
  if (!isObject(config)) return undefined;
  for (const name of ['candidateCount', 'maxOutputTokens']) {
    if (name in config && snakeOf(name) in config)
      return wrong(`generationConfig.${name}`, 'is given twice, in two spellings');
    if (!optional(field(config, name), isPositiveInteger))
      return wrong(`generationConfig.${name}`, 'must be a positive integer');
  }
  return undefined;
}
