/**
 * Walks a request of the messages dialect and yields all that its model reads, in order. Nothing of the request is trusted:
 * what has an unexpected shape is counted as the JSON that it is. Yields at least once per message and block.
 */
import { isObject, type Json } from '../../lib/json.js';
import { ANSWER, CALL, type Countable, MESSAGE, RESPONSE_FORMAT, TOOL_CHOICE, TOOLS } from '../request-facts.js';
import { listOf } from './blocks.js';

export function* messagesCountables(request: Json): Generator<Countable, void> {
  const { system, messages, tools, tool_choice: choice, output_config: config, output_format: older } = request;
  yield ANSWER;
  if (typeof system === 'string' || Array.isArray(system)) {
    yield MESSAGE;
    yield* contentCountables(system);
  }
  for (const message of listOf(messages)) yield* messageCountables(message);
  yield* toolCountables(listOf(tools));
  if (isObject(choice)) {
    yield TOOL_CHOICE;
    yield asText(choice['name']);
  }
  const format = (isObject(config) ? config['format'] : undefined) ?? older;
  if (isObject(format)) {
    yield RESPONSE_FORMAT;
    yield { kind: 'json', value: format };
  }
  if (request['mcp_servers']) yield { kind: 'json', value: request['mcp_servers'] };
}

function* messageCountables(message: unknown): Generator<Countable, void> {
  yield MESSAGE;
  if (!isObject(message)) return yield { kind: 'json', value: message };
  yield asText(message['role']);
  yield* contentCountables(message['content']);
}

function* contentCountables(content: unknown): Generator<Countable, void> {
  if (typeof content === 'string') return yield content;
  for (const block of listOf(content)) yield* blockCountables(block);
}

/** Fields that say how a block is read, and are not read. */
const silent = ['type', 'cache_control', 'id', 'tool_use_id'];

function* blockCountables(block: unknown): Generator<Countable, void> {
  if (!isObject(block)) return yield { kind: 'json', value: block };
  switch (block['type']) {
    case 'text':
      return yield asText(block['text']);
    case 'thinking':
      // Where the thinking itself is left out, its signature holds it.
      return yield asText(block['thinking']) || asText(block['signature']);
    case 'image':
      return yield imageOf(block['source']);
    case 'document':
      return yield* documentCountables(block);
    case 'tool_use':
    case 'server_tool_use':
    case 'mcp_tool_use':
      yield CALL;
      yield { kind: 'id', text: asText(block['id']) };
      yield asText(block['name']);
      return yield { kind: 'json', value: block['input'] ?? {} };
    case 'tool_result':
      yield { kind: 'id', text: asText(block['tool_use_id']) };
      return yield* contentCountables(block['content']);
    case 'search_result':
      yield `${asText(block['title'])} ${asText(block['source'])}`;
      return yield* contentCountables(block['content']);
    case 'container_upload':
      return yield { kind: 'document', data: undefined };
    default:
      return yield { kind: 'json', value: block, without: silent };
  }
}

function imageOf(source: unknown): Countable {
  const { type, data, media_type: mediaType, url } = isObject(source) ? source : ({} as Json);
  return {
    kind: 'image',
    url: type === 'base64' && typeof data === 'string' ? `data:${asText(mediaType)};base64,${data}` : url,
    detail: 'high',
  };
}

function* documentCountables({ source, title, context }: Json): Generator<Countable, void> {
  yield `${asText(title)} ${asText(context)}`;
  const { type, data, content } = isObject(source) ? source : ({} as Json);
  if (type === 'text') yield asText(data);
  else if (type === 'content') yield* contentCountables(content);
  else yield { kind: 'document', data: type === 'base64' ? data : undefined };
}

function* toolCountables(tools: readonly unknown[]): Generator<Countable, void> {
  if (tools.length > 0) yield TOOLS;
  for (const tool of tools) {
    const { name, description, input_schema: parameters } = isObject(tool) ? tool : ({} as Json);
    const declaration = typeof name === 'string' && isObject(parameters) ? { name, description, parameters } : null;
    yield { kind: 'tool', declaration, written: tool };
  }
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : '');
