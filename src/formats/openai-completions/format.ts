/** OpenAI's completions, as clients call them. */
import { isObject, type Json } from '../../lib/json.js';
import type { ApiFormat } from '../format.js';
import { openaiErrors } from '../openai-chat/errors.js';
import { sseEvent } from '../sse.js';
import type { UsageExtra } from '../translation.js';
import { completionsReplay } from './replay.js';
import { type CompletionsRequest, readCompletionsRequest } from './request.js';
import { completionsTexts } from './texts.js';

export const openaiCompletions: ApiFormat<CompletionsRequest> = {
  id: 'openai-completions',
  endpoint: 'chat',
  name: 'completions',
  saidIn: 'prompt',
  read: readCompletionsRequest,
  errors: openaiErrors,
  texts: completionsTexts,
  asStream: (request, answer, extra) => asStream(answer, request.askedUsage, extra),
  replay: completionsReplay,
};

/** One event for each choice, then the usage where it was asked for. */
function asStream(answer: Buffer, askedUsage: boolean, extra: UsageExtra): Buffer {
  const { choices, usage, ...base } = JSON.parse(answer.toString('utf8')) as Json;
  const all = Array.isArray(choices) ? (choices as unknown[]).filter(isObject) : [];
  const events = all.map((choice) => sseEvent(JSON.stringify({ ...base, choices: [choice] })));
  if (askedUsage)
    events.push(sseEvent(JSON.stringify({ ...base, choices: [], usage: usage ?? null, x_tollgate: extra })));
  return Buffer.concat([...events, sseEvent('[DONE]')]);
}
