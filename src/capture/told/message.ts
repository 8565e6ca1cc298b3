/** Messages of Anthropic's dialect: blocks by their index. */
import { isObject, type Json } from '../../lib/json.js';
import type { Telling } from './telling.js';

interface Block {
  readonly told: Record<string, unknown>;
  /** The input of a tool, as it was written. */
  input: string;
}

/** The field that grows with a delta's field of the same name. */
const GROWS = ['text', 'thinking'] as const;

export class Message implements Telling {
  #message: Json | undefined;
  readonly #blocks = new Map<unknown, Block>();
  #end: Json = {};

  take(event: Json): void {
    const { type, message, index, content_block: block, delta, usage, error } = event;
    if (type === 'message_start' && isObject(message)) this.#message = message;
    else if (type === 'content_block_start' && isObject(block))
      this.#blocks.set(index, { told: { ...block }, input: '' });
    else if (type === 'content_block_delta' && isObject(delta)) this.#delta(this.#blocks.get(index), delta);
    else if (type === 'message_delta') {
      if (isObject(delta)) this.#end = { ...this.#end, ...delta };
      if (isObject(usage)) this.#end = { ...this.#end, usage };
    } else if (type === 'error') this.#end = { ...this.#end, error };
  }

  answer(): Json | undefined {
    if (!this.#message) return Object.keys(this.#end).length === 0 ? undefined : this.#end;
    const { usage } = this.#message;
    const content = [...this.#blocks.values()].map(({ told, input }) =>
      input === '' ? told : { ...told, input: parsed(input) },
    );
    const used = isObject(usage) && isObject(this.#end['usage']) ? { usage: { ...usage, ...this.#end['usage'] } } : {};
    return { ...this.#message, content, ...this.#end, ...used };
  }

  #delta(block: Block | undefined, delta: Json): void {
    if (!block) return;
    const { told } = block;
    for (const name of GROWS) if (typeof delta[name] === 'string') told[name] = String(told[name] ?? '') + delta[name];
    if (typeof delta['signature'] === 'string') told['signature'] = delta['signature'];
    if (typeof delta['partial_json'] === 'string') block.input += delta['partial_json'];
    if (delta['citation'] !== undefined) {
      if (!Array.isArray(told['citations'])) told['citations'] = [];
      (told['citations'] as unknown[]).push(delta['citation']);
    }
  }
}

/** What broke off stays the text that it was. */
function parsed(input: string): unknown {
  try {
    return JSON.parse(input);
  } catch {
    return input;
  }
}
