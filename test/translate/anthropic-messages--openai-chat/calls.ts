/** Requests through the translation as the gateway makes them, and what came of them. */
import assert from 'node:assert/strict';
import { abilitiesOf } from '../../../src/catalog/abilities/abilities.js';
import { readMessagesRequest } from '../../../src/formats/anthropic-messages/request.js';
import { outputFieldFor } from '../../../src/formats/openai-chat/models.js';
import type { TargetFacts, Translation } from '../../../src/formats/translation.js';
import type { Refusal } from '../../../src/lib/errors.js';
import type { Json } from '../../../src/lib/json.js';
import { translatorFor } from '../../../src/translate/registry.js';

export const NOW_MS = 1_760_000_000_500;

export const user = (...content: unknown[]) => ({ role: 'user', content });
export const assistant = (...content: unknown[]) => ({ role: 'assistant', content });
export const text = (words: string, more: object = {}) => ({ type: 'text', text: words, ...more });
export const toolUse = (id: string, name = 'get', input: object = {}) => ({ type: 'tool_use', id, name, input });
export const result = (id: string, content?: unknown, more: object = {}) => ({
  type: 'tool_result',
  tool_use_id: id,
  ...(content === undefined ? {} : { content }),
  ...more,
});

export async function translate(body: object, facts: Partial<TargetFacts> = {}, maxOutput: number | null = null) {
  const model = facts.model ?? 'llama-4';
  const target: TargetFacts = {
    model,
    id: `fake/${model}`,
    dropParams: false,
    forcedToolChoice: 'refuse',
    abilities: abilitiesOf(model),
    modelFacts: null,
    outputField: outputFieldFor(model),
    maxOutput: null,
    asksUsage: true,
    mostInputs: 1,
    ...facts,
  };
  const request = { model: 'claude-asked', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }], ...body };
  const read = await readMessagesRequest(Buffer.from(JSON.stringify(request)));
  if (!read.ok) return read;
  const way = translatorFor('anthropic-messages', new Set(['openai-chat'] as const))!;
  return way.translate(read.value, target, { maxOutput, nowMs: NOW_MS });
}

export async function translation(body: object = {}, facts: Partial<TargetFacts> = {}): Promise<Translation> {
  const translated = await translate(body, facts);
  assert.ok(translated.ok, translated.ok ? '' : translated.refusal.message);
  return translated.value;
}

/** The chat completion that goes out. */
export const sent = async (body: object = {}, facts: Partial<TargetFacts> = {}): Promise<Json> =>
  JSON.parse((await translation(body, facts)).body.toString()) as Json;

export const sentMessages = async (body: object, facts: Partial<TargetFacts> = {}): Promise<unknown> =>
  (await sent(body, facts))['messages'];

export async function refusal(body: object, facts: Partial<TargetFacts> = {}): Promise<Refusal> {
  const translated = await translate(body, facts);
  assert.ok(!translated.ok, 'it was not refused');
  return translated.refusal;
}

/** The message that a chat completion becomes. */
export async function answered(choice: object, more: object = {}, request: object = {}): Promise<Json> {
  const completion = {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    model: 'upstream-m',
    choices: [{ index: 0, finish_reason: 'stop', ...choice }],
    usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    ...more,
  };
  const answer = await (await translation(request)).answer(Buffer.from(JSON.stringify(completion)));
  assert.ok(answer.ok);
  return JSON.parse(answer.body.toString()) as Json;
}
