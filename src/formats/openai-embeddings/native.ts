/**
 * An embeddings request carried to a target that has the endpoint: the caller's bytes go out with only `model` changed, and
 * the upstream's bytes come back untouched. Only where an upstream answers in another form than was asked for, vectors are
 * written anew: many servers do not know `encoding_format`, and a client that waits for base64 reads numbers as nothing.
 *
 * An answer may be tens of megabytes of numbers, so the vectors of a large one are passed over, in turns of the event loop.
 */

import { ok, refuse, refused } from '../../lib/errors.js';
import { isObject, type Json } from '../../lib/json.js';
import { finishInTurns, steps } from '../../lib/turns.js';
import { type ReadAnswer, readAnswerJson } from '../answer-json.js';
import { errorIn, readErrorBody } from '../error-body.js';
import type { UpstreamFailure } from '../failure.js';
import { fieldRange, splice } from '../json-fields.js';
import type { Answer, StreamReader, Translator } from '../translation.js';
import { counted, noUsage, type Usage } from '../usage.js';
import type { EmbeddingsRequest } from './request.js';
import { type VectorFormat, vectorJson, vectorOf } from './vectors.js';

export const nativeEmbeddings: Translator<EmbeddingsRequest> = {
  from: 'openai-embeddings',
  to: 'openai-embeddings',
  translate(request, { model, id, mostInputs, embeddingsDialect }) {
    const { inputs } = request.facts;
    if (inputs > mostInputs) {
      const words = `'input' has ${inputs} items; ${id} takes at most ${mostInputs} in one request.`;
      return refused(refuse('invalid_value', words, { param: 'input' }));
    }
    return ok({
      body: requestBody(request, model, embeddingsDialect ?? {}),
      dropped: [],
      answer: (body) => readAnswer(body, formatOf(request.json['encoding_format'])),
      stream: neverStreamed,
      failure: readErrorBody,
    });
  },
};

/** How a vendor's embeddings differ from OpenAI's. */
export interface EmbeddingsDialect {
  /** Other names of fields. */
  readonly renames?: Readonly<Record<string, string>>;
  /** What is always said unless the caller says something. */
  readonly adds?: Json;
}

function requestBody({ body, fields, json }: EmbeddingsRequest, model: string, dialect: EmbeddingsDialect): Buffer {
  const { renames = {}, adds = {} } = dialect;
  let added = '';
  const add = (name: string, value: string): void => {
    if (!(name in json)) added += `,${JSON.stringify(name)}:${value}`;
  };
  const edits = fields.fields.flatMap(({ name, valueStart, valueEnd }, i) => {
    if (name === 'model') return [{ start: valueStart, end: valueEnd, with: JSON.stringify(model) }];
    if (!Object.hasOwn(renames, name)) return [];
    add(renames[name]!, body.toString('utf8', valueStart, valueEnd));
    return [{ ...fieldRange(fields, i), with: '' }];
  });
  for (const [name, value] of Object.entries(adds)) add(name, JSON.stringify(value));
  return splice(body, [...edits, { start: fields.end, end: fields.end, with: added }]);
}

const neverStreamed = (): StreamReader => {
  throw new Error('embeddings are not streamed');
};

/** Undefined: a form of the vendor's own, which goes through as it comes. */
const formatOf = (asked: unknown): VectorFormat | undefined =>
  asked === 'base64' ? 'base64' : asked === undefined || asked === null || asked === 'float' ? 'float' : undefined;

type Wire = Readonly<Record<string, unknown>>;

function readAnswer(body: Buffer, format: VectorFormat | undefined): Answer | Promise<Answer> {
  const read = readAnswerJson(body, 'data');
  return read instanceof Promise ? read.then((json) => answerOf(body, format, json)) : answerOf(body, format, read);
}

