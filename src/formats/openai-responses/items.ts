/** The items of a request's input and of a response's output, and what they are made of. */
import { isObject, type Json } from '../../lib/json.js';

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const textOr = (value: unknown, otherwise: string): string => (typeof value === 'string' ? value : otherwise);

/** The kind of an item; `message` and `item_reference` may leave it out. */
export function itemType(item: Json): string {
  const { type } = item;
  if (typeof type === 'string') return type;
  return item['role'] === undefined && typeof item['id'] === 'string' ? 'item_reference' : 'message';
}

/** The input as items: a text is a message of the user. */
export function inputItems(input: unknown): readonly Json[] {
  if (typeof input === 'string') return [{ type: 'message', role: 'user', content: input }];
  return listOf(input).filter(isObject);
}

/** The conversation that a request or a response names. */
export function conversationId({ conversation }: Json): string | undefined {
  const id = isObject(conversation) ? conversation['id'] : conversation;
  return typeof id === 'string' && id !== '' ? id : undefined;
}

/** Kinds of items that answer a call of a tool. */
export const isOutputItem = (type: string): boolean => type.endsWith('_call_output') || type === 'tool_search_output';

/** Parts of text, whoever wrote them. */
export const textParts: ReadonlySet<unknown> = new Set(['input_text', 'output_text', 'text', 'summary_text']);

/** What an item says in words. */
export function partsText(content: unknown): string {
  if (typeof content === 'string') return content;
  return listOf(content)
    .map((part) => (isObject(part) ? textOr(part['text'] ?? part['refusal'], '') : ''))
    .join('');
}

/** Tools that the client runs and that make nobody read more than was sent. */
const clientTools: ReadonlySet<unknown> = new Set([
  ...['function', 'custom', 'namespace', 'local_shell', 'apply_patch', 'tool_search'],
]);

/** A tool that the provider runs, or one that is not known. */
export const isHostedTool = (tool: unknown): boolean => !isObject(tool) || !clientTools.has(tool['type'] ?? 'function');
