/**
 * Reads a stream of the messages dialect that is passed on to a caller who speaks it. Events go through as the bytes they came
 * as; each is parsed once to see usage, the reason of the end, errors and garbage. The event with the reason of the end, and
 * `message_stop`, are held back until `closing`.
 */

import { isObject, type Json } from '../../lib/json.js';
import type { UpstreamFailure } from '../failure.js';
import { GeneratedText } from '../generated-text.js';
import { type SseEvent, SseReader, sseEvent } from '../sse.js';
import type { StreamReader } from '../translation.js';
import type { Usage } from '../usage.js';
import { isContent, textOfBlock } from './generated.js';
import { inBandError, readMessagesUsage } from './wire.js';

const NOTHING = Buffer.alloc(0);

export class MessagesStream implements StreamReader {
  readonly #reader = new SseReader();
  #out: Buffer[] = [];
  /** From the event that tells the reason of the end on. */
  #held: Buffer[] = [];
  readonly #text = new GeneratedText();
  /** Null: no message has begun. */
  #id: unknown = null;
  #ended = false;
  #calls = false;
  done = false;
  failure: UpstreamFailure | undefined;
  usage: Usage | undefined;
  servedModel: string | undefined;
  filtered = false;
  empty = true;

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
    if (rest?.data !== undefined && /"message_stop"\s{0,9}\}\s{0,9}$/.test(rest.data.slice(-60)))
      this.#event({ ...rest, raw: sseEvent(rest.data, 'message_stop') });
    if (this.done || this.failure) return;
    this.failure = { kind: 'cut', message: 'The upstream ended the stream before it was complete.' };
  }

  closing(): Buffer {
    return Buffer.concat(this.#held);
  }

  get begun(): boolean {
    return this.done || this.#text.kept !== '' || this.#calls;
  }

  text(): string {
    return this.#text.kept;
  }

  get beyond(): number {
    return this.#text.beyond;
  }

  #take(): Buffer {
    const out = this.#out;
    if (out.length === 0) return NOTHING;
    this.#out = [];
    return out.length === 1 ? out[0]! : Buffer.concat(out);
  }

  #garbage(what: string): false {
    this.failure = { kind: 'garbage', message: `The upstream sent ${what} in the stream.` };
    return false;
  }

  /** Events are told by the `type` in their data. False: read no further. */
  readonly #event = (event: SseEvent): boolean => {
    const { data } = event;
    if (data === undefined) {
      // A comment goes through; an event without data means nothing.
      if (event.raw[0] === 0x3a) this.#out.push(event.raw);
      return true;
    }
    let json: unknown;
    try {
      json = JSON.parse(data);
    } catch {
      return data.trim() === '[DONE]' || this.#garbage('something that is not JSON');
    }
    this.failure = inBandError(json);
    if (this.failure) return false;
    if (!isObject(json) || typeof json['type'] !== 'string') return this.#garbage('something that is not an event');
    return this.#known(json['type'], json, event);
  };

  #known(type: string, event: Json, { name, data, raw }: SseEvent): boolean {
    // Clients go by the name of an event, which some servers leave out.
    const bytes = name === '' ? sseEvent(data!, type) : raw;
    if (type === 'message_start') return this.#start(event['message'], bytes);
    const own = type.startsWith('content_block_') || type.startsWith('message_');
    if (own && this.#id === null) return this.#garbage('content before the message');
    if (type === 'message_stop') return this.#stop(bytes);
    if (type === 'content_block_start') this.#piece(event['content_block']);
    else if (type === 'content_block_delta') this.#piece(event['delta']);
    else if (type === 'message_delta') this.#delta(event);
    if (this.#ended) this.#held.push(bytes);
    else this.#out.push(bytes);
    return true;
  }

  /** Some servers say it twice, and clients take no second one; another id means that two answers were mixed. */
  #start(message: unknown, bytes: Buffer): boolean {
    if (!isObject(message)) return this.#garbage('a start without a message');
    const id = message['id'] ?? '';
    if (this.#id !== null) return id === this.#id || this.#garbage('a second message');
    this.#id = id;
    this.servedModel = typeof message['model'] === 'string' ? message['model'] : undefined;
    this.usage = readMessagesUsage(message['usage'], this.usage);
    if (Array.isArray(message['content'])) for (const block of message['content'] as unknown[]) this.#piece(block);
    this.#out.push(bytes);
    return true;
  }

  #piece(piece: unknown): void {
    this.#text.add(textOfBlock(piece));
    if (!isObject(piece)) return;
    const { type, text } = piece;
    if (type === 'tool_use' || type === 'server_tool_use') this.#calls = true;
    if (type === 'text_delta' ? text !== '' : !isDelta(type) && isContent(piece)) this.empty = false;
  }

  #delta({ delta, usage }: Json): void {
    this.usage = readMessagesUsage(usage, this.usage);
    const stop = isObject(delta) ? delta['stop_reason'] : undefined;
    if (typeof stop !== 'string') return;
    this.#ended = true;
    this.filtered = stop === 'refusal';
  }

  /** Alone, after no more than the frame of an answer, it ends nothing. */
  #stop(bytes: Buffer): false {
    if (!this.#ended && !this.begun) return this.#garbage('its end without an answer');
    this.#held.push(bytes);
    this.done = true;
    return false;
  }
}

const isDelta = (type: unknown): boolean => typeof type === 'string' && type.endsWith('_delta');
