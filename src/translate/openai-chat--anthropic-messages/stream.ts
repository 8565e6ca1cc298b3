/**
 * Reads a stream of the messages dialect and writes chunks of a chat completion, each as soon as its event is there.
 *
 * Tool calls are numbered by their own counter: the target's block index counts text and thinking too, and clients want
 * numbers without gaps. The finish chunk waits for `message_stop`, so that a stream which is cut never looks finished.
 * `annotations` and `thinking_blocks` come whole, once, just before it: clients overwrite delta fields that they do not know.
 */

import { inBandError, readMessagesUsage } from '../../formats/anthropic-messages/wire.js';
import type { UpstreamFailure } from '../../formats/failure.js';
import { GeneratedText } from '../../formats/generated-text.js';
import { chatUsage } from '../../formats/openai-chat/usage.js';
import { type SseEvent, SseReader, sseEvent } from '../../formats/sse.js';
import type { StreamReader, UsageExtra } from '../../formats/translation.js';
import type { Usage } from '../../formats/usage.js';
import { isObject, type Json } from '../../lib/json.js';
import { FencedJson } from '../fenced-json.js';
import { type Annotation, urlCitations } from './annotations.js';
import {
  type AnswerPlan,
  completionId,
  type Finish,
  finishOf,
  placedAt,
  refusalOf,
  stringOr,
  type ThinkingBlock,
} from './answer.js';

const NOTHING = Buffer.alloc(0);
const DONE = sseEvent('[DONE]');
const PING = ': ping\n\n';

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

export class MessagesToChatStream implements StreamReader {
  readonly #plan: AnswerPlan;
  readonly #reader = new SseReader();
  readonly #fence: FencedJson | undefined;
  readonly #blocks = new Map<unknown, OpenBlock>();
  readonly #thinking: ThinkingBlock[] = [];
  readonly #annotations: Annotation[] = [];
  /** Characters of content that were written. */
  #written = 0;
  /** The message's id; undefined before it started. */
  #id: string | undefined;
  #head = '';
  #out = '';
  readonly #text = new GeneratedText();
  /** Text beside a forced tool: it is the answer only if the tool was never called. */
  #aside = '';
  /** Content has come. */
  #said = false;
  #calls = 0;
  #jsonCalls = 0;
  #stopReason: unknown;
  #stopDetails: unknown;
  done = false;
  failure: UpstreamFailure | undefined;
  usage: Usage | undefined;
  servedModel: string | undefined;

  constructor(plan: AnswerPlan) {
    this.#plan = plan;
    this.#fence = plan.fencedJson ? new FencedJson() : undefined;
  }

  push(chunk: Buffer): Buffer {
    if (this.done || this.failure) return NOTHING;
    this.#reader.feed(chunk, this.#event);
    if (this.#reader.overflow && !this.done) this.#garbage('an event that is too large');
    return this.#take();
  }

  end(): void {
    if (this.done || this.failure) return;
    // Some servers omit the last blank line; anything else that is left over is a piece of an event.
    const rest = this.#reader.rest();
    if (rest?.data !== undefined && /"message_stop"\s*\}\s*$/.test(rest.data)) this.#event(rest);
    if (this.done || this.failure) return;
    this.failure = { kind: 'cut', message: 'The upstream ended the stream before it was complete.' };
  }

  closing(extra: UsageExtra): Buffer {
    const rest = this.#take();
    if (!this.#plan.askedUsage) return Buffer.concat([rest, DONE]);
    const usage = this.usage ? chatUsage(this.usage) : null;
    const last = `{${this.#head},"choices":[],"usage":${JSON.stringify(usage)},"x_tollgate":${JSON.stringify(extra)}}`;
    return Buffer.concat([rest, sseEvent(last), DONE]);
  }

  get begun(): boolean {
    return this.done || this.#text.kept !== '';
  }

  get filtered(): boolean {
    return this.#stopReason === 'refusal';
  }

  get empty(): boolean {
    return !this.#said && this.#calls === 0 && this.#jsonCalls === 0;
  }

  text(): string {
    return this.#text.kept;
  }

  get beyond(): number {
    return this.#text.beyond;
  }

  #take(): Buffer {
    if (this.#out === '') return NOTHING;
    const out = Buffer.from(this.#out);
    this.#out = '';
    return out;
  }

  #chunk(delta: Json, finish: Finish | null = null): void {
    const choice = { index: 0, delta, logprobs: null, finish_reason: finish };
    const usage = this.#plan.askedUsage ? ',"usage":null' : '';
    this.#out += `data: {${this.#head},"choices":[${JSON.stringify(choice)}]${usage}}\n\n`;
  }

  #garbage(what: string): false {
    this.failure = { kind: 'garbage', message: `The upstream sent ${what} in the stream.` };
    return false;
  }

