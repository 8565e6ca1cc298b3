/**
 * The messages of a chat completion as system text and turns of the messages dialect.
 *
 * - System and developer messages are hoisted to the front wherever they stand, as Anthropic's own compatibility layer does.
 * - Turns alternate, so neighbours of one role are merged. All results of a turn's tool calls come first in ONE user turn.
 * - A tool result is an error where its message says `is_error: true`, or where its text begins with `Error:`: the chat
 *   dialect has no field for it, and this is what tools write by convention.
 * - Signed thinking that an earlier answer gave as `thinking_blocks` goes back unmodified, in front of its turn.
 *   `reasoning_content` is for people: without a signature it cannot be replayed, and is not sent.
 */

import type {
  RedactedThinkingBlockParam,
  TextBlockParam,
  ThinkingBlockParam,
  ToolResultBlockParam,
  ToolUseBlockParam,
} from '@anthropic-ai/sdk/resources/messages';
import { isObject, type Json } from '../../lib/json.js';
import { type Findings, isAbsent } from '../findings.js';
import { cacheMark, type Markable } from './cache-marks.js';
import { contentBlocks, type PartBlock, textBlocks, textOnlyBlocks } from './parts.js';

/** JSON text that is printed as it is: numbers in it keep their precision. */
export interface RawJson {
  readonly json: string;
}
export type ToolUse = Omit<ToolUseBlockParam, 'input'> & { readonly input: RawJson };
type Thinking = ThinkingBlockParam | RedactedThinkingBlockParam;
export type Block = PartBlock | Thinking | ToolUse | ToolResultBlockParam;

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

/** Said where the caller begins with the assistant, which the target does not allow. */
const OPENING = '(The conversation begins.)';

