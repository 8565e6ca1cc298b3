/**
 * A message of the assistant as content blocks, in the order in which they were generated as far as the chat dialect tells it.
 * The content is a string, or parts of the chat dialect, or parts as the target words them (`thinking`, `tool_use`) beside the
 * message's own `tool_calls`, as some client libraries keep them: a call that is told both ways is one call, at the place of its
 * part. `thinking_blocks` say themselves where they stood. `reasoning_content` is for people: it has no signature and is not sent.
 */
import type { TextBlockParam, ToolUseBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { cacheMark } from './cache-marks.js';
import { textBlocks, textPart } from './parts.js';
import {
  isThinkingPart,
  type PlacedThinking,
  placedThinking,
  type Thinking,
  thinkingBlock,
} from './thinking-blocks.js';
import type { ToolIds } from './tool-ids.js';

/** `input`: the arguments as they were written; `tool-input.ts` prints them. */
export type ToolUse = Omit<ToolUseBlockParam, 'input'> & { readonly input: string };
export type AssistantBlock = TextBlockParam | Thinking | ToolUse;

/** What a message says, to be cut where thinking stood. */
interface Said {
  readonly length: number;
  slice(from: number, to: number): TextBlockParam[];
}

/** The calls of a message by the ids that they have in the chat. */
type Calls = Map<string, ToolUse>;

export function assistantBlocks(message: Json, path: string, ids: ToolIds, findings: Findings): AssistantBlock[] {
  for (const name of ['audio', 'function_call']) {
    if (!isAbsent(message[name])) findings.unsupported(`${path}.${name}`, 'cannot be translated for this model');
  }
  const { content, refusal } = message;
  if (!isAbsent(refusal) && typeof refusal !== 'string') findings.invalid(`${path}.refusal`, 'must be a string');
  const declined = textBlocks(typeof refusal === 'string' ? refusal : '');
  const calls = readCalls(message['tool_calls'], `${path}.tool_calls`, ids, findings);
  const at = `${path}.content`;
  if (Array.isArray(content) && content.some(isNativePart)) {
    const told = content.flatMap((part: unknown, i) => nativePart(part, `${at}[${i}]`, at, calls, ids, findings));
    return [...told, ...declined, ...calls.values()];
  }
  const thinking = placedThinking(message['thinking_blocks'], `${path}.thinking_blocks`, findings);
  return woven(thinking, readSaid(content, at, findings), declined, [...calls.values()]);
}

/** Thinking between what was said and called, where it stood. */
function woven(
  thinking: readonly PlacedThinking[],
  said: Said,
  declined: readonly TextBlockParam[],
  calls: readonly ToolUse[],
): AssistantBlock[] {
  const blocks: AssistantBlock[] = [];
  let characters = 0;
  let called = 0;
  for (const { block, position } of thinking) {
    const until = Math.max(characters, Math.min(position.content, said.length));
    const callsBefore = Math.max(called, position.tool_calls);
    blocks.push(...said.slice(characters, until), ...calls.slice(called, callsBefore), block);
    characters = until;
    called = callsBefore;
  }
  return [...blocks, ...said.slice(characters, said.length), ...declined, ...calls.slice(called)];
}

function readSaid(content: unknown, path: string, findings: Findings): Said {
  if (typeof content === 'string') {
    return { length: content.length, slice: (from, to) => textBlocks(content.slice(from, to)) };
  }
  const blocks = saidParts(content, path, findings);
  return { length: 1, slice: (from, to) => (from === 0 && to > 0 ? blocks : []) };
}

function saidParts(content: unknown, path: string, findings: Findings): TextBlockParam[] {
  if (isAbsent(content)) return [];
  if (Array.isArray(content)) return content.flatMap((part, i) => saidPart(part, `${path}[${i}]`, path, findings));
  findings.invalid(path, 'must be a string or an array of parts');
  return [];
}

/** A text part or a refusal part. */
function saidPart(part: unknown, path: string, contentPath: string, findings: Findings): TextBlockParam[] {
  const refusal = isObject(part) && part['type'] === 'refusal';
  return textPart(refusal ? { ...part, type: 'text', text: part['refusal'] } : part, path, contentPath, findings);
}

const isNativePart = (part: unknown): boolean => isThinkingPart(part) || isCallPart(part);
const isCallPart = (part: unknown): part is Json => isObject(part) && part['type'] === 'tool_use';

function nativePart(
  part: unknown,
  path: string,
  contentPath: string,
  calls: Calls,
  ids: ToolIds,
  findings: Findings,
): AssistantBlock[] {
  if (isThinkingPart(part)) return some(thinkingBlock(part, path, findings));
  if (!isCallPart(part)) return saidPart(part, path, contentPath, findings);
  const { id, name, input } = part;
  const known = typeof id === 'string' ? calls.get(id) : undefined;
  if (known) {
    calls.delete(id as string);
    return [known];
  }
  const args = isObject(input) ? JSON.stringify(input) : (input ?? '');
  if (typeof args !== 'string') return some<AssistantBlock>(findings.invalid(`${path}.input`, 'must be an object'));
  return some(toolUse({ id, name, args, holder: part }, path, path, ids, findings));
}

function readCalls(calls: unknown, path: string, ids: ToolIds, findings: Findings): Calls {
  const read: Calls = new Map();
  if (isAbsent(calls)) return read;
  if (!Array.isArray(calls)) {
    findings.invalid(path, 'must be an array');
    return read;
  }
  for (const [i, call] of calls.entries()) {
    const block = readCall(call, `${path}[${i}]`, ids, findings);
    if (block) read.set((call as { id: string }).id, block);
  }
  return read;
}

function readCall(call: unknown, path: string, ids: ToolIds, findings: Findings): ToolUse | undefined {
  if (!isObject(call)) return findings.invalid(path, 'must be an object');
  if (call['type'] === 'custom') return findings.unsupported(`${path}.type`, 'cannot be translated for this model');
  const { id, function: called } = call;
  const { name, arguments: written } = isObject(called) ? called : {};
  const args = written ?? '';
  if (typeof args !== 'string') return findings.invalid(`${path}.function.arguments`, 'must be a string of JSON');
  return toolUse({ id, name, args, holder: call }, path, `${path}.function`, ids, findings);
}

/** A call as it is told: its fields are not looked at yet. */
interface ToldCall {
  readonly id: unknown;
  readonly name: unknown;
  readonly args: string;
  /** What may carry a cache mark. */
  readonly holder: Json;
}

function toolUse(
  { id, name, args, holder }: ToldCall,
  path: string,
  namePath: string,
  ids: ToolIds,
  findings: Findings,
): ToolUse | undefined {
  if (typeof id !== 'string' || id === '') return findings.invalid(`${path}.id`, 'must be a non-empty string');
  if (typeof name !== 'string' || name === '')
    return findings.invalid(`${namePath}.name`, 'must be a non-empty string');
  const sent = ids.call(id, path);
  if (sent === undefined) return findings.invalid(`${path}.id`, 'is given twice');
  const mark = cacheMark(holder, path, findings);
  return { type: 'tool_use', id: sent, name, input: args, ...(mark ? { cache_control: mark } : {}) };
}

const some = <T>(block: T | undefined): T[] => (block === undefined ? [] : [block]);