  /** Events are told by the `type` in their data: some servers send no `event:` names. False: read no further. */
  readonly #event = ({ name, data }: SseEvent): boolean => {
    if (data === undefined || name === 'ping') {
      this.#out += PING; // a comment, or a sign of life
      return true;
    }
    let event: unknown;
    try {
      event = JSON.parse(data);
    } catch {
      return data.trim() === '[DONE]' || this.#garbage('something that is not JSON');
    }
    this.failure = inBandError(event);
    if (this.failure) return false;
    return isObject(event) ? this.#dispatch(event) : this.#garbage('something that is not an event');
  };

  #dispatch(event: Json): boolean {
    const { type } = event;
    if (type === 'ping') this.#out += PING;
    else if (type === 'message_start') return this.#start(event['message']);
    else if (typeof type !== 'string') return this.#garbage('an event without a type');
    else if (!type.startsWith('content_block_') && !type.startsWith('message_'))
      return true; // a later invention
    else if (this.#id === undefined) return this.#garbage('content before the message');
    else if (type === 'content_block_start') this.#open(event['index'], event['content_block']);
    else if (type === 'content_block_delta') return this.#delta(event['index'], event['delta']);
    else if (type === 'content_block_stop') this.#stop(event['index']);
    else if (type === 'message_delta') this.#end(event['delta'], event['usage']);
    else if (type === 'message_stop') return this.#finish();
    return true;
  }

  /** Some servers say it twice; another id means that two answers were mixed. */
  #start(message: unknown): boolean {
    if (!isObject(message)) return this.#garbage('a start without a message');
    const id = completionId(message['id'], this.#plan.nowMs);
    if (this.#id === id) return true;
    if (this.#id !== undefined) return this.#garbage('a second message');
    this.#id = id;
    const model = stringOr(message['model'], this.#plan.model);
    this.servedModel = typeof message['model'] === 'string' ? message['model'] : undefined;
    const created = Math.floor(this.#plan.nowMs / 1000);
    this.#head = JSON.stringify({ id, object: 'chat.completion.chunk', created, model }).slice(1, -1);
    this.#chunk({ role: 'assistant', content: '', refusal: null });
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
    this.#text.add(name);
    if (name === this.#plan.jsonTool) {
      this.#jsonCalls++;
      return this.#jsonCalls === 1 ? { kind: 'json', input: block['input'], begun: false } : { kind: 'other' };
    }
    const index = this.#calls++;
    const id = stringOr(block['id'], '') || `call_${index}`;
    const called = { name: this.#plan.names.told(name), arguments: '' };
    this.#chunk({ tool_calls: [{ index, id, type: 'function', function: called }] });
    return { kind: 'call', index, input: block['input'], begun: false };
  }

  #delta(index: unknown, delta: unknown): boolean {
    const block = this.#blocks.get(index);
    if (!block || !isObject(delta)) return this.#garbage('a piece of a block that was not begun');
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
    this.#text.add(text);
    if (text !== '') this.#said = true;
    if (this.#plan.jsonTool !== undefined) this.#aside += text;
    else this.#write(this.#fence ? this.#fence.push(text) : text);
  }

  #write(content: string): void {
    if (content === '') return;
    this.#written += content.length;
    this.#chunk({ content });
  }

  #think(thinking: string): void {
    if (thinking === '') return;
    this.#text.add(thinking);
    this.#chunk({ reasoning_content: thinking });
  }

  #input(block: OpenBlock, json: string): void {
    if (json === '' || (block.kind !== 'call' && block.kind !== 'json')) return;
    block.begun = true;
    this.#text.add(json);
    if (block.kind === 'json') this.#write(json);
    else this.#chunk({ tool_calls: [{ index: block.index, function: { arguments: json } }] });
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
  }

  #finish(): false {
    for (const index of this.#blocks.keys()) this.#stop(index);
    if (this.#jsonCalls === 0) this.#write(this.#aside);
    if (this.#fence) this.#write(this.#fence.end());
    const refusal = refusalOf(this.#stopReason, this.#stopDetails);
    if (refusal !== null) this.#chunk({ refusal });
    if (this.#annotations.length > 0) this.#chunk({ annotations: this.#annotations });
    if (this.#thinking.length > 0) this.#chunk({ thinking_blocks: this.#thinking });
    this.#chunk({}, finishOf(this.#stopReason, this.#calls > 0));
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
