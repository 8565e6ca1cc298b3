/**
 * Reads what is to be embedded in Google's dialect: one content (`:embedContent`), or requests of which each has one
 * (`:batchEmbedContents`). The model stands in the address; where there is none, in the body.
 */
import { ok, type Result, refused } from '../../lib/errors.js';
import { isObject, type Json } from '../../lib/json.js';
import { then } from '../../lib/then.js';
import { field, partsIn } from '../google-gemini/fields.js';
import { isPositiveInteger, type JsonBody, missing, optional, readJsonBody, wrong } from '../json-body.js';
import { EmbeddingsFacts } from '../openai-embeddings/facts.js';
import type { RequestBase } from '../request.js';

export interface GoogleEmbeddingsRequest extends RequestBase {
  readonly format: 'google-embeddings';
  readonly stream: false;
  readonly texts: readonly string[];
  readonly dimensions: number | null;
  /** Several were asked for, and are told as several, though it be one. */
  readonly batch: boolean;
}

export interface EmbeddingsAddress {
  readonly model: string;
  readonly batch: boolean;
}

const MOST_TEXTS = 10_000;

type Reading = Result<GoogleEmbeddingsRequest> | Promise<Result<GoogleEmbeddingsRequest>>;

/** A large body is read in turns. */
export const readGoogleEmbeddings = (body: Buffer, at?: EmbeddingsAddress): Reading =>
  then(readJsonBody(body), (parsed) => requestOf(body, parsed, at));

function requestOf(
  body: Buffer,
  parsed: Result<JsonBody>,
  at: EmbeddingsAddress | undefined,
): Result<GoogleEmbeddingsRequest> {
  if (!parsed.ok) return parsed;
  const { json, fields } = parsed.value;
  const model = at?.model ?? json['model'];
  if (typeof model !== 'string' || model === '') return refused(missing('model'));
  const batch = at?.batch ?? json['requests'] !== undefined;
  const requests: unknown = batch ? json['requests'] : [json];
  if (!Array.isArray(requests) || requests.length === 0)
    return refused(wrong('requests', 'must hold at least one request'));
  if (requests.length > MOST_TEXTS) return refused(wrong('requests', `must hold at most ${MOST_TEXTS} requests`));
  const texts: string[] = [];
  let dimensions: number | null = null;
  for (const [i, request] of requests.entries()) {
    const path = batch ? `requests[${i}].` : '';
    const read = isObject(request) ? readOne(request, path) : refused(wrong(`requests[${i}]`, 'must be an object'));
    if (!read.ok) return read;
    const { text, size } = read.value;
    if (i > 0 && size !== dimensions)
      return refused(wrong(`${path}outputDimensionality`, 'must be the same for all requests'));
    dimensions = size;
    texts.push(text);
  }
  return ok({
    ...{ format: 'google-embeddings', body, json, fields, model, stream: false, user: null, metadata: {} },
    ...{ texts, dimensions, batch, facts: new EmbeddingsFacts(texts, body.length) },
  });
}

function readOne(request: Json, path: string): Result<{ readonly text: string; readonly size: number | null }> {
  const { content } = request;
  if (content === undefined) return refused(missing(`${path}content`));
  const parts = partsIn(content);
  if (parts.length === 0) return refused(wrong(`${path}content`, 'must have parts'));
  const other = parts.findIndex(({ text }) => typeof text !== 'string');
  if (other !== -1) return refused(wrong(`${path}content.parts[${other}]`, 'must be a text'));
  const config = field(request, 'embedContentConfig');
  const size =
    field(request, 'outputDimensionality') ?? (isObject(config) ? field(config, 'outputDimensionality') : null);
  if (!optional(size, isPositiveInteger))
    return refused(wrong(`${path}outputDimensionality`, 'must be a positive integer'));
  const text = parts.map((part) => part['text']).join('');
  return ok({ text, size: (size as number | null | undefined) ?? null });
}
