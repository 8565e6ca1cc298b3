/**
 * The conversation: turns of blocks as messages of a chat completion.
 *
 * - Results of tools become messages of their own, in the order of the calls and before everything else of their turn: they come
 *   in the order in which the tools were done. A call without a result, and a result without a call, are refused, as Anthropic
 *   refuses them.
 * - Signed thinking travels as `thinking_blocks`. Thinking that this gateway signed goes back to the target that wrote it, in the
 *   field in which it came, and to no other one.
 * - What tools of Anthropic's own did in earlier turns is told in words.
 */
import { isAttribution } from '../../formats/anthropic-messages/blocks.js';
import { isOwnSignature, replayField } from '../../formats/anthropic-messages/own-signature.js';
import type { TargetFacts } from '../../formats/translation.js';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { isGoogles } from '../thought-signatures.js';
import { marked, partsOf, textPart } from './content.js';
import { toolName } from './tools.js';

/** Calls that wait for their results, by their ids, and where they stand. */
type Waiting = Map<string, string>;

export function readMessages(json: Json, target: TargetFacts, findings: Findings): Json[] {
  const waiting: Waiting = new Map();
  const told: Json[] = systemMessages(json['system'], 'system', findings);
  const messages = json['messages'] as readonly unknown[];
  for (const [i, message] of messages.entries()) {
    if (!isObject(message)) continue;
    const path = `messages.${i}`;
    const { role, content } = message;
    if (role === 'user') told.push(...userMessages(content, path, waiting, findings));
    else if (role === 'assistant') {
      checkAnswered(waiting, findings);
      told.push(...assistantMessages(content, path, waiting, target, findings));
    } else if (role === 'system') told.push(...systemMessages(content, `${path}.content`, findings));
    else findings.invalid(`${path}.role`, "must be 'user', 'assistant' or 'system'");
  }
  checkAnswered(waiting, findings);
  checkLast(told, messages.length - 1, target, findings);
  return told;
}

function checkAnswered(waiting: Waiting, findings: Findings): void {
  for (const [id, path] of waiting)
    findings.invalid(
      path,
      `\`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${id.slice(0, 100)}`,
    );
  waiting.clear();
}

/** A last turn of the assistant is the beginning of the answer, which chat completions do not go on with. */
function checkLast(told: Json[], at: number, { modelFacts }: TargetFacts, findings: Findings): void {
  if (told.at(-1)?.['role'] !== 'assistant' || modelFacts) return;
  findings.unsupported(`messages.${at}`, 'begins the answer, which this model does not go on with');
  told.pop();
}

function systemMessages(content: unknown, path: string, findings: Findings): Json[] {
  const blocks = Array.isArray(content) ? (content as unknown[]).filter((block) => !isAttribution(block)) : content;
  const parts = partsOf(blocks, path, findings);
  if (!parts.every(({ type }) => type === 'text')) findings.invalid(path, 'may hold only texts');
  return parts.length === 0 ? [] : [{ role: 'system', content: contentOf(parts) }];
}

/** One text without a mark is told as a text: not every server knows parts. */
function contentOf(parts: readonly Json[]): unknown {
  const plain = parts.every((part) => part['type'] === 'text' && part['cache_control'] === undefined);
  return plain ? parts.map(({ text }) => text as string).join('\n\n') : parts;
}

function userMessages(content: unknown, path: string, waiting: Waiting, findings: Findings): Json[] {
  const blocks = Array.isArray(content) ? [...(content as unknown[]).entries()] : null;
  if (!blocks) {
    checkAnswered(waiting, findings);
    const parts = partsOf(content, `${path}.content`, findings);
    return [{ role: 'user', content: contentOf(parts) }];
  }
  const results = new Map<string, Json>();
  const parts: Json[] = [];
  for (const [i, block] of blocks) {
    const at = `${path}.content.${i}`;
    if (isObject(block) && block['type'] === 'tool_result') {
      const id = block['tool_use_id'];
      if (typeof id !== 'string' || !waiting.has(id) || results.has(id))
        findings.invalid(at, `unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${String(id).slice(0, 100)}`);
      else results.set(id, toolMessage(block, id, at, findings));
    } else parts.push(...partsOf([block], `${path}.content`, findings));
  }
  const inOrder = [...waiting.keys()].flatMap((id) => (results.has(id) ? [results.get(id)!] : []));
  for (const id of results.keys()) waiting.delete(id);
  checkAnswered(waiting, findings);
  return parts.length === 0 ? inOrder : [...inOrder, { role: 'user', content: contentOf(parts) }];
}

