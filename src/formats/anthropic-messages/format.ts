/** Anthropic's messages, as clients call them. */
import type { ApiFormat } from '../format.js';
import { messagesErrors } from './errors.js';
import { messageAsStream } from './events.js';
import { messagesReplay } from './replay.js';
import { type MessagesRequest, readCountRequest, readMessagesRequest } from './request.js';
import { messagesTexts } from './texts.js';

export const anthropicMessages: ApiFormat<MessagesRequest> = {
  id: 'anthropic-messages',
  endpoint: 'chat',
  name: 'messages',
  saidIn: 'messages',
  read: readMessagesRequest,
  errors: messagesErrors,
  texts: messagesTexts,
  asStream: (_request, answer) => messageAsStream(answer),
  replay: messagesReplay,
  counting: {
    read: readCountRequest,
    answer: (tokens) => Buffer.from(JSON.stringify({ input_tokens: tokens })),
  },
  requestIdHeader: 'request-id',
};
