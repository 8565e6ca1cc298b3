/**
 * Walks a chat request and yields all that its model reads, in order. Nothing of the request is trusted: what has an
 * unexpected shape is counted as the JSON that it is. Yields at least once per message and part.
 */
import { isObject, type Json } from '../../lib/json.js';
import { ANSWER, CALL, type Countable, MESSAGE, NAME, RESPONSE_FORMAT, TOOL_CHOICE, TOOLS } from '../request-facts.js';

export function* chatCountables(request: unknown): Generator<Countable, void> {
  yield ANSWER;
  if (!isObject(request)) return yield json(request ?? '');
  const { messages, tools, functions, tool_choice: choice, response_format: format } = request;
  if (Array.isArray(messages)) for (const message of messages) yield* messageCountables(message);
  for (const list of [tools, functions]) if (Array.isArray(list)) yield* toolCountables(list);
  if (isObject(choice)) {
    yield TOOL_CHOICE;
    if (isObject(choice['function'])) yield asText(choice['function']['name']);
  }
  if (isObject(format) && isObject(format['json_schema'])) {
    yield RESPONSE_FORMAT;
    yield { kind: 'json', value: format['json_schema'], without: ['strict'] };
  }
}

function* messageCountables(message: unknown): Generator<Countable, void> {
  yield MESSAGE;
  if (!isObject(message)) return yield json(message);
  yield asText(message['role']);
  for (const key in message) {
    const value = message[key];
    if (key === 'content') {
      if (typeof value === 'string') yield value;
      else yield* contentCountables(value);
    } else if (key === 'name') {
      yield NAME;
      yield asText(value);
    } else if (key === 'tool_calls' && Array.isArray(value)) {
      for (const call of value) yield* callCountables(call);
    } else if (key === 'function_call') {
      yield* callCountables({ function: value });
    } else if (key === 'tool_call_id') {
      yield { kind: 'id', text: asText(value) };
    } else if (key !== 'role' && !isEmpty(value)) {
      yield json(value);
    }
  }
}

function* contentCountables(content: unknown): Generator<Countable, void> {
  if (!Array.isArray(content)) {
    if (!isEmpty(content)) yield json(content);
    return;
  }
  for (const part of content) {
    const { type, text, refusal, image_url: image, input_audio: audio, file } = isObject(part) ? part : ({} as Json);
    if (type === 'text' && typeof text === 'string') yield text;
    else if (type === 'refusal' && typeof refusal === 'string') yield refusal;
    else if (type === 'image_url') {
      const { url, detail } = isObject(image) ? image : { url: image, detail: undefined };
      yield { kind: 'image', url, detail };
    } else if (type === 'input_audio' && isObject(audio)) yield { kind: 'audio', data: audio['data'] };
    else if (type === 'file' && isObject(file)) {
      yield { kind: 'document', data: file['file_data'] };
      yield asText(file['filename']);
    } else if (type === 'tool_result' && isObject(part)) {
      yield { kind: 'id', text: asText(part['tool_use_id']) };
      if (typeof part['content'] === 'string') yield part['content'];
      else yield* contentCountables(part['content']);
    } else if (isObject(part) && isObject(part['source'])) yield* sourceCountables(part, part['source']);
    else yield json(part);
  }
}

/** An image or a document as the messages dialect words it. */
function* sourceCountables(part: Json, source: Json): Generator<Countable, void> {
  const { type, source: _source, ...rest } = part;
  yield json(rest);
  if (source['type'] === 'text' || source['type'] === 'content') yield json(source);
  else if (type === 'image') yield { kind: 'image', url: dataUrl(source), detail: undefined };
  else if (type === 'document') yield { kind: 'document', data: source['data'] };
  else yield json(source);
}

const dataUrl = ({ media_type: type, data, url }: Json): unknown =>
  typeof type === 'string' && typeof data === 'string' ? `data:${type.slice(0, 100)};base64,${data}` : url;

function* callCountables(call: unknown): Generator<Countable, void> {
  yield CALL;
  if (!isObject(call)) return yield json(call);
  yield { kind: 'id', text: asText(call['id']) };
  const called = call['function'] ?? call['custom'] ?? call;
  if (!isObject(called)) return yield json(called);
  yield asText(called['name']);
  const input = called['arguments'] ?? called['input'];
  if (typeof input === 'string') yield input;
  else if (!isEmpty(input)) yield json(input);
}

function* toolCountables(tools: readonly unknown[]): Generator<Countable, void> {
  if (tools.length > 0) yield TOOLS;
  for (const tool of tools) {
    // `tools` wrap the declaration, the older `functions` are the declaration.
    const declared = isObject(tool) && isObject(tool['function']) ? tool['function'] : tool;
    const { name, description, parameters } = isObject(declared) ? declared : ({} as Json);
    const declaration = typeof name === 'string' ? { name, description, parameters } : null;
    yield { kind: 'tool', declaration, written: tool };
  }
}

const json = (value: unknown): Countable => ({ kind: 'json', value });
const asText = (value: unknown): string => (typeof value === 'string' ? value : '');

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
