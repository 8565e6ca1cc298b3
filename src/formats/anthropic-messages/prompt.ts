/**
 * The part of a request of the messages dialect that is compared by meaning: the text of the last message, where that is the
 * user's and nothing else is in it.
 */
import { isObject, type Json } from '../../lib/json.js';
import type { Prompt, PromptUnfit } from '../format.js';
import { isMarked, listOf, typeOf } from './blocks.js';

/** `request`: what of it decides on the answer. */
export function promptOf(request: Json, maxTurns: number): Prompt | PromptUnfit {
  const messages = listOf(request['messages']);
  const last = messages.at(-1);
  if (!isObject(last) || last['role'] !== 'user') return 'no text';
  const text = textOf(last['content']);
  if (text === null || text.trim() === '') return 'no text';
  let turns = 0;
  for (const message of messages) {
    if (!isObject(message)) return 'no text';
    if (listOf(message['content']).some((block) => String(typeOf(block)).includes('tool'))) return 'tools';
    if (message['role'] === 'user') turns += 1;
  }
  if (turns > maxTurns) return 'turns';
  return { text, rest: { ...request, messages: [...messages.slice(0, -1), { ...last, content: null }] } };
}

function textOf(content: unknown): string | null {
  if (typeof content === 'string') return content;
  const blocks = listOf(content);
  if (blocks.length !== 1) return null;
  const [block] = blocks;
  const plain = isObject(block) && block['type'] === 'text' && !isMarked(block) && !block['citations'];
  return plain && typeof block['text'] === 'string' ? block['text'] : null;
}
