/** The texts of completions: as those of chat completions, with the text in the choice itself. */
import { chatTexts } from '../openai-chat/texts.js';
import { type FormatTexts, isTokens } from '../texts.js';

export const completionsTexts: FormatTexts = {
  ...chatTexts,
  unreadable: ({ prompt }) => (isTokens(prompt) ? 'prompt' : undefined),
};
