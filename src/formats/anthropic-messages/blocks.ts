/** What blocks of the messages dialect are, by their type, to everyone who looks at a request: nothing here does any work. */
import { isObject, type Json } from '../../lib/json.js';

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const typeOf = (value: unknown): unknown => (isObject(value) ? value['type'] : undefined);
const isPresent = (value: unknown): boolean => value !== undefined && value !== null;

/** Blocks that are read as text. */
export const textBlocks: ReadonlySet<unknown> = new Set([
  ...['text', 'thinking', 'redacted_thinking', 'tool_use', 'tool_result', 'search_result', 'tool_reference'],
  ...['server_tool_use', 'web_search_tool_result', 'web_fetch_tool_result', 'code_execution_tool_result'],
  ...['bash_code_execution_tool_result', 'text_editor_code_execution_tool_result', 'tool_search_tool_result'],
  ...['mcp_tool_use', 'mcp_tool_result', 'compaction', 'fallback', 'tool_addition', 'tool_removal'],
]);

/** Every block of the conversation, with those that results of tools and documents hold. */
export function* blocksOf(request: Json): Generator<Json, void> {
  for (const block of listOf(request['system'])) if (isObject(block)) yield block;
  for (const message of listOf(request['messages']))
    if (isObject(message)) yield* within(listOf(message['content']), 0);
}

const DEEPEST = 3;

function* within(blocks: readonly unknown[], depth: number): Generator<Json, void> {
  for (const block of blocks) {
    if (!isObject(block)) continue;
    yield block;
    if (depth === DEEPEST) continue;
    yield* within(listOf(block['content']), depth + 1);
    const { source } = block;
    if (isObject(source)) yield* within(listOf(source['content']), depth + 1);
  }
}

/** A mark up to which the prompt is to be cached. */
export const isMarked = (holder: unknown): boolean => isObject(holder) && isPresent(holder['cache_control']);

/** A tool that the caller runs and that says itself what it takes. */
export const isOwnTool = (tool: unknown): boolean => {
  const type = typeOf(tool);
  return type === undefined || type === null || type === 'custom';
};

/** Tools without a declaration of their own that the caller runs all the same: their results come in the request. */
const callersTools = /^(?:memory|bash|text_editor|computer|browser_toolset|computer_toolset)_\d{1,8}$/;

/** A tool with which the provider reads, or writes, more than was sent. */
export const isServerTool = (tool: unknown): boolean =>
  !isOwnTool(tool) && !callersTools.test(String(typeOf(tool)).slice(0, 100));

/** A block that Claude Code writes before its instructions. It changes with each call, and is no part of what the model is told. */
export const isAttribution = (block: unknown): boolean =>
  isObject(block) && typeof block['text'] === 'string' && block['text'].startsWith('x-anthropic-billing-header:');
