/**
 * What blocks of an answer and pieces of a stream hold of what the model generated, to be counted where usage is missing. Any
 * text counts unless it is known not to be generated: servers invent fields, and what is not known must not be free.
 */
import { isObject } from '../../lib/json.js';
import { generatedText } from '../openai-chat/generated.js';

/** What a tool of the provider found, and where something was found, is not written by the model. */
const isFound = (type: unknown): boolean =>
  typeof type === 'string' &&
  (type.endsWith('_tool_result') || type === 'citations_delta' || type === 'container_upload');

export function textOfBlocks(blocks: readonly unknown[]): string {
  return blocks.map(textOfBlock).join('');
}

/** Of a whole block, or of a piece of one. */
export function textOfBlock(block: unknown): string {
  if (!isObject(block) || isFound(block['type'])) return '';
  const { input, citations: _citations, ...rest } = block;
  const args = isObject(input) && Object.keys(input).length === 0 ? undefined : input;
  return generatedText({ content: [args === undefined ? rest : { ...rest, input: args }] });
}

/** Whether a block is content or a call, and not thinking alone. */
export const isContent = (block: unknown): boolean => {
  if (!isObject(block)) return false;
  const { type, text } = block;
  if (type === 'text') return typeof text === 'string' && text !== '';
  return type !== 'thinking' && type !== 'redacted_thinking';
};
