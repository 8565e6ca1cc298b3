/**
 * The messages of a chat completion as system text and turns of the messages dialect.
 *
 * - System and developer messages are hoisted to the front wherever they stand, as Anthropic's own compatibility layer does.
 * - Turns alternate, so neighbours of one role are merged. All results of a turn's tool calls come first in ONE user turn.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TextBlockParam, ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { isObject, type Json } from '../../lib/json.js';
import { finishInTurns, steps } from '../../lib/turns.js';
import { type Findings, isAbsent } from '../findings.js';
import type { ToolNames } from '../tool-names.js';
import { type AssistantBlock, assistantBlocks } from './assistant-turn.js';
import { cacheMark, type Markable } from './cache-marks.js';
import { contentBlocks, type PartBlock, partBlocks, textBlocks, textOnlyBlocks } from './parts.js';
import { ToolIds } from './tool-ids.js';
import { toolResult } from './tool-results.js';

export type Block = PartBlock | AssistantBlock | ToolResultBlockParam;

export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly blocks: Block[];
  /** The field that its last message came from. */
  path: string;
}

export interface Conversation {
  readonly system: TextBlockParam[];
  readonly turns: Turn[];
}

export const hasToolBlocks = ({ turns }: Conversation): boolean =>
  turns.some(({ blocks }) => blocks.some(({ type }) => type === 'tool_use' || type === 'tool_result'));

/** The last thing said is a tool's result, and the turn that called the tool does not begin with its thinking. */
export function endsInUnsignedToolLoop({ turns }: Conversation): boolean {
  const [call, result] = turns.slice(-2);
  if (result?.role !== 'user' || !result.blocks.some(({ type }) => type === 'tool_result')) return false;
  const first = call?.blocks[0]?.type;
  return first !== 'thinking' && first !== 'redacted_thinking';
}

export function readConversation(messages: unknown, findings: Findings): Conversation {
  const reader = new ConversationReader(findings);
  if (!Array.isArray(messages)) findings.invalid('messages', 'must be an array');
  else for (const [i, message] of messages.entries()) reader.message(message, `messages[${i}]`);
  return reader.end();
}

/** The same, a message in each step; what is done with the whole conversation has a turn of its own. */
export async function readConversationInTurns(messages: unknown, findings: Findings): Promise<Conversation> {
  if (!Array.isArray(messages)) return readConversation(messages, findings);
  const reader = new ConversationReader(findings);
  function* walk(): Generator<number, void> {
    for (const [i, message] of (messages as unknown[]).entries()) {
      reader.message(message, `messages[${i}]`);
      yield 1;
    }
  }
  await finishInTurns(steps(walk()));
  await nextTurn();
  const conversation = reader.end();
  await nextTurn();
  return conversation;
}

/** Said where the caller begins with the assistant, which the target does not allow. */
const OPENING = '(The conversation begins.)';

class ConversationReader {
  readonly #findings: Findings;
  readonly #system: TextBlockParam[] = [];
  readonly #turns: Turn[] = [];
  readonly #ids = new ToolIds();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  message(message: unknown, path: string): void {
    if (!isObject(message)) {
      this.#findings.invalid(path, 'must be an object');
      return;
    }
    if (!isAbsent(message['name'])) this.#findings.drop('messages[].name');
    const { role } = message;
    if (role === 'system' || role === 'developer') this.#hoist(message, path);
    else if (role === 'user') this.#add(role, this.#user(message['content'], `${path}.content`), message, path);
    else if (role === 'assistant') this.#add(role, this.#assistant(message, path), message, path);
    else if (role === 'tool')
      this.#add('user', toolResult(message, 'tool_call_id', path, this.#ids, this.#findings), message, path);
    else if (role === 'function')
      this.#findings.unsupported(`${path}.role`, "is of the retired function calls: use 'tool'");
    else this.#findings.invalid(`${path}.role`, "must be 'system', 'developer', 'user', 'assistant' or 'tool'");
  }

  end(): Conversation {
    this.#checkAnswered();
    const turns = this.#turns;
    dropLastThoughts(turns);
    if (turns.length === 0) this.#findings.invalid('messages', 'must hold a message of the user that is not empty');
    if (turns[0]?.role === 'assistant') turns.unshift({ role: 'user', blocks: textBlocks(OPENING), path: 'messages' });
    for (const { blocks } of turns) resultsFirst(blocks);
    return { system: this.#system, turns };
  }

  #hoist(message: Json, path: string): void {
    const blocks = textOnlyBlocks(message['content'], `${path}.content`, this.#findings);
    this.#system.push(...this.#marked(blocks, message, path));
  }

  #add(role: Turn['role'], blocks: Block[], message: Json, path: string): void {
    this.#marked(blocks, message, path);
    if (blocks.length === 0) return;
    const last = this.#turns.at(-1);
    if (last?.role === role) {
      last.blocks.push(...blocks);
      last.path = path;
      return;
    }
    this.#turns.push({ role, blocks, path });
  }

  /** A mark on a message is a mark on its last block that can carry one. */
  #marked<T extends Block>(blocks: T[], message: Json, path: string): T[] {
    const mark = cacheMark(message, path, this.#findings);
    const last = blocks.findLast(({ type }) => type !== 'thinking' && type !== 'redacted_thinking');
    if (mark && last) (last as Markable).cache_control = mark;
    return blocks;
  }

  #checkAnswered(): void {
    const path = this.#ids.giveUp();
    if (path !== undefined) this.#findings.invalid(path, "has no result: a message of role 'tool' must answer it");
  }

  #user(content: unknown, path: string): Block[] {
    if (!Array.isArray(content)) return contentBlocks(content, path, this.#findings);
    return content.flatMap((part: unknown, i): Block[] => {
      const at = `${path}[${i}]`;
      if (!isObject(part) || part['type'] !== 'tool_result') return partBlocks(part, at, this.#findings);
      return this.#marked(toolResult(part, 'tool_use_id', at, this.#ids, this.#findings), part, at);
    });
  }

  #assistant(message: Json, path: string): Block[] {
    if (this.#turns.at(-1)?.role === 'user') this.#checkAnswered();
    return assistantBlocks(message, path, this.#ids, this.#findings);
  }
}

export function renameCalls({ turns }: Conversation, names: ToolNames): void {
  for (const { blocks } of turns)
    for (const block of blocks) if (block.type === 'tool_use') block.name = names.sent(block.name);
}

/**
 * In place: the target takes no turn of the assistant that ends in thinking. Such a turn was cut while the model thought; one of
 * nothing but thinking was none.
 */
function dropLastThoughts(turns: Turn[]): void {
  for (let i = turns.length - 1; i >= 0; i--) {
    const { role, blocks } = turns[i]!;
    const end = blocks.findLastIndex(({ type }) => type !== 'thinking' && type !== 'redacted_thinking');
    blocks.length = end + 1;
    if (blocks.length > 0) continue;
    const [, next] = turns.splice(i, 2);
    const before = turns[i - 1];
    if (!next) continue;
    if (before && before.role !== role) {
      before.blocks.push(...next.blocks);
      before.path = next.path;
    } else turns.splice(i, 0, next);
  }
}

/** In place: results of tools before everything else, otherwise in order. */
function resultsFirst(blocks: Block[]): void {
  if (blocks.length < 2 || !blocks.some(isResult)) return;
  const rank = (block: Block): number => (isResult(block) ? 0 : 1);
  blocks.sort((a, b) => rank(a) - rank(b));
}

const isResult = ({ type }: Block): boolean => type === 'tool_result';
