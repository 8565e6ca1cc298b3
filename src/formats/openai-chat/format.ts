/** OpenAI's chat completions, as clients call them. */
import type { ApiFormat } from '../format.js';
import { completionAsStream } from './chunks.js';
import { openaiErrors } from './errors.js';
import { chatReplay } from './replay.js';
import { type ChatRequest, readChatRequest } from './request.js';
import { chatTexts } from './texts.js';

export const openaiChat: ApiFormat<ChatRequest> = {
  id: 'openai-chat',
  endpoint: 'chat',
  name: 'chat completions',
  saidIn: 'messages',
  read: readChatRequest,
  errors: openaiErrors,
  texts: chatTexts,
  asStream: (request, answer, extra) => completionAsStream(answer, request.askedUsage, extra),
  replay: chatReplay,
};
