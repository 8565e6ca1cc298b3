/**
 * The part of a chat request that is compared by meaning: the text of the last message, where that is the user's and nothing
 * else is in it.
 */
import { isObject, type Json } from '../../lib/json.js';
import type { Prompt, PromptUnfit } from '../format.js';

/** `request`: what of it decides on the answer. */
export function promptOf(request: Json, maxTurns: number): Prompt | PromptUnfit {
  const messages = request['messages'];
  if (!Array.isArray(messages)) return 'no text';
  const last: unknown = messages.at(-1);
  if (!isObject(last) || last['role'] !== 'user') return 'no text';
  const text = textOf(last['content']);
  if (text === null || text.trim() === '') return 'no text';
  let turns = 0;
  for (const message of messages as unknown[]) {
    if (!isObject(message)) return 'no text';
    if (message['role'] === 'tool' || message['role'] === 'function' || message['tool_calls']) return 'tools';
    if (message['role'] === 'user') turns += 1;
  }
  if (turns > maxTurns) return 'turns';
  if (asksForDetails(request)) return 'details';
  const rest = { ...request, messages: [...(messages.slice(0, -1) as unknown[]), { ...last, content: null }] };
  return { text, rest };
}

/** What these ask for depends on more than the meaning, or would be compared by it. */
const asksForDetails = (request: Json): boolean =>
  request['logprobs'] === true ||
  Boolean(request['top_logprobs'] || request['modalities'] || request['audio'] || request['prediction']);

function textOf(content: unknown): string | null {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content) || content.length !== 1) return null;
  const [part] = content as unknown[];
  return isObject(part) && part['type'] === 'text' && typeof part['text'] === 'string' ? part['text'] : null;
}