class ConversationReader {
  readonly #findings: Findings;
  readonly #system: TextBlockParam[] = [];
  readonly #turns: Turn[] = [];
  /** Tool calls that wait for their result, with the field that each came from. */
  readonly #waiting = new Map<string, string>();

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
    else if (role === 'user')
      this.#add(role, contentBlocks(message['content'], `${path}.content`, this.#findings), message, path);
    else if (role === 'assistant') this.#add(role, this.#assistant(message, path), message, path);
    else if (role === 'tool') this.#add('user', this.#toolResult(message, path), message, path);
    else if (role === 'function')
      this.#findings.unsupported(`${path}.role`, "is of the retired function calls: use 'tool'");
    else this.#findings.invalid(`${path}.role`, "must be 'system', 'developer', 'user', 'assistant' or 'tool'");
  }

  end(): Conversation {
    this.#checkAnswered();
    const turns = this.#turns;
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
    const [path] = this.#waiting.values();
    if (path !== undefined) this.#findings.invalid(path, "has no result: a message of role 'tool' must answer it");
    this.#waiting.clear();
  }

  #assistant(message: Json, path: string): Block[] {
    if (this.#turns.at(-1)?.role === 'user') this.#checkAnswered();
    for (const name of ['audio', 'function_call']) {
      if (!isAbsent(message[name]))
        this.#findings.unsupported(`${path}.${name}`, 'cannot be translated for this model');
    }
    const { refusal } = message;
    if (!isAbsent(refusal) && typeof refusal !== 'string')
      this.#findings.invalid(`${path}.refusal`, 'must be a string');
    return [
      ...thinkingBlocks(message['thinking_blocks'], `${path}.thinking_blocks`, this.#findings),
      ...saidBlocks(message['content'], `${path}.content`, this.#findings),
      ...textBlocks(typeof refusal === 'string' ? refusal : ''),
      ...this.#toolUses(message['tool_calls'], `${path}.tool_calls`),
    ];
  }

  #toolUses(calls: unknown, path: string): ToolUse[] {
    if (isAbsent(calls)) return [];
    if (!Array.isArray(calls)) {
      this.#findings.invalid(path, 'must be an array');
      return [];
    }
    return calls.flatMap((call, i) => {
      const at = `${path}[${i}]`;
      const block = toolUse(call, at, this.#findings);
      if (!block) return [];
      if (this.#waiting.has(block.id)) this.#findings.invalid(`${at}.id`, 'is given twice');
      this.#waiting.set(block.id, at);
      return [block];
    });
  }

  #toolResult(message: Json, path: string): ToolResultBlockParam[] {
    const { tool_call_id: id, content } = message;
    if (typeof id !== 'string') {
      this.#findings.invalid(`${path}.tool_call_id`, 'must be a string');
      return [];
    }
    const toolUseId = toolId(id);
    if (!this.#waiting.delete(toolUseId)) {
      this.#findings.invalid(`${path}.tool_call_id`, 'answers no tool call that waits for a result');
    }
    const blocks = contentBlocks(content, `${path}.content`, this.#findings);
    const failed = message['is_error'] === true || (blocks[0]?.type === 'text' && blocks[0].text.startsWith('Error:'));
    return [
      {
        type: 'tool_result',
        tool_use_id: toolUseId,
        ...(blocks.length > 0 ? { content: blocks } : {}),
        ...(failed ? { is_error: true } : {}),
      },
    ];
  }
}

/** In place: results of tools before everything else, otherwise in order. */
function resultsFirst(blocks: Block[]): void {
  const rank = ({ type }: Block): number => (type === 'tool_result' ? 0 : 1);
  blocks.sort((a, b) => rank(a) - rank(b));
}

/** What an assistant's message says: text parts and refusal parts. */
function saidBlocks(content: unknown, path: string, findings: Findings): TextBlockParam[] {
  if (!Array.isArray(content)) return textOnlyBlocks(content, path, findings);
  const said = content.map((part: unknown) =>
    isObject(part) && part['type'] === 'refusal' ? { ...part, type: 'text', text: part['refusal'] } : part,
  );
  return textOnlyBlocks(said, path, findings);
}

function toolUse(call: unknown, path: string, findings: Findings): ToolUse | undefined {
  if (!isObject(call)) return findings.invalid(path, 'must be an object');
  if (call['type'] === 'custom') return findings.unsupported(`${path}.type`, 'cannot be translated for this model');
  const { id, function: called } = call;
  if (typeof id !== 'string' || id === '') return findings.invalid(`${path}.id`, 'must be a non-empty string');
  const name = isObject(called) ? called['name'] : undefined;
  if (typeof name !== 'string' || name === '')
    return findings.invalid(`${path}.function.name`, 'must be a non-empty string');
  const args = isObject(called) ? (called['arguments'] ?? '') : '';
  if (typeof args !== 'string') return findings.invalid(`${path}.function.arguments`, 'must be a string of JSON');
  const mark = cacheMark(call, path, findings);
  return { type: 'tool_use', id: toolId(id), name, input: toolInput(args), ...(mark ? { cache_control: mark } : {}) };
}

/**
 * Arguments are text that a model wrote, so they may be no JSON at all (cut short by a token limit, say). The target takes
 * objects only; the conversation goes on with the text as it is under a name that says what it is.
 */
function toolInput(args: string): RawJson {
  if (!/\S/.test(args)) return { json: '{}' };
  try {
    if (isObject(JSON.parse(args))) return { json: args };
  } catch {
    // told below
  }
  return { json: JSON.stringify({ invalid_arguments: args }) };
}

/** Ids are letters, digits, `_` and `-` at the target; elsewhere they may be anything. Equal ids stay equal. */
const toolId = (id: string): string => id.replace(/[^a-zA-Z0-9_-]/g, (char) => `_${char.charCodeAt(0).toString(16)}`);

function thinkingBlocks(blocks: unknown, path: string, findings: Findings): Thinking[] {
  if (isAbsent(blocks)) return [];
  if (!Array.isArray(blocks)) {
    findings.invalid(path, 'must be an array');
    return [];
  }
  return blocks.flatMap((block, i) => {
    const thinking = thinkingBlock(block, `${path}[${i}]`, findings);
    return thinking ? [thinking] : [];
  });
}

/** Only the fields that the signature is about; undefined for thinking that nobody signed. */
function thinkingBlock(block: unknown, path: string, findings: Findings): Thinking | undefined {
  const { type, thinking, signature, data } = isObject(block) ? block : {};
  if (type === 'redacted_thinking') {
    if (typeof data !== 'string') return findings.invalid(`${path}.data`, 'must be a string');
    return { type, data };
  }
  if (type !== 'thinking') return findings.invalid(`${path}.type`, "must be 'thinking' or 'redacted_thinking'");
  if (typeof thinking !== 'string') return findings.invalid(`${path}.thinking`, 'must be a string');
  if (isAbsent(signature) || signature === '') return undefined;
  if (typeof signature !== 'string') return findings.invalid(`${path}.signature`, 'must be a string');
  return { type, thinking, signature };
}
