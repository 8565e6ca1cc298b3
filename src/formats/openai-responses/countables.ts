/**
 * Walks a request and yields all that its model reads, in order. Nothing of the request is trusted: what has an unexpected
 * shape is counted as the JSON that it is. Yields at least once per item and part.
 */
import { isObject, type Json } from '../../lib/json.js';
import { ANSWER, CALL, type Countable, MESSAGE, RESPONSE_FORMAT, TOOL_CHOICE, TOOLS } from '../request-facts.js';
import { inputItems, isOutputItem, itemType, listOf, textOr, textParts } from './items.js';

export function* responsesCountables(request: Json): Generator<Countable, void> {
  yield ANSWER;
  const { instructions, input, tools, tool_choice: choice, text } = request;
  if (instructions !== undefined && instructions !== null && instructions !== '') {
    yield MESSAGE;
    yield 'system';
    yield typeof instructions === 'string' ? instructions : json(instructions);
  }
  for (const item of inputItems(input)) yield* itemCountables(item);
  yield* toolCountables(listOf(tools));
  if (isObject(choice)) {
    yield TOOL_CHOICE;
    yield textOr(choice['name'], '');
  }
  if (isObject(text) && isObject(text['format']) && text['format']['type'] === 'json_schema') {
    yield RESPONSE_FORMAT;
    yield { kind: 'json', value: text['format'], without: ['strict', 'type'] };
  }
  if (isObject(request['prompt'])) yield json(request['prompt']);
}

function* itemCountables(item: Json): Generator<Countable, void> {
  const type = itemType(item);
  if (type === 'message') {
    yield MESSAGE;
    yield textOr(item['role'], '');
    yield* contentCountables(item['content']);
  } else if (type === 'function_call' || type === 'custom_tool_call') {
    yield CALL;
    yield { kind: 'id', text: textOr(item['call_id'], '') };
    yield textOr(item['name'], '');
    const written = item['arguments'] ?? item['input'];
    yield typeof written === 'string' ? written : json(written ?? '');
  } else if (isOutputItem(type)) {
    yield MESSAGE;
    yield 'tool';
    yield { kind: 'id', text: textOr(item['call_id'], '') };
    yield* contentCountables(item['output']);
  } else if (type === 'additional_tools') {
    yield* toolCountables(listOf(item['tools']));
  } else {
    yield MESSAGE;
    yield json(item);
  }
}

function* contentCountables(content: unknown): Generator<Countable, void> {
  if (typeof content === 'string') return yield content;
  if (!Array.isArray(content)) {
    if (content !== null && content !== undefined) yield json(content);
    return;
  }
  for (const part of content) {
    const { type, text, refusal, image_url: url, detail, input_audio: audio } = isObject(part) ? part : ({} as Json);
    if (textParts.has(type) && typeof text === 'string') yield text;
    else if (type === 'refusal' && typeof refusal === 'string') yield refusal;
    else if (type === 'input_image') yield { kind: 'image', url, detail };
    else if (type === 'input_audio' && isObject(audio)) yield { kind: 'audio', data: audio['data'] };
    else if (type === 'input_file' && isObject(part)) {
      yield { kind: 'document', data: part['file_data'] };
      yield textOr(part['filename'], '');
    } else yield json(part);
  }
}

function* toolCountables(tools: readonly unknown[]): Generator<Countable, void> {
  if (tools.length > 0) yield TOOLS;
  for (const tool of tools) {
    if (isObject(tool) && tool['type'] === 'namespace') {
      yield textOr(tool['description'], '');
      for (const child of listOf(tool['tools'])) yield declared(child);
    } else yield declared(tool);
  }
}

function declared(tool: unknown): Countable {
  const { name, description, parameters } = isObject(tool) ? tool : ({} as Json);
  const declaration = typeof name === 'string' ? { name, description, parameters } : null;
  return { kind: 'tool', declaration, written: tool };
}

const json = (value: unknown): Countable => ({ kind: 'json', value });
