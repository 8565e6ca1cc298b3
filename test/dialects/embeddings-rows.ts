/** The formats in which clients ask for embeddings, as rows: how a request of each is written, and what its answer says. */

export interface EmbeddingsRow {
  readonly name: string;
  readonly format: 'openai' | 'google' | 'google batch';
  /** It is the format of another row, at another path. */
  readonly again?: true;
  /** As the table of addresses has it. */
  readonly address: string;
  path(model: string): string;
  /** What can be asked for at once. */
  readonly texts: readonly [readonly string[]];
  body(model: string, texts: readonly string[]): object;
  /** How many vectors came. */
  vectors(answer: unknown): number;
  /** The message of an error. */
  error(body: unknown): string;
}

const message = (body: unknown): string => (body as { error: { message: string } }).error.message;
const content = (text: string) => ({ parts: [{ text }] });

const openai: EmbeddingsRow = {
  name: 'embeddings',
  format: 'openai',
  address: '/v1/embeddings',
  path: () => '/v1/embeddings',
  texts: [['good day', 'good night']],
  body: (model, input) => ({ model, input }),
  vectors: (answer) =>
    (answer as { data: { embedding: number[] }[] }).data.filter(({ embedding }) => embedding.length > 0).length,
  error: message,
};

const azure: EmbeddingsRow = {
  ...openai,
  name: "embeddings at Azure's path",
  again: true,
  address: '/openai/deployments/{model}/embeddings',
  path: (model) => `/openai/deployments/${model}/embeddings?api-version=2024-10-21`,
};

const google: EmbeddingsRow = {
  name: 'embedContent',
  format: 'google',
  address: '/v1beta/models/{+model}:embedContent',
  path: (model) => `/v1beta/models/${model}:embedContent`,
  texts: [['good day']],
  body: (_model, [text = '']) => ({ content: content(text) }),
  vectors: (answer) => ((answer as { embedding: { values: number[] } }).embedding.values.length > 0 ? 1 : 0),
  error: message,
};

const batch: EmbeddingsRow = {
  ...google,
  name: 'batchEmbedContents',
  format: 'google batch',
  address: '/v1beta/models/{+model}:batchEmbedContents',
  path: (model) => `/v1beta/models/${model}:batchEmbedContents`,
  texts: [['good day', 'good night']],
  body: (model, texts) => ({ requests: texts.map((text) => ({ model: `models/${model}`, content: content(text) })) }),
  vectors: (answer) => (answer as { embeddings: { values: number[] }[] }).embeddings.length,
};

export const embeddingsRows: readonly EmbeddingsRow[] = [openai, azure, google, batch];
