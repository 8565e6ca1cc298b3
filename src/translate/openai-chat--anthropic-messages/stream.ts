/**
 * Reads a stream of the messages dialect and writes chunks of a chat completion, each as soon as its event is there.
 *
 * Tool calls are numbered by their own counter: the target's block index counts text and thinking too, and clients want
 * numbers without gaps. The finish chunk waits for `message_stop`, so that a stream which is cut never looks finished.
 * `annotations` and `thinking_blocks` come whole, once, just before it: clients overwrite delta fields that they do not know.
 */

import { inBandError, readMessagesUsage } from '../../formats/anthropic-messages/wire.js';
import { ChatChunkWriter } from '../../formats/openai-chat/chunk-writer.js';
import type { SseEvent } from '../../formats/sse.js';
import { CUT, SseStream } from '../../formats/sse-stream.js';
import type { UsageExtra } from '../../formats/translation.js';
import { isObject, type Json } from '../../lib/json.js';
import { FencedJson } from '../fenced-json.js';
import { type Annotation, urlCitations } from './annotations.js';
import {
  type AnswerPlan,
  completionId,
  finishOf,
  placedAt,
  refusalOf,
  stoppedAt,
  stringOr,
  type ThinkingBlock,
} from './answer.js';

/** A content block that is not stopped yet. */
type OpenBlock =
  | { readonly kind: 'other' }
  | { readonly kind: 'text'; readonly start: number; readonly citations: unknown[] }
  | {
      readonly kind: 'thinking';
      thinking: string;
      signature: string;
      readonly position: Pick<ThinkingBlock, 'position'>;
    }
  | { readonly kind: 'call'; readonly index: number; readonly input: unknown; begun: boolean }
  | { readonly kind: 'json'; readonly input: unknown; begun: boolean };

export class MessagesToChatStream extends SseStream {
  readonly #plan: AnswerPlan;
  readonly #chunks: ChatChunkWriter;
  readonly #fence: FencedJson | undefined;
  readonly #blocks = new Map<unknown, OpenBlock>();
  readonly #thinking: ThinkingBlock[] = [];
  readonly #annotations: Annotation[] = [];
  /** Characters of content that were written. */
  #written = 0;
  /** The message's id; undefined before it started. */
  #id: string | undefined;
  /** Text beside a forced tool: it is the answer only if the tool was never called. */
  #aside = '';
  /** Content has come. */
  #said = false;
  #calls = 0;
  #jsonCalls = 0;
  #stopReason: unknown;
  #stopDetails: unknown;
  #stoppedAt: Json = {};

  constructor(plan: AnswerPlan) {
    super();
    this.#plan = plan;
    this.#chunks = new ChatChunkWriter(plan.askedUsage);
    this.#fence = plan.fencedJson ? new FencedJson() : undefined;
  }

