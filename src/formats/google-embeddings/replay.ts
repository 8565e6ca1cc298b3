/** Vectors to be told again; one content and a list of one are told in different words. */
import type { Replay } from '../format.js';
import type { GoogleEmbeddingsRequest } from './request.js';

export const googleEmbeddingsReplay: Replay<GoogleEmbeddingsRequest> = {
  unfit: () => null,
  identity({ json, batch }) {
    const { model: _model, ...rest } = json;
    return { batch, ...rest };
  },
  prompt: () => 'no text',
  isRepeatable: () => true,
  *whole() {
    yield 0;
    return undefined;
  },
  retold: (answer) => answer,
  words: () => '',
};
