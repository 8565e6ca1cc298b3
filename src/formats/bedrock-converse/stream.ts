/** Bedrock's streams, out of their frames: those of Converse as events of the messages format, and those of Claude as they are. */
import { isObject, type Json } from '../../lib/json.js';
import { type EventFrame, EventFrames } from '../event-stream.js';
import type { UpstreamFailure } from '../failure.js';
import { endingOf, errorOf, failedStops, messagesCitation, messagesUsage } from './wire.js';

const NOTHING = Buffer.alloc(0);

const eventOf = (type: string, more: Json): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`;

/** Takes a stream out of its frames; what is in them is told by whoever extends it. */
abstract class Unframed {
  readonly #frames = new EventFrames();
  #out = '';
  failure: UpstreamFailure | undefined;

  push(chunk: Buffer): Buffer {
    this.#frames.feed(chunk, this.#frame);
    if (this.#frames.broken !== undefined)
      this.failure ??= { kind: 'garbage', message: `The upstream sent ${this.#frames.broken} in the stream.` };
    return this.#take();
  }

  /** What is left to say once the stream has ended. */
  end(): Buffer {
    if (this.#frames.cut && !this.failure)
      this.failure = { kind: 'cut', message: 'The upstream ended the stream within a frame.' };
    if (!this.failure) this.close();
    return this.#take();
  }

  protected say(event: string): void {
    this.#out += event;
  }

  protected abstract event(name: string, payload: Json): void;

  protected close(): void {}

  readonly #frame = ({ kind, name, payload, message }: EventFrame): boolean => {
    const json = parsed(payload);
    if (kind !== 'event') {
      const words = [json?.['message'], json?.['Message'], message].find(
        (one) => typeof one === 'string' && one !== '',
      );
      this.say(eventOf('error', { error: errorOf(name, `${words ?? 'The upstream failed.'}`) }));
      return false;
    }
    if (json) this.event(name, json);
    return true;
  };

  #take(): Buffer {
    if (this.#out === '') return NOTHING;
    const out = Buffer.from(this.#out);
    this.#out = '';
    return out;
  }
}

function parsed(payload: Buffer): Json | undefined {
  try {
    const json: unknown = JSON.parse(payload.toString('utf8'));
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

/** Frames that each hold one event of the messages format, as InvokeModel sends them for Claude. */
export class InvokedMessages extends Unframed {
  protected event(name: string, { bytes }: Json): void {
    if (name !== 'chunk' || typeof bytes !== 'string') return;
    const text = Buffer.from(bytes, 'base64').toString('utf8');
    const event = parsed(Buffer.from(text));
    if (typeof event?.['type'] !== 'string') return;
    // Bedrock's own figures ride on the last event; nobody's reader knows them.
    const { 'amazon-bedrock-invocationMetrics': metrics, ...own } = event;
    this.say(`event: ${event['type']}\ndata: ${metrics === undefined ? text : JSON.stringify(own)}\n\n`);
  }
}

/** Blocks that begin without a start (text, reasoning) are begun by their first piece; usage comes after the end. */
export class ConverseMessages extends Unframed {
  readonly #model: string;
  readonly #sequence: string | undefined;
  readonly #open = new Set<unknown>();
  #begun = false;
  #stopped = false;
  #ended = false;

  /** `sequence`: the only one at which the answer may stop; undefined: there are several, or none. */
  constructor(model: string, sequence?: string) {
    super();
    this.#model = model;
    this.#sequence = sequence;
  }

  protected event(name: string, payload: Json): void {
    if (this.#ended) return;
    if (name === 'messageStart') this.#begin();
    else if (name === 'contentBlockStart') this.#start(payload);
    else if (name === 'contentBlockDelta') this.#delta(payload['contentBlockIndex'], payload['delta']);
    else if (name === 'contentBlockStop') this.#stop(payload['contentBlockIndex']);
    else if (name === 'messageStop') this.#stopMessage(payload['stopReason']);
    else if (name === 'metadata') this.#end(messagesUsage(payload['usage'], payload['serviceTier']));
  }

  /** An answer that was told to its end is one, also where its usage did not come. */
  protected override close(): void {
    if (this.#stopped) this.#end(undefined);
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    const message = { type: 'message', role: 'assistant', model: this.#model, content: [], stop_reason: null };
    this.say(eventOf('message_start', { message }));
  }

  #start({ contentBlockIndex: index, start }: Json): void {
    this.#begin();
    const toolUse = isObject(start) ? start['toolUse'] : undefined;
    if (!isObject(toolUse)) return;
    this.#opened(index, { type: 'tool_use', id: toolUse['toolUseId'], name: toolUse['name'], input: {} });
  }

  #opened(index: unknown, content_block: Json): void {
    this.#open.add(index);
    this.say(eventOf('content_block_start', { index, content_block }));
  }

  #delta(index: unknown, delta: unknown): void {
    this.#begin();
    if (!isObject(delta)) return;
    const { text, toolUse, reasoningContent } = delta;
    const citation = messagesCitation(delta['citation']);
    if (typeof text === 'string') this.#piece(index, { type: 'text', text: '' }, { type: 'text_delta', text });
    else if (isObject(toolUse) && this.#open.has(index))
      this.#piece(index, {}, { type: 'input_json_delta', partial_json: toolUse['input'] });
    else if (isObject(reasoningContent)) this.#reasoning(index, reasoningContent);
    else if (citation && this.#open.has(index)) this.#piece(index, {}, { type: 'citations_delta', citation });
  }

  #reasoning(index: unknown, { text, signature, redactedContent }: Json): void {
    if (typeof redactedContent === 'string') {
      if (!this.#open.has(index)) this.#opened(index, { type: 'redacted_thinking', data: redactedContent });
      return;
    }
    const block = { type: 'thinking', thinking: '', signature: '' };
    if (typeof text === 'string') this.#piece(index, block, { type: 'thinking_delta', thinking: text });
    if (typeof signature === 'string') this.#piece(index, block, { type: 'signature_delta', signature });
  }

  #piece(index: unknown, block: Json, delta: Json): void {
    if (!this.#open.has(index)) this.#opened(index, block);
    this.say(eventOf('content_block_delta', { index, delta }));
  }

  #stop(index: unknown): void {
    if (this.#open.delete(index)) this.say(eventOf('content_block_stop', { index }));
  }

  #stopMessage(reason: unknown): void {
    this.#begin();
    this.#stopped = true;
    if (failedStops.has(reason)) {
      this.#ended = true;
      const error = { type: 'api_error', message: `The upstream ended its answer with '${String(reason)}'.` };
      this.say(eventOf('error', { error }));
      return;
    }
    this.say(eventOf('message_delta', { delta: endingOf(reason, this.#sequence) }));
  }

  #end(usage: Json | undefined): void {
    this.#ended = true;
    if (usage) this.say(eventOf('message_delta', { delta: {}, usage }));
    this.say(eventOf('message_stop', {}));
  }
}
