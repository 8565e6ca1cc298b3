/**
 * An embeddings request carried to a target that has the endpoint: the caller's bytes go out with only `model` changed, and
 * the upstream's bytes come back untouched. Only where an upstream answers in another form than was asked for, vectors are
 * written anew: many servers do not know `encoding_format`, and a client that waits for base64 reads numbers as nothing.
 *
 * An answer may be tens of megabytes of numbers, so a large one is not parsed but looked through for its fields.
 */

import { ok, refuse, refused } from '../../lib/errors.js';
import { isObject } from '../../lib/json.js';
import { errorIn, readErrorBody } from '../error-body.js';
import type { UpstreamFailure } from '../failure.js';
import { type JsonFields, jsonFields, splice } from '../json-fields.js';
import type { Answer, StreamReader, Translator } from '../translation.js';
import { counted, noUsage, type Usage } from '../usage.js';
import type { EmbeddingsRequest } from './request.js';
import { type VectorFormat, vectorJson, vectorOf } from './vectors.js';

const LARGEST_PARSED_BYTES = 256 * 1024;

export const nativeEmbeddings: Translator<EmbeddingsRequest> = {
  from: 'openai-embeddings',
  to: 'openai-embeddings',
  translate(request, { model, id, mostInputs }) {
    const { inputs } = request.facts;
    if (inputs > mostInputs) {
      const words = `'input' has ${inputs} items; ${id} takes at most ${mostInputs} in one request.`;
      return refused(refuse('invalid_value', words, { param: 'input' }));
    }
    const edits = request.fields.fields
      .filter(({ name }) => name === 'model')
      .map(({ valueStart, valueEnd }) => ({ start: valueStart, end: valueEnd, with: JSON.stringify(model) }));
    return ok({
      body: splice(request.body, edits),
      dropped: [],
      answer: (body) => readAnswer(body, formatOf(request.json['encoding_format'])),
      stream: neverStreamed,
      failure: readErrorBody,
    });
  },
};

const neverStreamed = (): StreamReader => {
  throw new Error('embeddings are not streamed');
};

/** Undefined: a form of the vendor's own, which goes through as it comes. */
const formatOf = (asked: unknown): VectorFormat | undefined =>
  asked === 'base64' ? 'base64' : asked === undefined || asked === null || asked === 'float' ? 'float' : undefined;

type Wire = Readonly<Record<string, unknown>>;

function readAnswer(body: Buffer, format: VectorFormat | undefined): Answer {
  const read = body.length <= LARGEST_PARSED_BYTES ? parsed(body) : scanned(body);
  if (!read) return garbage('something that is not JSON');
  const told = errorIn(read.wire);
  if (told) return { ok: false, failure: { kind: 'in_band', ...told } };
  if (!read.first) return garbage('JSON that holds no embeddings');
  const other = format && read.first !== 'other' && read.first !== format;
  const written = other ? rewritten(body, format) : body;
  if (!written) return garbage('embeddings that are no vectors');
  const { model, usage } = read.wire;
  return {
    ok: true,
    body: written,
    usage: readUsage(usage),
    servedModel: typeof model === 'string' ? model : undefined,
    filtered: false,
    empty: false,
    text: () => '',
  };
}

interface Read {
  /** The fields beside `data`, and it where that was parsed. */
  readonly wire: Wire;
  /** How the first vector is written; undefined: there is none. */
  readonly first: 'float' | 'base64' | 'other' | undefined;
}

function parsed(body: Buffer): Read | undefined {
  const wire = parse(body.toString('utf8'));
  if (!isObject(wire)) return undefined;
  const item: unknown = Array.isArray(wire['data']) ? wire['data'][0] : undefined;
  const embedding = isObject(item) ? item['embedding'] : undefined;
  const first = Array.isArray(embedding)
    ? 'float'
    : typeof embedding === 'string'
      ? 'base64'
      : isObject(embedding)
        ? 'other'
        : undefined;
  return { wire, first };
}

const OPENINGS: Readonly<Record<string, 'float' | 'base64' | 'other'>> = { '[': 'float', '"': 'base64', '{': 'other' };

function scanned(body: Buffer): Read | undefined {
  const found = fieldsOf(body);
  if (!found) return undefined;
  const wire: Record<string, unknown> = {};
  let first: Read['first'];
  for (const { name, valueStart, valueEnd } of found.fields) {
    if (name !== 'data') {
      wire[name] = parse(body.toString('utf8', valueStart, valueEnd));
      continue;
    }
    const opening = /^\[\s*\{[^[{]*?"embedding"\s*:\s*(["[{])/.exec(
      body.toString('latin1', valueStart, valueStart + 1024),
    );
    first = opening ? OPENINGS[opening[1]!] : undefined;
  }
  return { wire, first };
}

/** The bytes may be anything. */
function fieldsOf(body: Buffer): JsonFields | null {
  try {
    return jsonFields(body);
  } catch {
    return null;
  }
}

/** All else of the answer stays as it is. Undefined where one of the vectors is none. */
function rewritten(body: Buffer, format: VectorFormat): Buffer | undefined {
  const wire = parse(body.toString('utf8'));
  if (!isObject(wire)) return undefined;
  const { data, ...rest } = wire;
  const items: string[] = [];
  for (const item of data as unknown[]) {
    const { embedding, ...more } = isObject(item) ? item : {};
    const vector = vectorOf(embedding);
    if (!vector) return undefined;
    const head = JSON.stringify(more).slice(0, -1);
    items.push(`${head}${head === '{' ? '' : ','}"embedding":${vectorJson(vector, format)}}`);
  }
  const head = JSON.stringify(rest).slice(0, -1);
  return Buffer.from(`${head}${head === '{' ? '' : ','}"data":[${items.join(',')}]}`);
}

/** Some servers tell only the total. */
function readUsage(wire: unknown): Usage | undefined {
  if (!isObject(wire)) return undefined;
  const prompt = counted(wire['prompt_tokens']) ?? counted(wire['total_tokens']);
  return prompt === undefined ? undefined : { ...noUsage(), input: prompt };
}

function garbage(what: string): Answer {
  const failure: UpstreamFailure = { kind: 'garbage', message: `The upstream answered with ${what}.` };
  return { ok: false, failure };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
