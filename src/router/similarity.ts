/**
 * How near a text is in meaning to the nearest of a few examples: the cosine of the angle between their vectors. The
 * examples are embedded when they are first needed, and again later where that failed. With the embedder away nothing is
 * known: null, and the condition does not hold.
 */
import type { Embedder } from '../lib/embedder.js';

export function similarityTo(
  examples: readonly string[],
  embedder: Embedder,
): (text: string) => Promise<number | null> {
  let vectors: Promise<readonly Float32Array[]> | undefined;
  return async (text) => {
    if (text === '') return null;
    try {
      vectors ??= embedder.embed(examples);
      const [known, [own]] = await Promise.all([vectors, embedder.embed([text])]);
      return own ? Math.max(...known.map((vector) => cosine(own, vector))) : null;
    } catch {
      vectors = undefined;
      return null;
    }
  };
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, lengthA, lengthB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    lengthA += a[i]! * a[i]!;
    lengthB += b[i]! * b[i]!;
  }
  return lengthA === 0 || lengthB === 0 ? 0 : dot / Math.sqrt(lengthA * lengthB);
}
