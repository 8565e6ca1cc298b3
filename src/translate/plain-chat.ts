/**
 * A chat completion without the extension fields that other dialects are told in (docs/dialects.md): what OpenAI's own API and
 * servers like it know. Images of a tool's result go into a message of the user after the results, as OpenAI asks for it.
 */
import { isObject, type Json } from '../lib/json.js';
import type { Findings } from './findings.js';

/** Fields of a message that only other dialects know. They hint, or are of no use to another model. */
const extensions: ReadonlySet<string> = new Set(['thinking_blocks', 'cache_control', 'is_error']);

export function plainChat(body: Json, findings: Findings): Json {
  const messages = Array.isArray(body['messages']) ? body['messages'] : [];
  const { cache_control: _mark, ...rest } = body;
  const tools = Array.isArray(rest['tools']) ? { tools: rest['tools'].map(withoutMark) } : {};
  return { ...rest, ...tools, messages: plainMessages(messages, findings) };
}

function plainMessages(messages: readonly unknown[], findings: Findings): Json[] {
  const plain: Json[] = [];
  /** Parts of tools' results that are no text, until the results end. */
  let media: Json[] = [];
  const settle = (): void => {
    if (media.length > 0) plain.push({ role: 'user', content: media });
    media = [];
  };
  for (const message of messages) {
    if (!isObject(message)) continue;
    if (message['role'] !== 'tool') settle();
    const { content } = message;
    const parts = Array.isArray(content) ? content.filter(isObject).flatMap((part) => plainPart(part, findings)) : null;
    const kept = Object.fromEntries(Object.entries(message).filter(([name]) => !extensions.has(name)));
    if (message['role'] !== 'tool' || !parts) {
      plain.push(parts ? { ...kept, content: parts } : kept);
      continue;
    }
    const others = parts.filter(({ type }) => type !== 'text');
    const texts = parts.filter(({ type }) => type === 'text');
    if (others.length > 0)
      media.push({ type: 'text', text: `Of the tool call ${message['tool_call_id']}:` }, ...others);
    const shown =
      texts.length > 0 || others.length === 0 ? texts : [{ type: 'text', text: 'The result follows as media.' }];
    plain.push({ ...kept, content: shown });
  }
  settle();
  return plain;
}

function plainPart(part: Json, findings: Findings): Json[] {
  if (part['type'] === 'thinking' || part['type'] === 'redacted_thinking') {
    findings.drop('thinking');
    return [];
  }
  return [withoutMark(part) as Json];
}

function withoutMark(value: unknown): unknown {
  if (!isObject(value) || value['cache_control'] === undefined) return value;
  const { cache_control: _mark, ...rest } = value;
  return rest;
}
