/** Calls through the converter as the gateway makes them, and what came of them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MessageCreateParams } from '@anthropic-ai/sdk/resources/messages';
import { anthropic } from '../../../providers/anthropic.js';
import type { ChatRequest } from '../../../src/formats/openai-chat/request.js';
import type {
  AttemptTerms,
  StreamReader,
  TargetFacts,
  Translation,
  UsageExtra,
} from '../../../src/formats/translation.js';
import type { Result } from '../../../src/lib/errors.js';
import type { Json } from '../../../src/lib/json.js';
import { packageRoot } from '../../../src/lib/root.js';
import { openaiChatToAnthropicMessages } from '../../../src/translate/openai-chat--anthropic-messages/request.js';

/** Understands everything that older models do: budgets, forced tools, prefill, sampling, native schemas. */
export const SONNET_4_5 = 'claude-sonnet-4-5-20250929';
/** Has neither native schemas nor strict tools. */
export const SONNET_4 = 'claude-sonnet-4-20250514';
export const OPUS_4_6 = 'claude-opus-4-6';
export const OPUS_5 = 'claude-opus-5';
/** Refuses forced tools, and cannot stop thinking. */
export const OPUS_5_5 = 'claude-opus-5-5';
export const SONNET_5_5 = 'claude-sonnet-5-5';
export const HAIKU_3 = 'claude-3-haiku-20240307';

export const NOW_MS = 1_760_000_000_500;

type Settings = Partial<TargetFacts & AttemptTerms & { readonly askedUsage: boolean }>;

/** What is small is done at once. */
import { atOnce } from '../../support/at-once.js';

export function call(body: object, settings: Settings = {}): Result<Translation> {
  return atOnce(calling(body, settings));
}

export function calling(
  body: object,
  settings: Settings = {},
): ReturnType<typeof openaiChatToAnthropicMessages.translate> {
  const { askedUsage = false, model = SONNET_4_5, dropParams = false, maxOutput = null, nowMs = NOW_MS } = settings;
  const { forcedToolChoice = 'refuse' } = settings;
  const json = { messages: [user('hi')], ...body };
  const request = { json: json as Json, body: Buffer.from(JSON.stringify(json)), askedUsage } as ChatRequest;
  const target: TargetFacts = {
    model,
    id: `anthropic/${model}`,
    dropParams,
    forcedToolChoice,
    modelFacts: anthropic.modelFacts(model),
    outputField: 'max_tokens',
    maxOutput: null,
    asksUsage: true,
    mostInputs: Number.POSITIVE_INFINITY,
  };
  return openaiChatToAnthropicMessages.translate(request, target, { maxOutput, nowMs });
}

export function translation(body: object, settings: Settings = {}): Translation {
  const result = call(body, settings);
  assert.ok(result.ok, result.ok ? '' : result.refusal.message);
  return result.value;
}

/** The request as the upstream gets it. */
export const sent = (body: object, settings: Settings = {}): MessageCreateParams =>
  JSON.parse(translation(body, settings).body.toString('utf8')) as MessageCreateParams;

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
export const toolCall = (id: string, name = 'look', args = '{}') => ({
  id,
  type: 'function',
  function: { name, arguments: args },
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

export const fixture = (name: string): Buffer => readFileSync(join(packageRoot, 'test/fixtures/anthropic', name));

export const EXTRA: UsageExtra = { cost_usd: '0.000001000', attempts: 1, cache: 'miss' };

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

export interface Chunk {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly choices: readonly { readonly delta: Record<string, unknown>; readonly finish_reason: string | null }[];
  readonly usage?: unknown;
  readonly x_tollgate?: unknown;
}

/** The chunks in the bytes of a chat stream; comments and the end mark are left out. */
export const chunksOf = (bytes: Buffer): Chunk[] =>
  bytes
    .toString('utf8')
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map((event) => JSON.parse(event.slice('data: '.length)) as Chunk);

export const deltasOf = (bytes: Buffer): Record<string, unknown>[] =>
  chunksOf(bytes).flatMap(({ choices }) => choices.map(({ delta }) => delta));

export const contentOf = (bytes: Buffer): string =>
  deltasOf(bytes)
    .map(({ content }) => (typeof content === 'string' ? content : ''))
    .join('');
