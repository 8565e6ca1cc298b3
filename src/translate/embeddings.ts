/** What every translation of embeddings shares: the texts that are asked about, and the vectors as the caller wants them. */
import { errorIn, readErrorBody } from '../formats/error-body.js';
import type { EmbeddingsRequest } from '../formats/openai-embeddings/request.js';
import { vectorJson, vectorOf } from '../formats/openai-embeddings/vectors.js';
import type { Answer, StreamReader, TargetFacts, TranslatedParts, Translation } from '../formats/translation.js';
import { noUsage, type Usage } from '../formats/usage.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import { isObject, type Json } from '../lib/json.js';
import { Findings, isAbsent } from './findings.js';

export interface TextsRequest {
  readonly texts: readonly string[];
  readonly dimensions: number | undefined;
  /** Fields of the vendor's own that callers may state, as they were stated. */
  readonly json: Json;
}

export interface TextsAnswer {
  readonly vectors: readonly unknown[];
  /** Undefined: the answer does not say. */
  readonly tokens: number | undefined;
}

export interface EmbeddingsVendor {
  /** It takes one text in a request: several go in as many. */
  readonly one?: true;
  /** Fields beside OpenAI's that go through. */
  readonly own: readonly string[];
  body(request: TextsRequest, findings: Findings, target: TargetFacts): Json;
  /** Undefined: it is no answer with vectors. */
  answer(wire: Json): TextsAnswer | undefined;
}

const KNOWN: ReadonlySet<string> = new Set(['model', 'input', 'dimensions', 'encoding_format', 'user', 'metadata']);

export function translateEmbeddings(
  { json, facts }: EmbeddingsRequest,
  target: TargetFacts,
  vendor: EmbeddingsVendor,
): Result<Translation> {
  const findings = new Findings(target.dropParams);
  const { mostInputs, model, id } = target;
  if (facts.inputs > mostInputs) {
    const takes = mostInputs === 1 ? 'one' : `at most ${mostInputs}`;
    const words = `'input' has ${facts.inputs} items; ${id} takes ${takes} in one request.`;
    return refused(refuse('invalid_value', words, { param: 'input' }));
  }
  const input = json['input'];
  const texts: unknown[] = Array.isArray(input) ? input : [input];
  if (texts.some((one) => typeof one !== 'string'))
    findings.unsupported('input', 'must be text for this model: it takes no tokens');
  for (const [name, value] of Object.entries(json)) {
    if (!isAbsent(value) && !KNOWN.has(name) && !vendor.own.includes(name))
      findings.unsupported(name, "has no equivalent at this model's provider");
  }
  const format = json['encoding_format'] ?? 'float';
  if (format !== 'float' && format !== 'base64')
    findings.unsupported('encoding_format', 'must be float or base64 for this model');
  const dimensions = typeof json['dimensions'] === 'number' ? json['dimensions'] : undefined;
  const bodyOf = (some: readonly unknown[]): Buffer =>
    Buffer.from(JSON.stringify(vendor.body({ texts: some as string[], dimensions, json }, findings, target)));
  const bodies = vendor.one && texts.length > 1 ? texts.map((text) => bodyOf([text])) : undefined;
  const body = bodies ? Buffer.concat(bodies) : bodyOf(texts);
  if (findings.refusal) return refused(findings.refusal);
  const terms: AnswerTerms = { model, format: format === 'base64' ? 'base64' : 'float', count: texts.length };
  return ok({
    body,
    ...(bodies && { parts: embeddingsParts(bodies, vendor) }),
    dropped: [...new Set(findings.dropped)],
    answer: (bytes) => readAnswer(bytes, vendor, terms),
    stream: neverStreamed,
    failure: readErrorBody,
  });
}

/** Answers of the parts are joined as the list of them, with the places of those that were paid for before. */
function embeddingsParts(bodies: readonly Buffer[], vendor: EmbeddingsVendor): TranslatedParts {
  return {
    bodies,
    isAnswer: (body) => partOf(body, vendor) !== undefined,
    join: (answers, before) =>
      Buffer.from(
        `{"parts":[${answers.map((one) => one.toString('utf8')).join(',')}],"before":[${[...before].join(',')}]}`,
      ),
    usageOf: (answers) => {
      const told = answers.map((one) => partOf(one, vendor)?.tokens);
      return told.length === 0 || told.includes(undefined) ? undefined : usageOf(sumOf(told as number[]));
    },
  };
}

function partOf(body: Buffer, vendor: EmbeddingsVendor): TextsAnswer | undefined {
  try {
    const wire: unknown = JSON.parse(body.toString('utf8'));
    return isObject(wire) && !errorIn(wire) ? vendor.answer(wire) : undefined;
  } catch {
    return undefined;
  }
}

type Told = TextsAnswer & { readonly paid?: number };
const ownOf = (wire: Json, vendor: EmbeddingsVendor): Told | undefined => vendor.answer(wire);

/** `paid`: of the tokens, those that this attempt pays for. */
function joinedOf({ parts, before }: Json, vendor: EmbeddingsVendor): Told | undefined {
  const told = (parts as Json[]).map((part) => vendor.answer(part));
  if (told.some((one) => one === undefined)) return undefined;
  const tokens = told.map((one) => one!.tokens);
  const vectors = told.flatMap((one) => one!.vectors);
  if (tokens.includes(undefined)) return { vectors, tokens: undefined };
  const paid = (tokens as number[]).filter((_, part) => !(before as number[]).includes(part));
  return { vectors, tokens: sumOf(tokens as number[]), paid: sumOf(paid) };
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);
const usageOf = (tokens: number): Usage => ({ ...noUsage(), input: tokens });

const neverStreamed = (): StreamReader => {
  throw new Error('embeddings are not streamed');
};

interface AnswerTerms {
  readonly model: string;
  readonly format: 'float' | 'base64';
  /** Vectors that must come. */
  readonly count: number;
}

function readAnswer(bytes: Buffer, vendor: EmbeddingsVendor, { model, format, count }: AnswerTerms): Answer {
  let wire: unknown;
  try {
    wire = JSON.parse(bytes.toString('utf8'));
  } catch {
    return garbage('something that is not JSON');
  }
  const failed = errorIn(wire);
  if (failed) return { ok: false, failure: { kind: 'in_band', ...failed } };
  const told = isObject(wire)
    ? vendor.one && Array.isArray(wire['parts'])
      ? joinedOf(wire, vendor)
      : ownOf(wire, vendor)
    : undefined;
  const vectors = told?.vectors.map(vectorOf) ?? [];
  if (vectors.length !== count || vectors.some((one) => !one)) return garbage('other vectors than were asked for');
  const data = vectors.map(
    (vector, index) => `{"object":"embedding","index":${index},"embedding":${vectorJson(vector!, format)}}`,
  );
  const tokens = told?.tokens;
  const usage = tokens === undefined ? '' : `,"usage":{"prompt_tokens":${tokens},"total_tokens":${tokens}}`;
  return {
    ok: true,
    body: Buffer.from(`{"object":"list","data":[${data.join(',')}],"model":${JSON.stringify(model)}${usage}}`),
    usage: tokens === undefined ? undefined : usageOf(told?.paid ?? tokens),
    ...{ servedModel: undefined, filtered: false, empty: false, text: () => '' },
  };
}

const garbage = (what: string): Answer => ({
  ok: false,
  failure: { kind: 'garbage', message: `The upstream answered with ${what}.` },
});
