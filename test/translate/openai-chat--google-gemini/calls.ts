/** Calls through the converter as the gateway makes them, and what came of them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readChatRequest } from '../../../src/formats/openai-chat/request.js';
import type {
  Answer,
  AttemptTerms,
  StreamReader,
  TargetFacts,
  Translation,
  UsageExtra,
} from '../../../src/formats/translation.js';
import type { Result } from '../../../src/lib/errors.js';
import { packageRoot } from '../../../src/lib/root.js';
import { openaiChatToGoogleGemini } from '../../../src/translate/openai-chat--google-gemini/request.js';
import { atOnce } from '../../support/at-once.js';

export const GEMINI_3 = 'gemini-3-flash-preview';
export const PRO_3 = 'gemini-3-pro-preview';
export const FLASH_25 = 'gemini-2.5-flash';
export const PRO_25 = 'gemini-2.5-pro';
export const FLASH_20 = 'gemini-2.0-flash';
export const NOW_MS = 1_760_000_000_500;

type Settings = Partial<TargetFacts & AttemptTerms>;

export function call(body: object, settings: Settings = {}): Result<Translation> {
  const { model = FLASH_25, dropParams = false, maxOutput = null, nowMs = NOW_MS, atVertex = false } = settings;
  const request = atOnce(readChatRequest(Buffer.from(JSON.stringify({ model: 'm', messages: [user('hi')], ...body }))));
  assert.ok(request.ok, request.ok ? '' : request.refusal.message);
  const target: TargetFacts = {
    model,
    id: `google/${model}`,
    dropParams,
    modelFacts: null,
    outputField: 'max_tokens',
    asksUsage: true,
    mostInputs: Number.POSITIVE_INFINITY,
    maxOutput: null,
    forcedToolChoice: 'refuse',
    atVertex,
    ...(settings.abilities && { abilities: settings.abilities }),
    ...(settings.stated && { stated: settings.stated }),
    ...(settings.geminiModel && { geminiModel: settings.geminiModel }),
  };
  return atOnce(openaiChatToGoogleGemini.translate(request.value, target, { maxOutput, nowMs }));
}

export function translation(body: object, settings: Settings = {}): Translation {
  const result = call(body, settings);
  assert.ok(result.ok, result.ok ? '' : result.refusal.message);
  return result.value;
}

// biome-ignore lint/suspicious/noExplicitAny: what is sent is looked at field by field
export type Sent = any;

/** The request as the upstream gets it. */
export const sent = (body: object, settings: Settings = {}): Sent =>
  JSON.parse(translation(body, settings).body.toString('utf8'));

export const dropped = (body: object, settings: Settings = {}): readonly string[] =>
  translation(body, settings).dropped;

/** `code param` of the refusal. */
export function refusal(body: object, settings: Settings = {}): string {
  const result = call(body, settings);
  assert.ok(!result.ok, 'the request was not refused');
  return `${result.refusal.code} ${result.refusal.param}`;
}

export const user = (content: unknown) => ({ role: 'user', content });
export const assistant = (content: unknown, more: object = {}) => ({ role: 'assistant', content, ...more });
export const toolCall = (id: string, name = 'look', args = '{}', more: object = {}) => ({
  id,
  type: 'function',
  function: { name, arguments: args },
  ...more,
});
export const toolResult = (id: string, content: unknown, more: object = {}) => ({
  role: 'tool',
  tool_call_id: id,
  content,
  ...more,
});
export const tool = (name: string, more: object = {}) => ({
  type: 'function',
  function: { name, parameters: { type: 'object', properties: { city: { type: 'string' } } }, ...more },
});

export const fixture = (name: string): Buffer => readFileSync(join(packageRoot, 'test/fixtures/gemini', name));

export const EXTRA: UsageExtra = { cost_usd: '0.000001000', attempts: 1, cache: 'miss' };

export const answered = (answer: object, body: object = {}, settings: Settings = {}): Answer =>
  atOnce(translation(body, settings).answer(Buffer.from(JSON.stringify(answer))));

/** A whole answer that is one, as the caller gets it. */
export function completion(answer: object, body: object = {}, settings: Settings = {}): Sent {
  const told = answered(answer, body, settings);
  assert.ok(told.ok, told.ok ? '' : told.failure.message);
  return JSON.parse(told.body.toString('utf8'));
}

/** Everything that the caller gets of a stream whose upstream sent `pieces`, and the reading after it. */
export function streamed(
  body: object,
  pieces: readonly Buffer[],
  settings: Settings = {},
): { readonly bytes: Buffer; readonly reading: StreamReader } {
  const reading = translation({ stream: true, ...body }, settings).stream();
  const out = pieces.map((piece) => reading.push(piece));
  reading.end();
  if (reading.done) out.push(reading.closing(EXTRA));
  return { bytes: Buffer.concat(out), reading };
}

/** The chunks of a stream that a caller got, without the end mark. */
export const chunksOf = (bytes: Buffer): Sent[] =>
  bytes
    .toString('utf8')
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map((event) => JSON.parse(event.slice(6)));

export const sse = (...answers: object[]): Buffer =>
  Buffer.from(answers.map((answer) => `data: ${JSON.stringify(answer)}\r\n\r\n`).join(''));
