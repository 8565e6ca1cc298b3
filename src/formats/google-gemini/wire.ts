/**
 * Facts of `generateContent` that everyone who reads it needs: usage, errors, why an answer ended. Source of the shapes:
 * Google's Gemini API, v1beta.
 */
import { isObject, type Json } from '../../lib/json.js';
import { errorIn } from '../error-body.js';
import type { UpstreamFailure } from '../failure.js';
import { count, counted, noUsage, serviceTier, type Usage } from '../usage.js';

export type Finish = 'stop' | 'length' | 'tool_calls' | 'content_filter';

/** Withheld, the whole or the rest of an answer. */
const FILTERED =
  /SAFETY|PROHIBITED|RECITATION|^(?:BLOCKLIST|SPII|LANGUAGE|NO_IMAGE|IMAGE_OTHER|MODEL_ARMOR|JAILBREAK|ESCALATION)$/;
/** The model failed at what was asked of it, and may do better the next time. */
const FAILED =
  /^(?:MALFORMED_FUNCTION_CALL|UNEXPECTED_TOOL_CALL|TOO_MANY_TOOL_CALLS|MALFORMED_RESPONSE|MISSING_THOUGHT_SIGNATURE)$/;

/** `calls`: whether the answer has calls of tools. Google says `STOP` for those too. */
export function finishOf(reason: unknown, calls: boolean): Finish {
  if (typeof reason === 'string') {
    if (FILTERED.test(reason)) return 'content_filter';
    if (reason === 'MAX_TOKENS' || reason === 'CONTINUATION') return 'length';
  }
  return calls ? 'tool_calls' : 'stop';
}

export const isFinish = (reason: unknown): reason is string =>
  typeof reason === 'string' && reason !== '' && reason !== 'FINISH_REASON_UNSPECIFIED';

/** The failure that a candidate's end tells of. */
export function failedFinish(candidate: Json): UpstreamFailure | undefined {
  const { finishReason: reason, finishMessage: message } = candidate;
  if (typeof reason !== 'string' || !FAILED.test(reason)) return undefined;
  const words = typeof message === 'string' && message !== '' ? `: ${message.slice(0, 500)}` : '.';
  return {
    kind: 'in_band',
    status: 502,
    meaning: 'transient',
    type: reason,
    message: `The upstream ended its answer with ${reason}${words}`,
  };
}

/** What ended before anything came: an answer that is none. */
export const EMPTY_ANSWER: UpstreamFailure = {
  kind: 'in_band',
  status: 502,
  meaning: 'transient',
  message: 'The upstream answered with nothing: neither content nor a call of a tool.',
};

/** Why the prompt was not answered; undefined where it was. */
export function blockReason(answer: Json): string | undefined {
  const feedback = answer['promptFeedback'];
  const reason = isObject(feedback) ? feedback['blockReason'] : undefined;
  return typeof reason === 'string' && reason !== '' && reason !== 'BLOCK_REASON_UNSPECIFIED' ? reason : undefined;
}

/** The error that an answer or an event of status 200 tells of. Its `code` is the status that it would have had. */
export function inBandError(body: unknown): UpstreamFailure | undefined {
  const told = errorIn(body);
  return told && { kind: 'in_band', ...told };
}

export const candidatesOf = ({ candidates }: Json): readonly Json[] =>
  Array.isArray(candidates) ? candidates.filter(isObject) : [];

export function partsOf({ content }: Json): readonly Json[] {
  const parts = isObject(content) ? content['parts'] : undefined;
  return Array.isArray(parts) ? parts.filter(isObject) : [];
}

/**
 * The reports of one answer, put together: they are cumulative, and early ones of a stream lack fields, so that of each field
 * the last one that is there counts.
 */
export function laterMetadata(before: Json | undefined, told: unknown): Json | undefined {
  if (!isObject(told)) return before;
  if (!before) return told;
  const known = Object.entries(told).filter(([, value]) => value !== null && value !== undefined);
  return { ...before, ...Object.fromEntries(known) };
}

/**
 * Usage as `usageMetadata` tells it. `promptTokenCount` includes what was read from the cache; what tools of the provider
 * brought (`toolUsePromptTokenCount`) and what was thought (`thoughtsTokenCount`) stand beside it and beside the answer.
 */
export function readGeminiUsage(metadata: Json | undefined): Usage | undefined {
  if (!metadata) return undefined;
  const prompt = counted(metadata['promptTokenCount']);
  const answer = counted(metadata['candidatesTokenCount']);
  const total = counted(metadata['totalTokenCount']);
  if (prompt === undefined && answer === undefined && total === undefined) return undefined;
  const read = (prompt ?? 0) + count(metadata['toolUsePromptTokenCount']);
  const cached = Math.min(read, count(metadata['cachedContentTokenCount']));
  const thought = count(metadata['thoughtsTokenCount']);
  const input = read - cached;
  const modal = (name: string, modality: string) => tokensOf(metadata[name], modality);
  const audio = modal('promptTokensDetails', 'AUDIO') - modal('cacheTokensDetails', 'AUDIO');
  const image = modal('promptTokensDetails', 'IMAGE') - modal('cacheTokensDetails', 'IMAGE');
  const output = (answer ?? 0) + thought;
  const imageOutput = Math.min(output, modal('candidatesTokensDetails', 'IMAGE'));
  const tier = serviceTier(typeof metadata['serviceTier'] === 'string' ? metadata['serviceTier'].toLowerCase() : null);
  return {
    ...noUsage(),
    input,
    cache_read: cached,
    output,
    reasoning: thought,
    audio_input: within(audio, input),
    audio_output: Math.min(output, modal('candidatesTokensDetails', 'AUDIO')),
    ...(image > 0 && { image_input: within(image, input) }),
    ...(imageOutput > 0 && { image_output: imageOutput }),
    ...(tier !== undefined && { service_tier: tier }),
    ...(prompt === undefined && { lacks: 'input' as const }),
  };
}

const within = (tokens: number, most: number): number => Math.min(most, Math.max(0, tokens));

function tokensOf(details: unknown, modality: string): number {
  if (!Array.isArray(details)) return 0;
  let tokens = 0;
  for (const one of details) if (isObject(one) && one['modality'] === modality) tokens += count(one['tokenCount']);
  return tokens;
}

/**
 * How often the provider searched the web for an answer, as it charges for it: since Gemini 3 each query, before each answer
 * that has any.
 */
export function searchesIn(candidate: Json, eachQuery: boolean): number {
  const grounding = candidate['groundingMetadata'];
  const queries = isObject(grounding) ? grounding['webSearchQueries'] : undefined;
  if (!Array.isArray(queries) || queries.length === 0) return 0;
  return eachQuery ? queries.length : 1;
}

/** All text of a candidate that was generated: words, thoughts, calls of tools. */
export function generatedText(candidate: Json): string {
  let all = '';
  for (const { text, functionCall: call, executableCode: code } of partsOf(candidate)) {
    if (typeof text === 'string') all += text;
    if (isObject(call)) all += String(call['name'] ?? '') + printed(call['args'] ?? {});
    if (isObject(code)) all += String(code['code'] ?? '');
  }
  return all;
}

function printed(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return ''; // nests too deep
  }
}

/** Whether a candidate holds content or a call, and not thoughts alone. */
export const answersAnything = (candidate: Json): boolean => partsOf(candidate).some(saysAnything);

function saysAnything(part: Json): boolean {
  const { text, thought } = part;
  if (thought === true) return false;
  if (typeof text === 'string' && text !== '') return true;
  for (const name in part) if (name !== 'text' && name !== 'thought' && name !== 'thoughtSignature') return true;
  return false;
}
