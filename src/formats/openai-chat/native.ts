/**
 * A chat completion carried to a target that speaks the same dialect: the caller's bytes go out with only `model` and the
 * asked-for usage changed, and the upstream's bytes come back untouched but for usage that the client did not ask for.
 */
import { ok, type Result, refused } from '../../lib/errors.js';

import { type ReadAnswer, readAnswerJson } from '../answer-json.js';
import { errorIn, readErrorBody } from '../error-body.js';
import { jsonFields, splice } from '../json-fields.js';
import type { Answer, TargetFacts, Translator } from '../translation.js';
import type { Usage } from '../usage.js';
import { fit } from './dialect.js';
import { answersAnything, generatedText } from './generated.js';
import { type ChatRequest, chatRequestOf } from './request.js';
import { OpenAiChatStream } from './stream.js';
import { usageIn } from './usage.js';
import { errorInChoice, isFiltered } from './wire.js';

export const nativeChat: Translator<ChatRequest> = {
  from: 'openai-chat',
  to: 'openai-chat',
  translate(written, target, { maxOutput, refusesUsage }) {
    const fitted = fittedTo(written, target);
    if (!fitted.ok) return fitted;
    const { request, dropped } = fitted.value;
    const asksUsage = request.stream && !request.askedUsage && target.asksUsage && !refusesUsage;
    return ok({
      body: requestBody(request, target, { askUsage: asksUsage, cap: maxOutput }),
      dropped,
      asksUsage,
      answer: readAnswer,
      stream: () => new OpenAiChatStream(written.askedUsage, written.facts.choices),
      failure: readErrorBody,
    });
  },
};

/** The request as the target's vendor takes it: with its own bytes where nothing has to change. */
function fittedTo(
  request: ChatRequest,
  { chatDialect, dropParams }: TargetFacts,
): Result<{ readonly request: ChatRequest; readonly dropped: readonly string[] }> {
  const fitted = chatDialect && fit(request.json, chatDialect, dropParams);
  if (!fitted) return ok({ request, dropped: [] });
  if ('code' in fitted) return refused(fitted);
  const again = chatRequestOf(fitted.json);
  return again.ok ? ok({ request: again.value, dropped: fitted.dropped }) : again;
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly with: string;
}

interface Additions {
  readonly askUsage: boolean;
  /** The maximum of each choice; null: the caller's own. */
  readonly cap: number | null;
}

function requestBody(call: ChatRequest, { model, outputField }: TargetFacts, { askUsage, cap }: Additions): Buffer {
  const edits: Edit[] = [];
  let hasOptions = false;
  let capped = false;
  for (const { name, valueStart, valueEnd } of call.fields.fields) {
    if (name === 'model') edits.push({ start: valueStart, end: valueEnd, with: JSON.stringify(model) });
    if (cap !== null && (name === 'max_tokens' || name === 'max_completion_tokens')) {
      const asked = call.json[name];
      if (asked === null && (call.facts.maxOutput !== null || name !== outputField)) continue;
      const tokens = typeof asked === 'number' && asked > 0 ? Math.min(asked, cap) : cap;
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
}

interface WireChoice {
  finish_reason?: unknown;
  message?: unknown;
}

const garbage = (what: string, usage?: Usage): Answer => ({
  ok: false,
  failure: { kind: 'garbage', message: `The upstream answered with ${what}.` },
  usage,
});

function readAnswer(body: Buffer): Answer | Promise<Answer> {
  const read = readAnswerJson(body);
  return read instanceof Promise ? read.then((json) => answerOf(body, json)) : answerOf(body, read);
}

/** `read`: undefined where the body is not JSON. */
function answerOf(body: Buffer, read: ReadAnswer | undefined): Answer {
  if (!read) return garbage('something that is not JSON');
  const completion = (typeof read.value === 'object' ? read.value : null) as WireCompletion | null;
  const usage = completion ? usageIn(completion) : undefined;
  const told = completion && errorIn(completion);
  if (told) return { ok: false, failure: { kind: 'in_band', ...told }, usage };
  if (!Array.isArray(completion?.choices)) return garbage('JSON that is not a chat completion', usage);
  const choices = (completion.choices as unknown[]).filter((choice) => typeof choice === 'object' && choice !== null);
  if (choices.length === 0) return garbage('a chat completion without a choice', usage);
  for (const choice of choices) {
    const failed = errorInChoice(choice as object);
    if (failed) return { ok: false, failure: { kind: 'in_band', ...failed }, usage };
  }
  return wholeAnswer(body, completion, choices as WireChoice[], usage);
}

function wholeAnswer(
  body: Buffer,
  { model }: WireCompletion,
  choices: readonly WireChoice[],
  usage: Usage | undefined,
): Answer {
  return {
    ok: true,
    body,
    usage,
    servedModel: typeof model === 'string' ? model : undefined,
    filtered: choices.some((choice) => isFiltered(choice.finish_reason)),
    empty: !choices.some((choice) => answersAnything(choice.message)),
    text: () => choices.map((choice) => generatedText(choice.message)).join(''),
  };
}
