/**
 * Embeddings as OpenAI's API words them: one vector for each text, as numbers or base64, of the dimensions that were asked
 * for (else four). A vector tells its text: its length in characters or tokens, its place, and the two again.
 */
import { json, openaiError, type Received, type Step } from './upstream-steps.js';

interface Body {
  readonly model: string;
  readonly input: string | readonly (string | number | readonly number[])[];
  readonly encoding_format?: string;
  readonly dimensions?: number;
}

/** The vector that the upstream gives to the text at a place. */
export const vectorFor = (item: string | readonly unknown[], index: number, dimensions = 4): number[] =>
  Array.from({ length: dimensions }, (_, i) => (i % 2 === 0 ? item.length : index + 0.5));

export const itemsOf = ({ input }: Pick<Body, 'input'>): (string | readonly unknown[])[] =>
  (typeof input === 'string' || typeof input[0] === 'number' ? [input] : input) as (string | readonly unknown[])[];

export const base64Of = (vector: readonly number[]): string =>
  Buffer.from(Float32Array.from(vector).buffer).toString('base64');

/** `forms`: the vectors' form whatever was asked for; `usage`: null where it is left out. */
export function embeddingsOf(body: Body, more: { forms?: 'float' | 'base64'; usage?: object | null } = {}): object {
  const form = more.forms ?? body.encoding_format ?? 'float';
  const items = itemsOf(body);
  const tokens = items.reduce((sum, item) => sum + item.length, 0);
  const data = items.map((item, index) => {
    const vector = vectorFor(item, index, body.dimensions);
    return { object: 'embedding', index, embedding: form === 'base64' ? base64Of(vector) : vector };
  });
  const usage = more.usage === undefined ? { prompt_tokens: tokens, total_tokens: tokens } : more.usage;
  return { object: 'list', data, model: `${body.model}-served`, ...(usage && { usage }) };
}

export function answerEmbeddings(request: Received): readonly Step[] {
  if (!/^Bearer ./.test(request.headers.authorization ?? ''))
    return openaiError(401, { message: "You didn't provide an API key.", code: null });
  return json(200, embeddingsOf(request.json() as unknown as Body), { 'x-request-id': 'req_upstream' });
}
