/** OpenAI's Responses API, as clients call it. */
import type { ApiFormat } from '../format.js';
import { responsesErrors } from './errors.js';
import { responsesReplay } from './replay.js';
import { type ResponsesRequest, readResponsesRequest } from './request.js';
import { responseAsStream } from './whole-as-stream.js';

export const openaiResponses: ApiFormat<ResponsesRequest> = {
  id: 'openai-responses',
  endpoint: 'chat',
  name: 'responses',
  read: readResponsesRequest,
  errors: responsesErrors,
  asStream: (_request, answer) => responseAsStream(answer),
  replay: responsesReplay,
};