function answerOf(
  body: Buffer,
  format: VectorFormat | undefined,
  read: ReadAnswer | undefined,
): Answer | Promise<Answer> {
  if (!read) return garbage('something that is not JSON');
  const wire = isObject(read.value) ? read.value : {};
  const told = errorIn(wire);
  if (told) return { ok: false, failure: { kind: 'in_band', ...told } };
  const first = firstOf(body, wire, read.fields);
  if (!first) return garbage('JSON that holds no embeddings');
  if (!format || first === 'other' || first === format) return answered(body, wire);
  if (!read.fields) return rewrittenAs(rewritten(wire, format), wire);
  return rewrittenInTurns(body, format).then((written) => rewrittenAs(written, wire));
}

const rewrittenAs = (written: Buffer | undefined, wire: Wire): Answer =>
  written ? answered(written, wire) : garbage('embeddings that are no vectors');

const answered = (body: Buffer, { model, usage }: Wire): Answer => ({
  ok: true,
  body,
  usage: readUsage(usage),
  servedModel: typeof model === 'string' ? model : undefined,
  filtered: false,
  empty: false,
  text: () => '',
});

type Written = 'float' | 'base64' | 'other';
const OPENINGS: Readonly<Record<string, Written>> = { '[': 'float', '"': 'base64', '{': 'other' };

/** How the first vector is written; undefined: there is none. `fields`: of an answer whose vectors were passed over. */
function firstOf(body: Buffer, wire: Wire, fields: ReadAnswer['fields']): Written | undefined {
  if (!fields) {
    const item: unknown = Array.isArray(wire['data']) ? wire['data'][0] : undefined;
    const embedding = isObject(item) ? item['embedding'] : undefined;
    if (Array.isArray(embedding)) return 'float';
    return typeof embedding === 'string' ? 'base64' : isObject(embedding) ? 'other' : undefined;
  }
  const data = fields.findLast(({ name }) => name === 'data');
  if (!data) return undefined;
  const begin = body.toString('latin1', data.valueStart, data.valueStart + 1024);
  const opening = /^\[\s*\{[^[{]*?"embedding"\s*:\s*(["[{])/.exec(begin);
  return opening ? OPENINGS[opening[1]!] : undefined;
}

/** All else of the answer stays as it is. Undefined where one of the vectors is none. */
function rewritten(wire: Wire, format: VectorFormat): Buffer | undefined {
  const items: string[] = [];
  for (const item of wire['data'] as unknown[]) {
    const written = rewrittenItem(item, format);
    if (written === undefined) return undefined;
    items.push(written);
  }
  return Buffer.from(`${beginOf(wire)}[${items.join(',')}]}`);
}

/** The same, a vector in each step. */
async function rewrittenInTurns(body: Buffer, format: VectorFormat): Promise<Buffer | undefined> {
  const wire = (await readAnswerJson(body))?.value;
  if (!isObject(wire)) return undefined;
  const pieces: Buffer[] = [];
  let isWhole = true;
  function* walk(): Generator<number, void> {
    for (const item of (wire as Wire)['data'] as unknown[]) {
      const written = rewrittenItem(item, format);
      isWhole &&= written !== undefined;
      if (written === undefined) return;
      pieces.push(Buffer.from(`${pieces.length === 0 ? '' : ','}${written}`));
      yield written.length;
    }
  }
  await finishInTurns(steps(walk()));
  return isWhole ? Buffer.concat([Buffer.from(`${beginOf(wire)}[`), ...pieces, Buffer.from(']}')]) : undefined;
}

function rewrittenItem(item: unknown, format: VectorFormat): string | undefined {
  const { embedding, ...more } = isObject(item) ? item : {};
  const vector = vectorOf(embedding);
  if (!vector) return undefined;
  const head = JSON.stringify(more).slice(0, -1);
  return `${head}${head === '{' ? '' : ','}"embedding":${vectorJson(vector, format)}}`;
}

/** The answer up to the list of its vectors. */
function beginOf({ data: _, ...rest }: Wire): string {
  const head = JSON.stringify(rest).slice(0, -1);
  return `${head}${head === '{' ? '' : ','}"data":`;
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
