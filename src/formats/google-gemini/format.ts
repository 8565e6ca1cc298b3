/** Google's `generateContent`, as clients call it. Its addresses name the model and how the answer comes. */
import { compactJson } from '../compact-json.js';
import type { ApiFormat, TokenCount } from '../format.js';
import { sseEvent } from '../sse.js';
import { arrayErrors, googleErrors } from './errors.js';
import { geminiReplay } from './replay.js';
import { type GeminiAddress, type GeminiRequest, readCountedRequest, readGeminiRequest } from './request.js';
import { geminiTexts } from './texts.js';

export const googleGemini: ApiFormat<GeminiRequest> = {
  id: 'google-gemini',
  endpoint: 'chat',
  name: 'generateContent',
  saidIn: 'contents',
  read: (body) => readGeminiRequest(body),
  errors: googleErrors,
  texts: geminiTexts,
  asStream: ({ asArray }, answer) => {
    const told = compactJson(answer.toString('utf8'));
    return asArray ? Buffer.from(`[${told}]`) : sseEvent(told);
  },
  replay: geminiReplay,
  counting: counting(),
};

/** A count is asked for the contents alone, or for all that a request has. */
function counting(at?: GeminiAddress): TokenCount<GeminiRequest> {
  return {
    read: (body) => readCountedRequest(body, at),
    answer: (tokens) => Buffer.from(JSON.stringify({ totalTokens: tokens })),
  };
}

/** The format as it is spoken at one address. */
export function googleGeminiAt(at: GeminiAddress): ApiFormat<GeminiRequest> {
  const array = { errors: arrayErrors, streamType: 'application/json' };
  return {
    ...googleGemini,
    read: (body) => readGeminiRequest(body, at),
    counting: counting(at),
    ...(at.asArray ? array : {}),
  };
}
