/**
 * The part of a chat request that is compared by meaning: the text of the last message, where that is the user's and nothing
 * else is in it. All the rest of the request belongs to the scope.
 */
import { isObject, type Json } from '../../lib/json.js';
import { volatile } from './guard-words.js';
import type { Signature } from './guards.js';

export interface Prompt {
  readonly text: string;
  /** The request's fields with the text taken out. */
  readonly rest: Readonly<Record<string, unknown>>;
}

export type Unfit = 'no text' | 'tools' | 'turns' | 'details' | 'short' | 'volatile';

/** The prompt, or why there is none that could be compared. */
export function promptOf(json: Json, maxTurns: number): Prompt | Unfit {
  const messages = json['messages'];
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
  // What these ask for depends on more than the meaning, or would be compared by it.
  if (json['logprobs'] === true || json['top_logprobs'] || json['modalities'] || json['audio'] || json['prediction'])
    return 'details';
  return { text, rest: { ...json, messages: [...(messages.slice(0, -1) as unknown[]), { ...last, content: null }] } };
}

/** Why a text is better not compared: too little in it, or an answer that does not keep. */
export function unfitText(text: string, { words }: Signature): Unfit | null {
  if (words.length < 3) return 'short';
  return volatile.test(text) ? 'volatile' : null;
}

function textOf(content: unknown): string | null {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content) || content.length !== 1) return null;
  const [part] = content as unknown[];
  return isObject(part) && part['type'] === 'text' && typeof part['text'] === 'string' ? part['text'] : null;
}
