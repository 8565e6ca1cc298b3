/** The messages of a chat completion as items of a response's input, in order. */
import { listOf, textOr } from '../../formats/openai-responses/items.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { reasoningItems } from './thinking.js';

export function inputOf(messages: unknown, findings: Findings): Json[] {
  /** Calls of tools that take a text. */
  const custom = new Set<unknown>();
  const items: Json[] = [];
  for (const [i, message] of listOf(messages).entries()) {
    if (!isObject(message)) continue;
    const path = `messages[${i}]`;
    if (!isAbsent(message['cache_control'])) findings.drop('cache_control');
    const { role } = message;
    if (role === 'assistant') items.push(...assistantItems(message, path, custom, findings));
    else if (role === 'tool') items.push(resultItem(message, path, custom, findings));
    else if (role === 'user' || role === 'system' || role === 'developer') {
      if (!isAbsent(message['name'])) findings.drop('messages[].name');
      items.push({ role, content: contentOf(message['content'], `${path}.content`, findings) });
    } else findings.unsupported(`${path}.role`, "is of the retired function calls: use 'tool'");
  }
  return items;
}

function assistantItems(message: Json, path: string, custom: Set<unknown>, findings: Findings): Json[] {
  for (const name of ['audio', 'function_call'])
    if (!isAbsent(message[name])) findings.unsupported(`${path}.${name}`, 'cannot be translated for this model');
  const items = reasoningItems(message['thinking_blocks']);
  const content = saidParts(message);
  if (content.length > 0) items.push({ type: 'message', role: 'assistant', content });
  for (const [i, call] of listOf(message['tool_calls']).entries()) {
    const item = callItem(call, `${path}.tool_calls[${i}]`, findings);
    if (!item) continue;
    if (item['type'] === 'custom_tool_call') custom.add(item['call_id']);
    items.push(item);
  }
  return items;
}

function saidParts({ content, refusal }: Json): Json[] {
  const parts: Json[] = [];
  const text = (said: string): void => void (said !== '' && parts.push({ type: 'output_text', text: said }));
  if (typeof content === 'string') text(content);
  for (const part of listOf(content)) {
    if (!isObject(part)) continue;
    if (part['type'] === 'refusal') parts.push({ type: 'refusal', refusal: textOr(part['refusal'], '') });
    else text(textOr(part['text'], ''));
  }
  if (typeof refusal === 'string' && refusal !== '') parts.push({ type: 'refusal', refusal });
  return parts;
}

function callItem(call: unknown, path: string, findings: Findings): Json | undefined {
  if (!isObject(call)) return findings.invalid(path, 'must be an object');
  const { id, function: called, custom } = call;
  if (typeof id !== 'string' || id === '') return findings.invalid(`${path}.id`, 'must be a non-empty string');
  if (isObject(custom))
    return { type: 'custom_tool_call', call_id: id, name: custom['name'], input: textOr(custom['input'], '') };
  if (!isObject(called)) return findings.invalid(`${path}.function`, 'must be an object');
  return {
    type: 'function_call',
    call_id: id,
    name: called['name'],
    arguments: textOr(called['arguments'], '') || '{}',
  };
}

function resultItem(message: Json, path: string, custom: ReadonlySet<unknown>, findings: Findings): Json {
  const { tool_call_id: id } = message;
  if (typeof id !== 'string') findings.invalid(`${path}.tool_call_id`, 'must be a string');
  const told = contentOf(message['content'], `${path}.content`, findings);
  const output = message['is_error'] === true ? asError(told) : told;
  return { type: custom.has(id) ? 'custom_tool_call_output' : 'function_call_output', call_id: id, output };
}

/** That a tool failed, nothing but the text of its result can tell. */
function asError(output: string | readonly Json[]): string | readonly Json[] {
  if (typeof output === 'string') return /^error/i.test(output) ? output : `Error: ${output}`;
  const [first] = output;
  const isTold = /^error/i.test(textOr(first?.['text'], ''));
  return isTold ? output : [{ type: 'input_text', text: 'Error:' }, ...output];
}

function contentOf(content: unknown, path: string, findings: Findings): string | readonly Json[] {
  if (typeof content === 'string') return content;
  return listOf(content).flatMap((part, i) => {
    const told = isObject(part) ? partOf(part, `${path}[${i}]`, findings) : undefined;
    return told ? [told] : [];
  });
}

function partOf(part: Json, path: string, findings: Findings): Json | undefined {
  const { type, image_url: image, file } = part;
  if (!isAbsent(part['cache_control'])) findings.drop('cache_control');
  if (type === 'text') return { type: 'input_text', text: textOr(part['text'], '') };
  if (type === 'refusal') return { type: 'input_text', text: textOr(part['refusal'], '') };
  if (type === 'image_url') {
    const { url, detail } = isObject(image) ? image : { url: image, detail: undefined };
    return { type: 'input_image', image_url: url, detail: detail ?? 'auto' };
  }
  if (type === 'file' && isObject(file)) {
    const kept = ['filename', 'file_data', 'file_url', 'file_id'].filter((name) => !isAbsent(file[name]));
    return { type: 'input_file', ...Object.fromEntries(kept.map((name) => [name, file[name]])) };
  }
  if (type === 'input_audio') return { type: 'input_audio', input_audio: part['input_audio'] };
  return findings.unsupported(`${path}.type`, 'names a kind of part that cannot be translated for this model');
}
