/** Vectors to be told again: the same texts always get the same ones. They are not compared by meaning. */
import type { Replay } from '../format.js';
import type { EmbeddingsRequest } from './request.js';

/** Fields that do not decide on the vectors. */
const apart: ReadonlySet<string> = new Set(['model', 'user', 'metadata']);

export const embeddingsReplay: Replay<EmbeddingsRequest> = {
  unfit: () => null,
  identity: ({ json }) => Object.fromEntries(Object.entries(json).filter(([name]) => !apart.has(name))),
  prompt: () => 'no text',
  // Whoever read the answer has looked at its vectors.
  isRepeatable: () => true,
  *whole() {
    yield 0;
    return undefined;
  },
  retold: (answer) => answer,
  words: () => '',
};
