/** The texts of requests for embeddings; their answers have none. */
import { openaiApart, openaiPlain } from '../openai-chat/texts.js';
import { type FormatTexts, isTokens, noEvents, type TextRules } from '../texts.js';

const request: TextRules = {
  apart: new Set(openaiApart),
  plain: new Set(openaiPlain),
  free: new Set(),
  echoes: new Set(),
};

export const embeddingsTexts: FormatTexts = {
  request,
  answer: { ...request, apart: new Set(['data', 'model', 'usage', 'object']) },
  ...noEvents,
  unreadable: ({ input }) => (isTokens(input) ? 'input' : undefined),
};
