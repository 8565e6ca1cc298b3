/**
 * A chat completion carried to a target that speaks the same dialect: the caller's bytes go out with only `model` and the
 * asked-for usage changed, and the upstream's bytes come back untouched but for usage that the client did not ask for.
 */
import { ok } from '../../lib/errors.js';

import { jsonFields, splice } from '../json-fields.js';
import type { Answer, TargetFacts, Translator } from '../translation.js';
import type { ChatRequest } from './request.js';
import { OpenAiChatStream } from './stream.js';
import { readChatUsage } from './usage.js';
import { errorIn, readError, textOf } from './wire.js';

export const nativeChat: Translator<ChatRequest> = {
  from: 'openai-chat',
  to: 'openai-chat',
  translate: (request, target, { maxOutput }) =>
    ok({
      body: requestBody(request, target, maxOutput),
      dropped: [],
      answer: readAnswer,
      stream: () => new OpenAiChatStream(request.askedUsage, request.facts.choices),
      failure: readError,
    }),
};

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly with: string;
}

function requestBody(call: ChatRequest, { model, outputField }: TargetFacts, cap: number | null): Buffer {
  const edits: Edit[] = [];
  const askUsage = call.stream && !call.askedUsage;
  let hasOptions = false;
  let capped = false;
  for (const { name, valueStart, valueEnd } of call.fields.fields) {
    if (name === 'model') edits.push({ start: valueStart, end: valueEnd, with: JSON.stringify(model) });
    if (cap !== null && (name === 'max_tokens' || name === 'max_completion_tokens')) {
      const asked = call.json[name];
      if (asked === null && (call.facts.maxOutput !== null || name !== outputField)) continue;
      const tokens = typeof asked === 'number' ? Math.min(asked, cap) : cap;
      edits.push({ start: valueStart, end: valueEnd, with: String(tokens) });
      capped = true;
    }
    if (name !== 'stream_options') continue;
    hasOptions = true;
    if (askUsage) edits.push(withUsage(call.body, valueStart, valueEnd));
  }
  const at = call.fields.end;
  if (askUsage && !hasOptions) edits.push({ start: at, end: at, with: ',"stream_options":{"include_usage":true}' });
  if (cap !== null && !capped) edits.push({ start: at, end: at, with: `,"${outputField}":${cap}` });
  return splice(call.body, edits);
}

/** The edit that makes `stream_options` ask for usage and keeps what else it says. */
function withUsage(body: Buffer, start: number, end: number): Edit {
  const found = jsonFields(body.subarray(start, end));
  if (!found || found.fields.length === 0) return { start, end, with: '{"include_usage":true}' };
  const field = found.fields.findLast(({ name }) => name === 'include_usage');
  if (field) return { start: start + field.valueStart, end: start + field.valueEnd, with: 'true' };
  return { start: start + found.end, end: start + found.end, with: ',"include_usage":true' };
}

interface WireCompletion {
  model?: unknown;
  choices?: unknown;
  usage?: unknown;
  service_tier?: unknown;
  error?: unknown;
}

function readAnswer(body: Buffer): Answer {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    return {
      ok: false,
      failure: { kind: 'garbage', message: 'The upstream answered with something that is not JSON.' },
    };
  }
  const completion = (typeof json === 'object' ? json : null) as WireCompletion | null;
  const told = completion && errorIn(completion);
  if (told) return { ok: false, failure: { kind: 'in_band', ...told } };
  if (!Array.isArray(completion?.choices)) {
    return {
      ok: false,
      failure: { kind: 'garbage', message: 'The upstream answered with JSON that is not a chat completion.' },
    };
  }
  const choices: unknown[] = completion.choices;
  return {
    ok: true,
    body,
    usage: readChatUsage(completion.usage, completion.service_tier),
    servedModel: typeof completion.model === 'string' ? completion.model : undefined,
    filtered: choices.some(
      (choice) => (choice as { finish_reason?: unknown } | null)?.finish_reason === 'content_filter',
    ),
    text: () => choices.map((choice) => textOf((choice as { message?: unknown } | null)?.message)).join(''),
  };
}
