/** What texts mean, as vectors: near to each other where the texts mean the same. */
export interface Embedder {
  /** One vector for each text. Rejects where the model is away. */
  embed(texts: readonly string[]): Promise<readonly Float32Array[]>;
}
