/**
 * Results of tools. A result is an error where its message says `is_error: true`, or says nothing of it and its text begins with
 * `Error:`, which is what tools write by convention. The target takes nothing but text in the result of a failed call, and at
 * least some: what else the tool gave follows after the results, with the id of its call.
 */
import type { ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages';
import type { Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { contentBlocks, type PartBlock } from './parts.js';
import type { ToolIds } from './tool-ids.js';

/** `holder`: a message of role `tool`, or a `tool_result` part. `idField`: its field that names the call. */
export function toolResult(
  holder: Json,
  idField: 'tool_call_id' | 'tool_use_id',
  path: string,
  ids: ToolIds,
  findings: Findings,
): (ToolResultBlockParam | PartBlock)[] {
  const id = holder[idField];
  if (typeof id !== 'string') {
    findings.invalid(`${path}.${idField}`, 'must be a string');
    return [];
  }
  const answered = ids.answered(id);
  if (answered === undefined) {
    findings.invalid(`${path}.${idField}`, 'answers no tool call that waits for a result');
    return [];
  }
  const blocks = contentBlocks(holder['content'], `${path}.content`, findings);
  const { is_error: said } = holder;
  if (!isAbsent(said) && typeof said !== 'boolean') findings.invalid(`${path}.is_error`, 'must be a boolean');
  if (said ?? beginsAsError(blocks)) return failedResult(answered, blocks);
  return [{ type: 'tool_result', tool_use_id: answered, ...(blocks.length > 0 ? { content: blocks } : {}) }];
}

const beginsAsError = ([first]: readonly PartBlock[]): boolean =>
  first?.type === 'text' && first.text.startsWith('Error:');

function failedResult(id: string, blocks: readonly PartBlock[]): (ToolResultBlockParam | PartBlock)[] {
  const words = blocks.filter((block) => block.type === 'text');
  const others = blocks.filter(({ type }) => type !== 'text');
  const content = words.length > 0 ? words : [{ type: 'text' as const, text: 'The tool failed.' }];
  const result: ToolResultBlockParam = { type: 'tool_result', tool_use_id: id, content, is_error: true };
  if (others.length === 0) return [result];
  return [result, { type: 'text', text: `What the failed tool call ${id} gave:` }, ...others];
}