function toolMessage(block: Json, id: string, path: string, findings: Findings): Json {
  const parts = marked(block, partsOf(block['content'], `${path}.content`, findings));
  return {
    role: 'tool',
    tool_call_id: id,
    content: contentOf(parts),
    ...(block['is_error'] === true ? { is_error: true } : {}),
  };
}

interface Said {
  readonly parts: Json[];
  readonly calls: Json[];
  readonly thinking: Json[];
  readonly replayed: Record<string, string>;
}

function assistantMessages(
  content: unknown,
  path: string,
  waiting: Waiting,
  target: TargetFacts,
  findings: Findings,
): Json[] {
  const said: Said = { parts: [], calls: [], thinking: [], replayed: {} };
  if (typeof content === 'string') said.parts.push(...partsOf(content, path, findings));
  for (const [i, block] of (Array.isArray(content) ? (content as unknown[]) : []).entries())
    if (isObject(block)) readSaid(block, said, { path: `${path}.content.${i}`, waiting, target, findings });
  const { parts, calls, thinking, replayed } = said;
  if (parts.length === 0 && calls.length === 0) return [];
  return [
    {
      role: 'assistant',
      ...(parts.length === 0 ? {} : { content: contentOf(parts) }),
      ...(thinking.length === 0 ? {} : { thinking_blocks: thinking }),
      ...replayed,
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    },
  ];
}

interface Reading {
  readonly path: string;
  readonly waiting: Waiting;
  readonly target: TargetFacts;
  readonly findings: Findings;
}

function readSaid(block: Json, said: Said, { path, waiting, target, findings }: Reading): void {
  const { type } = block;
  if (type === 'tool_use') {
    const call = callOf(block, path, findings);
    if (!call) return;
    if (waiting.has(call.id)) findings.invalid(`${path}.id`, 'is given twice');
    waiting.set(call.id, path.slice(0, path.indexOf('.content')));
    said.calls.push(call);
  } else if (type === 'thinking') readThinking(block, said, target);
  else if (type === 'redacted_thinking') said.thinking.push({ type, data: block['data'] });
  else if (isServerBlock(type)) said.parts.push(textPart(serverWords(block)));
  else said.parts.push(...partsOf([block], path.slice(0, path.lastIndexOf('.')), findings));
}

function readThinking({ thinking, signature }: Json, said: Said, target: TargetFacts): void {
  const text = typeof thinking === 'string' ? thinking : '';
  if (!isOwnSignature(signature) || isGoogles(String(signature))) {
    if (typeof signature === 'string' && signature !== '')
      said.thinking.push({ type: 'thinking', thinking: text, signature });
    return;
  }
  const field = replayField(signature, target.id, text);
  if (field) said.replayed[field] = (said.replayed[field] ?? '') + text;
}

function callOf(block: Json, path: string, findings: Findings) {
  const { id, name, input, cache_control: mark } = block;
  if (typeof id !== 'string' || id === '') return findings.invalid(`${path}.id`, 'must be a non-empty text');
  if (typeof name !== 'string' || name === '') return findings.invalid(`${path}.name`, 'must be a non-empty text');
  if (!isObject(input)) return findings.invalid(`${path}.input`, 'must be an object');
  return {
    id,
    type: 'function',
    function: { name: toolName(name), arguments: JSON.stringify(input) },
    ...(isAbsent(mark) ? {} : { cache_control: mark }),
  };
}

const isServerBlock = (type: unknown): boolean =>
  type === 'server_tool_use' || type === 'mcp_tool_use' || (typeof type === 'string' && type.endsWith('_tool_result'));

const LONGEST_TOLD = 4_000;

/** What is encrypted in a result means nothing to another model. */
function serverWords(block: Json): string {
  const told = JSON.stringify(block['input'] ?? block['content'] ?? null, (name, value: unknown) =>
    name.startsWith('encrypted_') ? undefined : value,
  ).slice(0, LONGEST_TOLD);
  const { type, name } = block;
  return type === 'server_tool_use' || type === 'mcp_tool_use'
    ? `(Used the tool ${String(name).slice(0, 100)}: ${told})`
    : `(Result: ${told})`;
}
