/** A whole chat completion told as a message, and what a streamed one shares with it. */
import { messageUsage } from '../../formats/anthropic-messages/message-usage.js';
import { ownSignature, type ThinkingField } from '../../formats/anthropic-messages/own-signature.js';
import type { MessagesRequest } from '../../formats/anthropic-messages/request.js';
import { generatedText } from '../../formats/openai-chat/generated.js';
import { noUsage, type Usage } from '../../formats/usage.js';
import { isObject, type Json } from '../../lib/json.js';
import type { LegTerms } from '../through-chat.js';
import { citationsOf } from './citations.js';
import { namesByChat } from './tools.js';

export type Terms = LegTerms<MessagesRequest>;

export const stringOr = (value: unknown, otherwise: string): string => (typeof value === 'string' ? value : otherwise);

export const messageId = (id: unknown, nowMs: number): string =>
  `msg_${stringOr(id, '').replace(/^(?:chatcmpl|msg)[-_]/, '') || nowMs}`;

/** Ids of calls are said back by clients; one that is missing or came before gets another. */
export function callId(id: unknown, at: number, taken: Set<string>): string {
  let unique = stringOr(id, '') || `toolu_${at}`;
  while (taken.has(unique)) unique = `${unique}_${at}`;
  taken.add(unique);
  return unique;
}

const stops: ReadonlyMap<unknown, string> = new Map([
  ['length', 'max_tokens'],
  ['tool_calls', 'tool_use'],
  ['function_call', 'tool_use'],
  ['content_filter', 'refusal'],
]);

export interface Ending {
  readonly stop_reason: string;
  readonly stop_sequence: string | null;
  readonly stop_details: Json | null;
}

/** How an answer ended. Some servers say `stop` beside a call. `refusal`: the words of a model that declined. */
export function endingOf(choice: Json, calls: boolean, refusal: string, { request }: Terms): Ending {
  const { finish_reason: finish, stop_reason: matched } = choice;
  const told = refusal !== '' ? 'refusal' : (stops.get(finish) ?? 'end_turn');
  const reason = calls && told === 'end_turn' ? 'tool_use' : !calls && told === 'tool_use' ? 'end_turn' : told;
  const sequences = request.json['stop_sequences'];
  // vLLM and others tell which sequence they stopped at.
  const at = Array.isArray(sequences) && typeof matched === 'string' && sequences.includes(matched) ? matched : null;
  const details = { type: 'refusal', category: null, explanation: refusal === '' ? null : refusal };
  return {
    stop_reason: at !== null && reason === 'end_turn' ? 'stop_sequence' : reason,
    stop_sequence: at,
    stop_details: reason === 'refusal' ? details : null,
  };
}

/** What a message or a delta says of what was thought, and in which field. */
export function thoughtIn(message: Json): { readonly field: ThinkingField; readonly text: string } | undefined {
  for (const field of ['reasoning_content', 'reasoning'] as const) {
    const text = message[field];
    if (typeof text === 'string' && text !== '') return { field, text };
  }
  return undefined;
}

/** Unless the caller has turned it off. */
export const wantsThinking = ({ json }: MessagesRequest): boolean =>
  !(isObject(json['thinking']) && json['thinking']['type'] === 'disabled');

/** Usage that was not reported is guessed, so that no client takes its request for an empty one. */
export const usageOr = (usage: Usage | undefined, request: MessagesRequest, chars: number) =>
  messageUsage(usage ?? { ...noUsage(), input: roughTokens(request), output: Math.ceil(chars / 4) });

const PICTURE_TOKENS = 1_600;

/** A first guess at the length of a request: a token for four characters. */
export function roughTokens({ facts }: MessagesRequest): number {
  let tokens = 0;
  for (const item of facts.countables()) {
    if (typeof item === 'string') tokens += item.length / 4;
    else if (item.kind === 'json' || item.kind === 'tool')
      tokens += JSON.stringify(item.kind === 'json' ? item.value : item.written).length / 4;
    else if (item.kind === 'image' || item.kind === 'document') tokens += PICTURE_TOKENS;
    else tokens += 1;
  }
  return Math.max(1, Math.ceil(tokens));
}

export function answerOf(completion: Json, usage: Usage | undefined, terms: Terms): Json {
  const choices = Array.isArray(completion['choices']) ? completion['choices'] : [];
  const choice: Json = isObject(choices[0]) ? choices[0] : {};
  const message: Json = isObject(choice['message']) ? choice['message'] : {};
  const refusal = stringOr(message['refusal'], '');
  const calls = callBlocks(message['tool_calls'], choice['finish_reason'] === 'length', terms);
  const text = textOf(message['content']);
  const citations = citationsOf(message['annotations'], (start, end) => text.slice(start, end));
  const content = [
    ...thinkingBlocks(message, terms),
    ...(text === '' ? [] : [{ type: 'text', text, citations: citations.length > 0 ? citations : null }]),
    ...(refusal === '' ? [] : [{ type: 'text', text: refusal, citations: null }]),
    ...calls,
  ];
  return {
    id: messageId(completion['id'], terms.nowMs),
    type: 'message',
    role: 'assistant',
    model: terms.request.model,
    content,
    ...endingOf(choice, calls.length > 0, refusal, terms),
    container: null,
    usage: usageOr(usage, terms.request, generatedText(message).length),
  };
}

/** Content is a text, or parts of which some are. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .map((part: unknown) => (isObject(part) && part['type'] === 'text' ? stringOr(part['text'], '') : ''))
    .join('');
}

function thinkingBlocks(message: Json, { request, target }: Terms): Json[] {
  if (!wantsThinking(request)) return [];
  const signed = message['thinking_blocks'];
  // Where a block stood in its turn is known to chat completions alone.
  if (Array.isArray(signed) && signed.length > 0)
    return signed.filter(isObject).map(({ position: _position, ...block }) => block);
  const thought = thoughtIn(message);
  if (!thought) return [];
  const { field, text } = thought;
  return [{ type: 'thinking', thinking: text, signature: ownSignature(target, field, text) }];
}

/** A call that was cut off at the maximum is left out: nobody can carry it out. */
function callBlocks(calls: unknown, cutOff: boolean, { request }: Terms): Json[] {
  if (!Array.isArray(calls)) return [];
  const names = namesByChat(request.json);
  const taken = new Set<string>();
  return calls.filter(isObject).flatMap((call, at) => {
    const called: Json = isObject(call['function']) ? call['function'] : {};
    const input = inputOf(called['arguments']);
    if (input === undefined && cutOff) return [];
    return [
      {
        type: 'tool_use',
        id: callId(call['id'], at, taken),
        name: names(stringOr(called['name'], '')),
        input: input ?? { invalid_arguments: stringOr(called['arguments'], '') },
      },
    ];
  });
}

/** Undefined for what is no JSON. Whatever is no object is wrapped in one: an input is always one. */
function inputOf(args: unknown): Json | undefined {
  if (isObject(args)) return args;
  if (typeof args !== 'string' || !/\S/.test(args)) return {};
  try {
    const value: unknown = JSON.parse(args);
    return isObject(value) ? value : { value };
  } catch {
    return undefined;
  }
}
