/**
 * A request for content carried to a target that speaks `generateContent`: the caller's bytes go out with only a maximum that is
 * too large changed, and what another maker's models left in the conversation; the upstream's bytes come back untouched.
 */
import { ok } from '../../lib/errors.js';
import { isObject } from '../../lib/json.js';
import { readErrorBody } from '../error-body.js';
import { jsonFields, splice } from '../json-fields.js';
import type { Answer, TargetFacts, Translator } from '../translation.js';
import type { Usage } from '../usage.js';
import { type Edit, withGooglesThoughts } from './foreign-thoughts.js';
import { geminiModel } from './models.js';
import type { GeminiRequest } from './request.js';
import { GeminiStream } from './stream.js';
import {
  answersAnything,
  blockReason,
  candidatesOf,
  EMPTY_ANSWER,
  failedFinish,
  finishOf,
  generatedText,
  inBandError,
  laterMetadata,
  readGeminiUsage,
  searchesIn,
} from './wire.js';

export const nativeGemini: Translator<GeminiRequest> = {
  from: 'google-gemini',
  to: 'google-gemini',
  translate(request, target, { maxOutput }) {
    const { signedCalls } = target.geminiModel ?? geminiModel(target.model);
    return ok({
      body: nativeBody(request, target, maxOutput, signedCalls),
      dropped: [],
      answer: (body) => readAnswer(body, signedCalls),
      stream: () => new GeminiStream(request.asArray, signedCalls),
      failure: readErrorBody,
    });
  },
};

const CONFIG: ReadonlySet<string> = new Set(['generationConfig', 'generation_config']);
const MAXIMUM: ReadonlySet<string> = new Set(['maxOutputTokens', 'max_output_tokens']);

/** `cap`: the maximum of each candidate; null: the caller's own, as far as the model has so much. */
function nativeBody(
  { body, json, fields, facts }: GeminiRequest,
  { maxOutput }: TargetFacts,
  cap: number | null,
  signedCalls: boolean,
): Buffer {
  const most = Math.min(cap ?? Number.POSITIVE_INFINITY, maxOutput ?? Number.POSITIVE_INFINITY);
  const clamps = facts.maxOutput === null ? cap !== null : facts.maxOutput > most;
  const edits: Edit[] = [];
  let hasConfig = false;
  for (const { name, valueStart: start, valueEnd: end } of fields.fields) {
    if (name === 'contents') edits.push(...withGooglesThoughts(json, body, { start, end }, signedCalls));
    if (!CONFIG.has(name) || !isObject(json[name])) continue;
    hasConfig = true;
    if (clamps) edits.push(clampedConfig(body, start, end, most));
  }
  // A request has contents, so that there is a field before.
  if (clamps && !hasConfig)
    edits.push({ start: fields.end, end: fields.end, with: `,"generationConfig":{"maxOutputTokens":${most}}` });
  return splice(body, edits);
}

function clampedConfig(body: Buffer, start: number, end: number, most: number): Edit {
  const config = body.subarray(start, end);
  const found = jsonFields(config)!;
  const maximum = found.fields.findLast(({ name }) => MAXIMUM.has(name));
  if (maximum) return { start: start + maximum.valueStart, end: start + maximum.valueEnd, with: String(most) };
  const comma = found.fields.length > 0 ? ',' : '';
  return { start: start + found.end, end: start + found.end, with: `${comma}"maxOutputTokens":${most}` };
}

function readAnswer(body: Buffer, eachSearch: boolean): Answer {
  let answer: unknown;
  try {
    answer = JSON.parse(body.toString('utf8'));
  } catch {
    return garbage('something that is not JSON');
  }
  const failure = inBandError(answer);
  if (failure) return { ok: false, failure };
  if (!isObject(answer)) return garbage('JSON that is not an answer');
  const candidates = candidatesOf(answer);
  const told = readGeminiUsage(laterMetadata(undefined, answer['usageMetadata']));
  const searches = candidates.reduce((sum, one) => sum + searchesIn(one, eachSearch), 0);
  const usage = told && searches > 0 ? { ...told, tools: { web_search: searches } } : told;
  const blocked = blockReason(answer) !== undefined;
  if (candidates.length === 0 && !blocked) return garbage('an answer without a candidate', usage);
  const failed = candidates.map(failedFinish).find((one) => one !== undefined);
  if (failed) return { ok: false, failure: failed, usage };
  const finishes = candidates.map(({ finishReason }) => finishOf(finishReason, false));
  const empty = !candidates.some(answersAnything);
  if (!blocked && empty && finishes.every((finish) => finish === 'stop'))
    return { ok: false, failure: EMPTY_ANSWER, usage };
  const { modelVersion: served } = answer;
  return {
    ok: true,
    body,
    usage,
    servedModel: typeof served === 'string' && served !== '' ? served : undefined,
    filtered: blocked || finishes.includes('content_filter'),
    empty,
    text: () => candidates.map(generatedText).join(''),
  };
}

const garbage = (what: string, usage?: Usage): Answer => ({
  ok: false,
  failure: { kind: 'garbage', message: `The upstream answered with ${what}.` },
  usage,
});
