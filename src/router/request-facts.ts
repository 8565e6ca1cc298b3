/**
 * What a request is, as far as rules ask: what it brings and asks for, and the user's last message. Reads chat requests and
 * their relatives (`input` of responses and embeddings, `prompt` of completions). Nothing of a request is trusted: what has
 * an unexpected shape is not there.
 */
import { isObject, type Json } from '../lib/json.js';
import type { Feature } from '../lib/route-spec.js';

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const typeOf = (value: unknown): unknown => (isObject(value) ? value['type'] : undefined);

/** The types of parts that each kind of content has in the dialects. */
const partTypes: Readonly<Record<'image' | 'audio' | 'file', ReadonlySet<unknown>>> = {
  image: new Set(['image_url', 'image', 'input_image']),
  audio: new Set(['input_audio', 'audio']),
  file: new Set(['file', 'document', 'input_file']),
};

export function hasFeature(request: Json, feature: Feature): boolean {
  switch (feature) {
    case 'tools':
      return listOf(request['tools']).length > 0 || listOf(request['functions']).length > 0;
    case 'image':
    case 'file':
      return hasPart(request, partTypes[feature]);
    case 'audio':
      return listOf(request['modalities']).includes('audio') || hasPart(request, partTypes.audio);
    case 'json':
      return ['json_object', 'json_schema'].includes(String(formatOf(request)));
    case 'json_schema':
      return formatOf(request) === 'json_schema';
    case 'reasoning':
      return reasons(request);
    case 'stream':
      return request['stream'] === true;
    case 'system':
      return (
        !isEmpty(request['system'] ?? request['instructions']) ||
        messagesOf(request).some((message) => isObject(message) && isSystem(message['role']))
      );
  }
}

const isSystem = (role: unknown): boolean => role === 'system' || role === 'developer';
const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0);

function formatOf(request: Json): unknown {
  const text = request['text'];
  const configured = request['output_config'];
  return (
    typeOf(request['response_format']) ??
    (isObject(text) ? typeOf(text['format']) : undefined) ??
    (isObject(configured) ? typeOf(configured['format']) : undefined)
  );
}

function reasons(request: Json): boolean {
  const { reasoning, thinking } = request;
  const effort = request['reasoning_effort'] ?? (isObject(reasoning) ? reasoning['effort'] : undefined);
  if (typeof effort === 'string') return effort !== 'none';
  return isObject(thinking) && thinking['type'] !== 'disabled';
}

/** Messages, or the items of an input; a text alone is a message of the user. */
function messagesOf(request: Json): readonly unknown[] {
  const { messages, input, prompt } = request;
  if (Array.isArray(messages)) return messages;
  if (Array.isArray(input)) return input;
  const text = input ?? prompt;
  return typeof text === 'string' ? [{ role: 'user', content: text }] : listOf(prompt);
}

function hasPart(request: Json, types: ReadonlySet<unknown>): boolean {
  for (const message of messagesOf(request)) {
    if (!isObject(message)) continue;
    if (types.has(message['type'])) return true;
    for (const part of listOf(message['content'])) {
      if (types.has(typeOf(part))) return true;
      // A tool's result holds parts of its own.
      if (isObject(part) && listOf(part['content']).some((inner) => types.has(typeOf(inner)))) return true;
    }
  }
  return false;
}

const LONGEST_TEXT = 100_000;

/** The text of the user's last message that has any, at most its first hundred thousand characters. */
export function lastUserText(request: Json): string {
  const text = messagesOf(request).findLast((message) => textOf(message) !== '');
  return textOf(text).slice(0, LONGEST_TEXT);
}

function textOf(message: unknown): string {
  if (typeof message === 'string') return message;
  if (!isObject(message) || (message['role'] !== undefined && message['role'] !== 'user')) return '';
  const { content, text } = message;
  if (typeof content === 'string') return content;
  const parts = Array.isArray(content) ? content : typeof text === 'string' ? [message] : [];
  return parts
    .map((part) => (isObject(part) && typeof part['text'] === 'string' ? part['text'] : ''))
    .filter((piece) => piece !== '')
    .join('\n');
}
