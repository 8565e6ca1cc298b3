/** Embeddings as OpenAI asks for them, carried to Vertex AI's `predict`. What is too long is refused there, and not cut in silence. */
import { embedding, vectorOf } from '../../formats/google-embeddings/wire.js';
import type { EmbeddingsRequest } from '../../formats/openai-embeddings/request.js';
import type { Translator } from '../../formats/translation.js';
import { counted, noUsage, type Usage } from '../../formats/usage.js';
import { ok } from '../../lib/errors.js';
import { isObject } from '../../lib/json.js';
import { readTexts } from '../embedded-texts.js';

export const openaiToVertexEmbeddings: Translator<EmbeddingsRequest> = {
  from: 'openai-embeddings',
  to: 'vertex-embeddings',
  translate(request, target) {
    const asked = readTexts(request, target);
    if (!asked.ok) return asked;
    const { texts, dimensions, tell } = asked.value;
    const parameters = { autoTruncate: false, ...(dimensions !== null && { outputDimensionality: dimensions }) };
    const body = JSON.stringify({ instances: texts.map((content) => ({ content })), parameters });
    return ok(embedding(body, (answer) => predictions(answer, texts.length), tell));
  },
};

function predictions(answer: unknown, count: number): { vectors: number[][]; usage: Usage | undefined } | undefined {
  const list = isObject(answer) ? answer['predictions'] : undefined;
  if (!Array.isArray(list) || list.length !== count) return undefined;
  let tokens: number | undefined;
  const vectors: number[][] = [];
  for (const one of list) {
    const embeddings = isObject(one) ? one['embeddings'] : undefined;
    const vector = vectorOf(isObject(embeddings) ? embeddings['values'] : undefined);
    if (!isObject(embeddings) || !vector) return undefined;
    vectors.push(vector);
    const statistics = embeddings['statistics'];
    const told = isObject(statistics) ? counted(statistics['token_count'] ?? statistics['tokenCount']) : undefined;
    if (told !== undefined) tokens = (tokens ?? 0) + told;
  }
  return { vectors, usage: tokens === undefined ? undefined : { ...noUsage(), input: tokens } };
}
