/** The texts of Google's requests for embeddings; their answers have none. */
import { geminiTexts } from '../google-gemini/texts.js';
import { type FormatTexts, noEvents } from '../texts.js';

export const googleEmbeddingsTexts: FormatTexts = {
  request: geminiTexts.request,
  answer: { ...geminiTexts.request, apart: new Set(['embedding', 'embeddings']) },
  ...noEvents,
};
