/** Embeddings in Google's dialect carried to a target that has OpenAI's, or by way of it to others. */
import { toldAsGoogle } from '../../formats/google-embeddings/native.js';
import type { GoogleEmbeddingsRequest } from '../../formats/google-embeddings/request.js';
import { type EmbeddingsRequest, readEmbeddingsRequest } from '../../formats/openai-embeddings/request.js';
import { vectorOf } from '../../formats/openai-embeddings/vectors.js';
import type { Answer, Translation, Translator } from '../../formats/translation.js';
import { ok, type Result } from '../../lib/errors.js';
import { isObject } from '../../lib/json.js';
import { then } from '../../lib/then.js';

export const googleEmbeddingsBy = (onward: Translator<EmbeddingsRequest>): Translator<GoogleEmbeddingsRequest> => ({
  from: 'google-embeddings',
  to: onward.to,
  translate({ texts, dimensions, model, batch }, target, terms) {
    const json = { model, input: texts, encoding_format: 'float', ...(dimensions !== null && { dimensions }) };
    const back = (carried: Result<Translation>): Result<Translation> =>
      carried.ok ? ok(retold(carried.value, texts.length, batch)) : carried;
    return then(readEmbeddingsRequest(Buffer.from(JSON.stringify(json))), (request) =>
      request.ok ? then(onward.translate(request.value, target, terms), back) : request,
    );
  },
});

const retold = (carried: Translation, count: number, batch: boolean): Translation => ({
  ...carried,
  answer: (body) => then(carried.answer(body), (answer) => told(answer, count, batch)),
});

function told(answer: Answer, count: number, batch: boolean): Answer {
  if (!answer.ok) return answer;
  const { data } = JSON.parse(answer.body.toString('utf8')) as { data: readonly unknown[] };
  const vectors: number[][] = [];
  for (const [place, item] of data.entries()) {
    const at = isObject(item) && Number.isSafeInteger(item['index']) ? (item['index'] as number) : place;
    const vector = vectorOf(isObject(item) ? item['embedding'] : undefined);
    if (vector && at < count) vectors[at] = [...vector];
  }
  if (vectors.length !== count || vectors.includes(undefined as never))
    return {
      ok: false,
      failure: { kind: 'garbage', message: 'The upstream answered with something else than a vector for each text.' },
      usage: answer.usage,
    };
  return { ...answer, body: Buffer.from(JSON.stringify(toldAsGoogle(vectors, batch))), text: () => '' };
}
