/** What is said to and by `batchEmbedContents`, by whoever asks it. */
import { isObject } from '../../lib/json.js';
import { readErrorBody } from '../error-body.js';
import { inBandError } from '../google-gemini/wire.js';
import type { Answer, StreamReader, TargetFacts, Translation } from '../translation.js';
import type { Usage } from '../usage.js';

export interface AskedEmbeddings {
  readonly texts: readonly string[];
  readonly dimensions: number | null;
  /** The answer in the caller's format, from the vectors in the order of the texts. */
  tell(vectors: readonly (readonly number[])[], usage: Usage | undefined): unknown;
}

/** The request to the target, and how its answer is read. It tells no usage: what was sent is counted. */
export function batchOf({ texts, dimensions, tell }: AskedEmbeddings, { model }: TargetFacts): Translation {
  const name = /^(?:models|tunedModels)\//.test(model) ? model : `models/${model}`;
  const requests = texts.map((text) => ({
    model: name,
    content: { parts: [{ text }] },
    ...(dimensions !== null && { outputDimensionality: dimensions }),
  }));
  return embedding(JSON.stringify({ requests }), (answer) => vectorsIn(answer, texts.length), tell);
}

/** `read`: the vectors of an answer, and the tokens where it tells them; undefined where it has not all of them. */
export function embedding(
  body: string,
  read: (answer: unknown) => { readonly vectors: number[][]; readonly usage?: Usage | undefined } | undefined,
  tell: AskedEmbeddings['tell'],
): Translation {
  return {
    body: Buffer.from(body),
    dropped: [],
    answer: (bytes) => readAnswer(bytes, read, tell),
    stream: neverStreamed,
    failure: readErrorBody,
  };
}

function readAnswer(bytes: Buffer, read: Parameters<typeof embedding>[1], tell: AskedEmbeddings['tell']): Answer {
  let answer: unknown;
  try {
    answer = JSON.parse(bytes.toString('utf8'));
  } catch {
    return garbage('something that is not JSON');
  }
  const failure = inBandError(answer);
  if (failure) return { ok: false, failure };
  const found = read(answer);
  if (!found) return garbage('something else than a vector for each text');
  return {
    ok: true,
    body: Buffer.from(JSON.stringify(tell(found.vectors, found.usage))),
    usage: found.usage,
    servedModel: undefined,
    filtered: false,
    empty: false,
    text: () => '',
  };
}

const garbage = (what: string): Answer => ({
  ok: false,
  failure: { kind: 'garbage', message: `The upstream answered with ${what}.` },
});

const neverStreamed = (): StreamReader => {
  throw new Error('embeddings are not streamed');
};

/** A vector of numbers; undefined for anything else. */
export const vectorOf = (values: unknown): number[] | undefined =>
  Array.isArray(values) && values.length > 0 && values.every((value) => typeof value === 'number')
    ? (values as number[])
    : undefined;

function vectorsIn(answer: unknown, count: number): { vectors: number[][] } | undefined {
  const list = isObject(answer) ? answer['embeddings'] : undefined;
  if (!Array.isArray(list) || list.length !== count) return undefined;
  const vectors = list.map((one: unknown) => vectorOf(isObject(one) ? one['values'] : undefined));
  return vectors.every((vector) => vector !== undefined) ? { vectors } : undefined;
}
