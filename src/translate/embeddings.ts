/** What every translation of embeddings shares: the texts that are asked about, and the vectors as the caller wants them. */
import { errorIn, readErrorBody } from '../formats/error-body.js';
import type { EmbeddingsRequest } from '../formats/openai-embeddings/request.js';
import { vectorJson, vectorOf } from '../formats/openai-embeddings/vectors.js';
import type { Answer, StreamReader, TargetFacts, Translation } from '../formats/translation.js';
import { noUsage } from '../formats/usage.js';
import { ok, type Result, refuse, refused } from '../lib/errors.js';
import type { Json } from '../lib/json.js';
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
  const body = vendor.body({ texts: texts as string[], dimensions, json }, findings, target);
  if (findings.refusal) return refused(findings.refusal);
  return ok({
    body: Buffer.from(JSON.stringify(body)),
    dropped: findings.dropped,
    answer: (bytes) =>
      readAnswer(bytes, vendor, { model, format: format === 'base64' ? 'base64' : 'float', count: texts.length }),
    stream: neverStreamed,
    failure: readErrorBody,
  });
}

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
  const told = typeof wire === 'object' && wire !== null ? vendor.answer(wire as Json) : undefined;
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
    usage: tokens === undefined ? undefined : { ...noUsage(), input: tokens },
    ...{ servedModel: undefined, filtered: false, empty: false, text: () => '' },
  };
}

const garbage = (what: string): Answer => ({
  ok: false,
  failure: { kind: 'garbage', message: `The upstream answered with ${what}.` },
});