  protected ended(rest: SseEvent | undefined): void {
    if (rest?.data !== undefined && /"message_stop"\s*\}\s*$/.test(rest.data)) this.event(rest, rest.data);
    if (!this.done) this.failure ??= CUT;
  }

  closing(extra: UsageExtra): Buffer {
    return this.#chunks.closing(this.usage, extra);
  }

  get begun(): boolean {
    return this.done || !this.generated.isEmpty;
  }

  get filtered(): boolean {
    return this.#stopReason === 'refusal';
  }

  get empty(): boolean {
    return !this.#said && this.#calls === 0 && this.#jsonCalls === 0;
  }

  protected override dataless(): void {
    this.#chunks.ping();
  }

  protected override taken(): Buffer {
    return this.#chunks.taken();
  }

  /** Events are told by the `type` in their data: some servers send no `event:` names. */
  protected event({ name }: SseEvent, data: string): boolean {
    if (name === 'ping') {
      this.#chunks.ping();
      return true;
    }
    let event: unknown;
    try {
      event = JSON.parse(data);
    } catch {
      return data.trim() === '[DONE]' || this.garbage('something that is not JSON');
    }
    this.failure = inBandError(event);
    if (this.failure) return false;
    return isObject(event) ? this.#dispatch(event) : this.garbage('something that is not an event');
  }

  #dispatch(event: Json): boolean {
    const { type } = event;
    if (type === 'ping') this.#chunks.ping();
    else if (type === 'message_start') return this.#start(event['message']);
    else if (typeof type !== 'string') return this.garbage('an event without a type');
    else if (!type.startsWith('content_block_') && !type.startsWith('message_'))
      return true; // a later invention
    else if (this.#id === undefined) return this.garbage('content before the message');
    else if (type === 'content_block_start') this.#open(event['index'], event['content_block']);
    else if (type === 'content_block_delta') return this.#delta(event['index'], event['delta']);
    else if (type === 'content_block_stop') this.#stop(event['index']);
    else if (type === 'message_delta') this.#end(event['delta'], event['usage']);
    else if (type === 'message_stop') return this.#finish();
    return true;
  }

  /** Some servers say it twice; another id means that two answers were mixed. */
  #start(message: unknown): boolean {
    if (!isObject(message)) return this.garbage('a start without a message');
    const id = completionId(message['id'], this.#plan.nowMs);
    if (this.#id === id) return true;
    if (this.#id !== undefined) return this.garbage('a second message');
    this.#id = id;
    const model = stringOr(message['model'], this.#plan.model);
    this.servedModel = typeof message['model'] === 'string' ? message['model'] : undefined;
    this.#chunks.begin({ id, created: Math.floor(this.#plan.nowMs / 1000), model });
    this.#chunks.chunk({ role: 'assistant', content: '', refusal: null });
    this.#end(message, message['usage']);
    if (!Array.isArray(message['content'])) return true;
    for (const block of message['content']) {
      this.#open(undefined, block);
      this.#stop(undefined);
    }
    return true;
  }

  #open(index: unknown, block: unknown): void {
    if (isObject(block)) this.#blocks.set(index, this.#opened(block));
  }

  #opened(block: Json): OpenBlock {
    switch (block['type']) {
      case 'text': {
        const start = this.#written;
        this.#say(stringOr(block['text'], ''));
        return { kind: 'text', start, citations: Array.isArray(block['citations']) ? block['citations'] : [] };
      }
      case 'thinking': {
        const thinking = stringOr(block['thinking'], '');
        const position = this.#position;
        this.#think(thinking);
        return { kind: 'thinking', thinking, signature: stringOr(block['signature'], ''), position };
      }
      case 'redacted_thinking':
        this.#thinking.push({ type: 'redacted_thinking', data: stringOr(block['data'], ''), ...this.#position });
        return { kind: 'other' };
      case 'tool_use':
        return this.#call(block);
      default:
        return { kind: 'other' };
    }
  }

  get #position(): Pick<ThinkingBlock, 'position'> {
    return placedAt(this.#plan.jsonTool === undefined ? this.#written : 0, this.#calls);
  }

  #call(block: Json): OpenBlock {
    const name = stringOr(block['name'], '');
    this.generated.add(name);
    if (name === this.#plan.jsonTool) {
      this.#jsonCalls++;
      return this.#jsonCalls === 1 ? { kind: 'json', input: block['input'], begun: false } : { kind: 'other' };
    }
    const index = this.#calls++;
    const id = stringOr(block['id'], '') || `call_${index}`;
    const called = { name: this.#plan.names.told(name), arguments: '' };
    this.#chunks.chunk({ tool_calls: [{ index, id, type: 'function', function: called }] });
    return { kind: 'call', index, input: block['input'], begun: false };
  }

  #delta(index: unknown, delta: unknown): boolean {
    const block = this.#blocks.get(index);
    if (!block || !isObject(delta)) return this.garbage('a piece of a block that was not begun');
    if (delta['type'] === 'text_delta') this.#say(stringOr(delta['text'], ''));
    else if (delta['type'] === 'input_json_delta') this.#input(block, stringOr(delta['partial_json'], ''));
    else if (block.kind === 'text' && delta['type'] === 'citations_delta') block.citations.push(delta['citation']);
    else if (block.kind !== 'thinking') return true;
    else if (delta['type'] === 'signature_delta') block.signature = stringOr(delta['signature'], '');
    else if (delta['type'] === 'thinking_delta') {
      const thinking = stringOr(delta['thinking'], '');
      block.thinking += thinking;
      this.#think(thinking);
    }
    return true;
  }

  #say(text: string): void {
    this.generated.add(text);
    if (text !== '') this.#said = true;
    if (this.#plan.jsonTool !== undefined) this.#aside += text;
    else this.#write(this.#fence ? this.#fence.push(text) : text);
  }

  #write(content: string): void {
    if (content === '') return;
    this.#written += content.length;
    this.#chunks.chunk({ content });
  }

  #think(thinking: string): void {
    if (thinking === '') return;
    this.generated.add(thinking);
    this.#chunks.chunk({ reasoning_content: thinking });
  }

  #input(block: OpenBlock, json: string): void {
    if (json === '' || (block.kind !== 'call' && block.kind !== 'json')) return;
    block.begun = true;
    this.generated.add(json);
    if (block.kind === 'json') this.#write(json);
    else this.#chunks.chunk({ tool_calls: [{ index: block.index, function: { arguments: json } }] });
  }

  #stop(index: unknown): void {
    const block = this.#blocks.get(index);
    this.#blocks.delete(index);
    if (block?.kind === 'thinking') {
      const { thinking, signature, position } = block;
      this.#thinking.push({ type: 'thinking', thinking, signature, ...position });
    } else if (block?.kind === 'text') {
      if (this.#plan.jsonTool === undefined)
        this.#annotations.push(...urlCitations(block.citations, block.start, this.#written));
    } else if ((block?.kind === 'call' || block?.kind === 'json') && !block.begun) {
      // No piece came: the input stood in the block's start, or is empty.
      this.#input(block, printed(block.input ?? {}));
    }
  }

  /** What is known of the end so far; reports are cumulative, the last one counts. */
  #end(delta: unknown, usage: unknown): void {
    this.usage = readMessagesUsage(usage, this.usage);
    if (!isObject(delta) || typeof delta['stop_reason'] !== 'string') return;
    this.#stopReason = delta['stop_reason'];
    this.#stopDetails = delta['stop_details'];
    this.#stoppedAt = stoppedAt(delta);
  }

  #finish(): false {
    for (const index of this.#blocks.keys()) this.#stop(index);
    if (this.#jsonCalls === 0) this.#write(this.#aside);
    if (this.#fence) this.#write(this.#fence.end());
    const refusal = refusalOf(this.#stopReason, this.#stopDetails);
    if (refusal !== null) this.#chunks.chunk({ refusal });
    if (this.#annotations.length > 0) this.#chunks.chunk({ annotations: this.#annotations });
    if (this.#thinking.length > 0) this.#chunks.chunk({ thinking_blocks: this.#thinking });
    const finish_reason = finishOf(this.#stopReason, this.#calls > 0);
    this.#chunks.choice({ index: 0, delta: {}, logprobs: null, finish_reason, ...this.#stoppedAt });
    this.done = true;
    return false;
  }
}

/** An input that nests too deep to be printed is as good as none. */
function printed(input: unknown): string {
  try {
    return JSON.stringify(input);
  } catch {
    return '{}';
  }
}
