/** Embeddings that the gateway asks for itself, for the semantic cache. Other models never stand in: their vectors mean something else. */
import { createOwnCalls, type OwnCallPorts } from './own-calls.js';

export interface OwnEmbedding {
  /** As the wire has it. */
  readonly embedding: unknown;
  /** The id of the target that answered. */
  readonly target: string;
}

export type EmbedForCache = (text: string, dimensions: number | null, withinMs: number) => Promise<OwnEmbedding>;

/** Rejects where it came to no embedding, with the words that a caller would be told. */
export function createOwnEmbeddings(ports: OwnCallPorts): EmbedForCache {
  const { snapshots } = ports;
  const ask = createOwnCalls(ports, {
    format: 'openai-embeddings',
    tag: 'semantic-cache',
    models: (value) => ({ models: (value.cacheEmbedding ?? value).models }),
  });
  return async (text, dimensions, withinMs) => {
    const entered = snapshots.enter();
    try {
      const { cacheEmbedding } = entered.value;
      if (!cacheEmbedding) throw new Error('no provider is configured to embed prompts');
      const { model } = cacheEmbedding;
      const body = { model, input: text, encoding_format: 'base64', ...(dimensions !== null && { dimensions }) };
      const answer = await ask({ body, withinMs });
      const { data } = JSON.parse(answer.body) as { data: readonly { readonly embedding?: unknown }[] };
      return { embedding: data[0]?.embedding, target: answer.target };
    } finally {
      entered.leave();
    }
  };
}
