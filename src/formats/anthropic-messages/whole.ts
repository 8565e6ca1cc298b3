/**
 * Puts the whole message together that a stream told. What this file does not know how to put together is not put together:
 * better no copy than one that lacks something.
 */
import { isObject, type Json } from '../../lib/json.js';
import { SseReader } from '../sse.js';
import type { Usage } from '../usage.js';
import { messageUsage } from './message-usage.js';

/** Undefined where the stream was not whole or not understood. */
export function* wholeMessage(pieces: readonly Buffer[], usage: Usage): Generator<number, Json | undefined> {
  const reader = new SseReader();
  const telling = new Telling();
  for (const piece of pieces) {
    reader.feed(piece, ({ data }) => telling.take(data));
    yield piece.length;
  }
  return telling.whole(usage);
}

interface Block {
  readonly told: Record<string, unknown>;
  /** The input of a tool, as far as it was written. */
  input: string | undefined;
}

class Telling {
  #message: Json | undefined;
  readonly #blocks: Block[] = [];
  #end: Json | undefined;
  #stopped = false;
  #understood = true;

  /** False where nothing that follows matters. */
  take(data: string | undefined): boolean {
    if (data === undefined) return this.#understood;
    let event: unknown;
    try {
      event = JSON.parse(data);
    } catch {
      // Not an event: the check below says so.
    }
    this.#understood &&= isObject(event) && this.#event(event);
    return this.#understood && !this.#stopped;
  }

  whole(usage: Usage): Json | undefined {
    if (!this.#understood || !this.#stopped || !this.#message || !this.#end) return undefined;
    const content: Json[] = [];
    for (const { told, input } of this.#blocks) {
      const block = input === undefined ? told : withInput(told, input);
      if (!block) return undefined;
      content.push(block);
    }
    return { ...this.#message, content, ...this.#end, usage: messageUsage(usage) };
  }

  #event(event: Json): boolean {
    switch (event['type']) {
      case 'ping':
      case 'content_block_stop':
        return true;
      case 'message_start':
        return this.#start(event['message']);
      case 'content_block_start':
        return this.#open(event['index'], event['content_block']);
      case 'content_block_delta':
        return this.#delta(event['index'], event['delta']);
      case 'message_delta':
        if (isObject(event['delta'])) this.#end = { ...this.#end, ...event['delta'] };
        return true;
      case 'message_stop':
        this.#stopped = true;
        return true;
      default:
        return false;
    }
  }

  #start(message: unknown): boolean {
    if (this.#message || !isObject(message)) return false;
    this.#message = message;
    return !Array.isArray(message['content']) || message['content'].length === 0;
  }

  #open(index: unknown, block: unknown): boolean {
    if (index !== this.#blocks.length || !isObject(block)) return false;
    this.#blocks.push({ told: { ...block }, input: undefined });
    return true;
  }

  #delta(index: unknown, delta: unknown): boolean {
    const block = typeof index === 'number' ? this.#blocks[index] : undefined;
    if (!block || !isObject(delta)) return false;
    const { told } = block;
    switch (delta['type']) {
      case 'text_delta':
        return grow(told, 'text', delta['text']);
      case 'thinking_delta':
        return grow(told, 'thinking', delta['thinking']);
      case 'signature_delta':
        told['signature'] = delta['signature'];
        return true;
      case 'input_json_delta':
        if (typeof delta['partial_json'] !== 'string') return false;
        block.input = (block.input ?? '') + delta['partial_json'];
        return true;
      case 'citations_delta':
        told['citations'] = [...(Array.isArray(told['citations']) ? told['citations'] : []), delta['citation']];
        return true;
      default:
        return false;
    }
  }
}

function grow(told: Record<string, unknown>, name: string, piece: unknown): boolean {
  if (typeof piece !== 'string' || typeof told[name] !== 'string') return false;
  told[name] += piece;
  return true;
}

function withInput(told: Json, input: string): Json | undefined {
  if (input === '') return told;
  try {
    return { ...told, input: JSON.parse(input) as unknown };
  } catch {
    return undefined;
  }
}
