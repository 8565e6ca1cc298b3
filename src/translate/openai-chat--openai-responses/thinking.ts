/**
 * What a model of OpenAI thought, in the extension of the chat dialect that carries thinking (`thinking_blocks`): the summary as
 * its text, and the encrypted rest as its signature, marked so that no other provider takes it for one of its own.
 */

import { isForeignSignature, OPENAI_SIGNATURE } from '../../formats/openai-chat/thinking-signature.js';
import { listOf, textOr } from '../../formats/openai-responses/items.js';
import { isObject, type Json } from '../../lib/json.js';

export interface ThinkingBlock {
  readonly type: 'thinking';
  readonly thinking: string;
  readonly signature: string;
}

/** Undefined for thinking that cannot be sent back. */
export function thinkingOf(item: Json): ThinkingBlock | undefined {
  const { encrypted_content: blob, summary } = item;
  if (typeof blob !== 'string' || blob === '') return undefined;
  const thinking = listOf(summary)
    .map((part) => (isObject(part) ? textOr(part['text'], '') : ''))
    .join('\n\n');
  return { type: 'thinking', thinking, signature: OPENAI_SIGNATURE + blob };
}

/** The items of the thinking that came from here; what others signed says nothing here. */
export function reasoningItems(blocks: unknown): Json[] {
  return listOf(blocks).flatMap((block) => {
    if (!isObject(block) || !isForeignSignature(block['signature'])) return [];
    const { thinking } = block;
    const summary = typeof thinking === 'string' && thinking !== '' ? [{ type: 'summary_text', text: thinking }] : [];
    const blob = (block['signature'] as string).slice(OPENAI_SIGNATURE.length);
    return [{ type: 'reasoning', summary, encrypted_content: blob }];
  });
}
