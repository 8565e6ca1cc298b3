/** OpenAI's Responses API, as clients call it. */
import type { ApiFormat } from '../format.js';
import { responsesErrors } from './errors.js';
import { responsesReplay } from './replay.js';
import { type ResponsesRequest, readResponsesRequest } from './request.js';
import { responsesTexts } from './texts.js';
import { responseAsStream } from './whole-as-stream.js';

export const openaiResponses: ApiFormat<ResponsesRequest> = {
  id: 'openai-responses',
  endpoint: 'chat',
  name: 'responses',
  saidIn: 'input',
  read: readResponsesRequest,
  errors: responsesErrors,
  texts: responsesTexts,
  asStream: (_request, answer) => responseAsStream(answer),
  replay: responsesReplay,
};
