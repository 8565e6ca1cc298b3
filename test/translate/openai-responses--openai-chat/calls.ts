/** Requests of the Responses API through the translator to chat completions as the gateway makes them, and what came of them. */

import assert from 'node:assert/strict';
import { abilitiesOf } from '../../../src/catalog/abilities/abilities.js';
import type { FormatId } from '../../../src/formats/format-id.js';
import { type ResponsesRequest, readResponsesRequest } from '../../../src/formats/openai-responses/request.js';
import { SseReader } from '../../../src/formats/sse.js';
import type { StreamReader, TargetFacts, Translation } from '../../../src/formats/translation.js';
import type { Result } from '../../../src/lib/errors.js';
import { refuse } from '../../../src/lib/errors.js';
import type { Json } from '../../../src/lib/json.js';
import { translatorFor } from '../../../src/translate/registry.js';
import { atOnce } from '../../support/at-once.js';

export const NOW_MS = 1_760_000_000_500;

export function requestOf(body: object): ResponsesRequest {
  const read = readResponsesRequest(Buffer.from(JSON.stringify({ model: 'm', input: 'hi', ...body })));
  assert.ok(!(read instanceof Promise));
  assert.ok(read.ok, read.ok ? '' : read.refusal.message);
  return read.value;
}

export function call(
  body: object,
  { to = 'openai-chat' as FormatId, ...more }: Partial<TargetFacts> & { to?: FormatId } = {},
): Result<Translation> {
  const target = {
    model: 'open-model',
    id: 'p/open-model',
    dropParams: false,
    abilities: abilitiesOf(more.model ?? 'open-model'),
    modelFacts: null,
    outputField: 'max_completion_tokens',
    asksUsage: true,
    mostInputs: Number.POSITIVE_INFINITY,
    ...more,
  } as TargetFacts;
  return atOnce(
    translatorFor('openai-responses', new Set([to]))!.translate(requestOf(body), target, {
      maxOutput: null,
      nowMs: NOW_MS,
    }),
  );
}

export function translation(body: object, settings: Parameters<typeof call>[1] = {}): Translation {
  const result = call(body, settings);
  assert.ok(result.ok, result.ok ? '' : result.refusal.message);
  return result.value;
}

export const sent = (body: object, settings: Parameters<typeof call>[1] = {}): Json =>
  JSON.parse(translation(body, settings).body.toString('utf8')) as Json;

export function refusalOf(
  body: object,
  settings: Parameters<typeof call>[1] = {},
): { code: string; param: string | undefined } {
  const result = call(body, settings);
  assert.ok(!result.ok);
  return { code: result.refusal.code, param: result.refusal.param };
}

const extra = { cost_usd: '0', attempts: 1, cache: 'off' };

/** Chunks of a chat completion: deltas, the last of which may be a finish reason, and usage. */
export const chunks = (
  deltas: readonly Json[],
  finish: string | null = 'stop',
  usage: Json | null = { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 },
): Buffer[] => {
  const chunk = (choices: unknown[], rest: Json = {}) =>
    Buffer.from(
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'served', choices, ...rest })}\n\n`,
    );
  return [
    ...deltas.map((delta) => chunk([{ index: 0, delta, finish_reason: null }])),
    ...(finish === null ? [] : [chunk([{ index: 0, delta: {}, finish_reason: finish }])]),
    ...(usage === null ? [] : [chunk([], { usage })]),
    Buffer.from('data: [DONE]\n\n'),
  ];
};

export interface Told {
  readonly events: readonly Json[];
  /** The response of the last event. */
  readonly response: Json;
  readonly reader: StreamReader;
}

export function streamed(body: object, pieces: readonly Buffer[], settings: Parameters<typeof call>[1] = {}): Told {
  const reader = translation({ stream: true, ...body }, settings).stream();
  const out: Buffer[] = [];
  for (const piece of pieces) out.push(reader.push(piece));
  reader.end();
  if (reader.failure) out.push(reader.broken!(refuse('upstream_error', reader.failure.message))!);
  else out.push(reader.closing(extra));
  return { ...eventsOf(Buffer.concat(out)), reader };
}

/** The events of a stream, whose names are their types and whose numbers have no gap. */
export function eventsOf(bytes: Buffer): { events: Json[]; response: Json } {
  const events: Json[] = [];
  new SseReader().feed(bytes, ({ name, data }) => {
    if (data === undefined) return true;
    const event = JSON.parse(data) as Json;
    assert.equal(event['type'], name);
    assert.equal(event['sequence_number'], events.length);
    events.push(event);
    return true;
  });
  return { events, response: (events.at(-1)?.['response'] ?? {}) as Json };
}

export const types = ({ events }: Pick<Told, 'events'>): string[] =>
  events.map(({ type }) => String(type).replace('response.', ''));

export function whole(body: object, message: Json, finish = 'stop', settings: Parameters<typeof call>[1] = {}): Json {
  const completion = {
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'served',
    choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: finish }],
    usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 },
  };
  const answer = atOnce(translation(body, settings).answer(Buffer.from(JSON.stringify(completion))));
  assert.ok(answer.ok);
  return JSON.parse(answer.body.toString('utf8')) as Json;
}
