/** A response as a chat completion, and what a streamed one shares with it. */
import { chatUsage } from '../../formats/openai-chat/usage.js';
import { listOf, textOr } from '../../formats/openai-responses/items.js';
import type { Usage } from '../../formats/usage.js';
import { noUsage } from '../../formats/usage.js';
import { isObject, type Json } from '../../lib/json.js';
import { type ThinkingBlock, thinkingOf } from './thinking.js';

/** What of the request must be known to read its answer. */
export interface AnswerPlan {
  readonly model: string;
  readonly nowMs: number;
  readonly askedUsage: boolean;
  readonly logprobs: boolean;
}

export const completionId = (response: Json, nowMs: number): string =>
  `chatcmpl-${textOr(response['id'], String(nowMs))}`;

export function finishOf(response: Json, calls: boolean): string {
  const details = response['incomplete_details'];
  if (response['status'] === 'incomplete' || isObject(details))
    return isObject(details) && details['reason'] === 'content_filter' ? 'content_filter' : 'length';
  return calls ? 'tool_calls' : 'stop';
}

/** A call of a tool as chat completions have it; undefined for any other item. */
export function callOf(item: Json): Json | undefined {
  const id = textOr(item['call_id'], textOr(item['id'], ''));
  const name = textOr(item['name'], '');
  if (item['type'] === 'function_call')
    return { id, type: 'function', function: { name, arguments: textOr(item['arguments'], '') || '{}' } };
  if (item['type'] === 'custom_tool_call')
    return { id, type: 'custom', custom: { name, input: textOr(item['input'], '') } };
  return undefined;
}

/**
 * Chat completions nest what a citation says under its type. `from`: where the part of the content begins that it is about; places
 * in a chat completion are those in the whole content.
 */
export function annotationOf({ type, ...rest }: Json, from: number): Json {
  const { start_index: start, end_index: end } = rest;
  const places = {
    ...(typeof start === 'number' && { start_index: start + from }),
    ...(typeof end === 'number' && { end_index: end + from }),
  };
  return { type, [String(type)]: from === 0 ? rest : { ...rest, ...places } };
}

export const summaryOf = (item: Json): string =>
  [...listOf(item['summary']), ...listOf(item['content'])]
    .map((part) => (isObject(part) ? textOr(part['text'], '') : ''))
    .filter((text) => text !== '')
    .join('\n\n');

export function completionOf(response: Json, usage: Usage | undefined, plan: AnswerPlan): Json {
  const items = listOf(response['output']).filter(isObject);
  const parts = items.flatMap((item) => (item['type'] === 'message' ? listOf(item['content']).filter(isObject) : []));
  const texts = parts.filter(({ type }) => type === 'output_text');
  const content = texts.map(({ text }) => textOr(text, '')).join('');
  const refusal = parts.map((part) => textOr(part['refusal'], '')).join('');
  let from = 0;
  const annotations = texts.flatMap((part) => {
    const before = from;
    from += textOr(part['text'], '').length;
    return listOf(part['annotations'])
      .filter(isObject)
      .map((one) => annotationOf(one, before));
  });
  const calls = items.flatMap((item) => callOf(item) ?? []);
  const thinking = items.filter(({ type }) => type === 'reasoning');
  const reasoning = thinking
    .map(summaryOf)
    .filter((text) => text !== '')
    .join('\n\n');
  const blocks = thinking.flatMap((item): ThinkingBlock[] => [thinkingOf(item) ?? []].flat());
  const message = {
    role: 'assistant',
    content: content === '' && (calls.length > 0 || refusal !== '') ? null : content,
    refusal: refusal === '' ? null : refusal,
    ...(annotations.length > 0 && { annotations }),
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(blocks.length > 0 && { thinking_blocks: blocks }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
  const logprobs = plan.logprobs ? { content: texts.flatMap((part) => listOf(part['logprobs'])), refusal: null } : null;
  return {
    id: completionId(response, plan.nowMs),
    object: 'chat.completion',
    created: Math.floor(plan.nowMs / 1000),
    model: textOr(response['model'], plan.model),
    choices: [{ index: 0, message, logprobs, finish_reason: finishOf(response, calls.length > 0) }],
    usage: chatUsage(usage ?? noUsage()),
    ...(typeof response['service_tier'] === 'string' && { service_tier: response['service_tier'] }),
  };
}
