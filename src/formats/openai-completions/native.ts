/**
 * A request of OpenAI's completions carried to a target that speaks it: the caller's bytes go out with only `model`, a clamped
 * maximum and the asked-for usage changed, and the upstream's bytes come back untouched.
 */
import { ok } from '../../lib/errors.js';
import { isObject, type Json } from '../../lib/json.js';
import { errorIn, readErrorBody } from '../error-body.js';
import { splice } from '../json-fields.js';
import { OpenAiChatStream } from '../openai-chat/stream.js';
import { usageIn } from '../openai-chat/usage.js';
import { errorInChoice } from '../openai-chat/wire.js';
import type { Answer, Translator } from '../translation.js';
import type { Usage } from '../usage.js';
import type { CompletionsRequest } from './request.js';

export const nativeCompletions: Translator<CompletionsRequest> = {
  from: 'openai-completions',
  to: 'openai-completions',
  translate(request, { model, asksUsage }, { maxOutput, refusesUsage }) {
    const askUsage = request.stream && !request.askedUsage && asksUsage && !refusesUsage;
    return ok({
      body: bodyOf(request, model, maxOutput, askUsage),
      dropped: [],
      asksUsage: askUsage,
      answer: readAnswer,
      stream: () => new OpenAiChatStream(request.askedUsage, request.facts.choices, saidIn),
      failure: readErrorBody,
    });
  },
};

const saidIn = (choice: object): unknown => ({ content: (choice as Json)['text'] });

function bodyOf(
  { body, json, fields }: CompletionsRequest,
  model: string,
  cap: number | null,
  askUsage: boolean,
): Buffer {
  const edits: { start: number; end: number; with: string }[] = [];
  const at = fields.end;
  let rest = '';
  for (const { name, valueStart: start, valueEnd: end } of fields.fields) {
    if (name === 'model') edits.push({ start, end, with: JSON.stringify(model) });
    if (name === 'max_tokens' && cap !== null) edits.push({ start, end, with: String(capped(json[name], cap)) });
    if (name === 'stream_options' && askUsage) edits.push({ start, end, with: '{"include_usage":true}' });
  }
  if (cap !== null && json['max_tokens'] === undefined) rest += `,"max_tokens":${cap}`;
  if (askUsage && json['stream_options'] === undefined) rest += ',"stream_options":{"include_usage":true}';
  if (rest !== '') edits.push({ start: at, end: at, with: rest });
  return splice(body, edits);
}

const capped = (asked: unknown, cap: number): number => (typeof asked === 'number' ? Math.min(asked, cap) : cap);

const garbage = (what: string, usage?: Usage): Answer => ({
  ok: false,
  failure: { kind: 'garbage', message: `The upstream answered with ${what}.` },
  usage,
});

function readAnswer(body: Buffer): Answer {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    return garbage('something that is not JSON');
  }
  const usage = isObject(json) ? usageIn(json) : undefined;
  const told = errorIn(json);
  if (told) return { ok: false, failure: { kind: 'in_band', ...told }, usage };
  if (!isObject(json) || !Array.isArray(json['choices'])) return garbage('JSON that is not a completion', usage);
  const choices = (json['choices'] as unknown[]).filter(isObject);
  if (choices.length === 0) return garbage('a completion without a choice', usage);
  for (const choice of choices) {
    const failed = errorInChoice(choice);
    if (failed) return { ok: false, failure: { kind: 'in_band', ...failed }, usage };
  }
  const texts = choices.map(({ text }) => (typeof text === 'string' ? text : ''));
  return {
    ok: true,
    body,
    usage,
    servedModel: typeof json['model'] === 'string' ? json['model'] : undefined,
    filtered: choices.some(({ finish_reason: finish }) => finish === 'content_filter'),
    empty: texts.every((text) => text === ''),
    text: () => texts.join(''),
  };
}
