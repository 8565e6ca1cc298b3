/** A whole answer of `generateContent` as a chat completion. */
import { readAnswerJson } from '../../formats/answer-json.js';
import {
  blockReason,
  candidatesOf,
  EMPTY_ANSWER,
  failedFinish,
  inBandError,
  laterMetadata,
  readGeminiUsage,
  searchesIn,
} from '../../formats/google-gemini/wire.js';
import { chatUsage } from '../../formats/openai-chat/usage.js';
import type { Answer } from '../../formats/translation.js';
import { noUsage, type Usage } from '../../formats/usage.js';
import { isObject, type Json } from '../../lib/json.js';
import { jsonBytes } from '../../lib/json-bytes.js';
import { then } from '../../lib/then.js';
import { type AnswerPlan, Candidate } from './candidate.js';

export function readGeminiAnswer(plan: AnswerPlan, body: Buffer): Answer | Promise<Answer> {
  return then(readAnswerJson(body), (read) =>
    read ? answerOf(plan, body, read.value) : garbage('something that is not JSON'),
  );
}

function answerOf(plan: AnswerPlan, body: Buffer, answer: unknown): Answer | Promise<Answer> {
  const failure = inBandError(answer);
  if (failure) return { ok: false, failure };
  if (!isObject(answer)) return garbage('JSON that is not an answer');
  const usage = usageIn(answer, plan);
  const blocked = blockReason(answer);
  const candidates = candidatesOf(answer);
  if (candidates.length === 0 && blocked === undefined) return garbage('an answer without a candidate', usage);
  const failed = candidates.map(failedFinish).find((one) => one !== undefined);
  if (failed) return { ok: false, failure: failed, usage };
  const told = candidates.map((candidate, place) => tell(candidate, place, { plan, answer, body }));
  // Ended by itself, and nothing said: no answer. Where thoughts took all there was to say, it is cut short.
  if (blocked === undefined && told.every(({ candidate }) => candidate.empty && candidate.finish === 'stop'))
    return { ok: false, failure: EMPTY_ANSWER, usage };
  const choices = candidates.length === 0 ? [blockedChoice(blocked!)] : told.map(({ choice }) => choice);
  const completion = {
    ...headOf(answer, plan),
    object: 'chat.completion',
    choices,
    usage: chatUsage(usage ?? noUsage()),
  };
  const answered = (printed: Buffer): Answer => ({
    ok: true,
    body: printed,
    usage,
    servedModel: servedModel(answer),
    filtered: choices.some((choice) => choice['finish_reason'] === 'content_filter'),
    empty: told.every(({ candidate }) => candidate.empty),
    text: () => told.map(({ candidate }) => candidate.generated.kept()).join(''),
  });
  return then(jsonBytes(completion, body.length), answered);
}

const garbage = (what: string, usage?: Usage): Answer => ({
  ok: false,
  failure: { kind: 'garbage', message: `The upstream answered with ${what}.` },
  usage,
});

export const servedModel = ({ modelVersion }: Json): string | undefined =>
  typeof modelVersion === 'string' && modelVersion !== '' ? modelVersion : undefined;

export const responseIdOf = ({ responseId }: Json, { nowMs }: AnswerPlan): string =>
  typeof responseId === 'string' && responseId !== '' ? responseId : nowMs.toString(36);

export const headOf = (answer: Json, plan: AnswerPlan) => ({
  id: `chatcmpl-${responseIdOf(answer, plan)}`,
  created: Math.floor(plan.nowMs / 1000),
  model: servedModel(answer) ?? plan.model,
});

/** What an answer reports, with what its tools did beside the model. */
function usageIn(answer: Json, plan: AnswerPlan): Usage | undefined {
  const usage = readGeminiUsage(laterMetadata(undefined, answer['usageMetadata']));
  const searches = candidatesOf(answer).reduce((sum, one) => sum + searchesIn(one, plan.eachSearch), 0);
  return usage && searches > 0 ? { ...usage, tools: { web_search: searches } } : usage;
}

/** The provider did not let the model answer. */
export const blockedWords = (reason: string): string =>
  `The prompt was blocked by the content policy of the model's provider (${reason}).`;

const blockedChoice = (reason: string): Json => ({
  index: 0,
  message: { role: 'assistant', content: null, refusal: blockedWords(reason) },
  logprobs: null,
  finish_reason: 'content_filter',
  native_finish_reason: reason,
});

interface Told {
  readonly candidate: Candidate;
  readonly choice: Json;
}

function tell(
  json: Json,
  place: number,
  { plan, answer, body }: { readonly plan: AnswerPlan; readonly answer: Json; readonly body: Buffer },
): Told {
  const index = typeof json['index'] === 'number' ? json['index'] : place;
  const candidate = new Candidate(index, plan, responseIdOf(answer, plan));
  const deltas = [...candidate.take(json, body, place), ...candidate.end()];
  const { message, logprobs } = together(deltas);
  const wordless = message['content'] === '' && Array.isArray(message['tool_calls']);
  const choice = {
    index,
    message: wordless ? { ...message, content: null } : message,
    logprobs,
    finish_reason: candidate.finish,
    native_finish_reason: candidate.reason ?? null,
  };
  return { candidate, choice };
}

/** One message of all deltas: texts grow, lists grow. */
function together(deltas: readonly Json[]): { readonly message: Json; readonly logprobs: unknown } {
  const message: Record<string, unknown> = { role: 'assistant', content: '', refusal: null };
  const lists = new Map<string, unknown[]>();
  let logprobs: unknown = null;
  for (const delta of deltas) {
    for (const [name, value] of Object.entries(delta)) {
      const before = message[name];
      if (name === 'logprobs') logprobs = value;
      else if (Array.isArray(value)) {
        const list = lists.get(name) ?? [];
        for (const one of value) list.push(name === 'tool_calls' ? withoutIndex(one) : one);
        lists.set(name, list);
        message[name] = list;
      } else if (typeof value === 'string') message[name] = (typeof before === 'string' ? before : '') + value;
      else message[name] = value;
    }
  }
  return { message, logprobs };
}

function withoutIndex(call: unknown): unknown {
  const { index: _index, ...rest } = call as Json;
  return rest;
}

export type { AnswerPlan } from './candidate.js';
