/**
 * Reads a stream of the messages dialect that is passed on to a caller who speaks it. Events go through as the bytes they came
 * as; each is parsed once to see usage, the reason of the end, errors and garbage. The event with the reason of the end, and
 * `message_stop`, are held back until `closing`.
 */

import { isObject, type Json } from '../../lib/json.js';
import { type SseEvent, sseEvent } from '../sse.js';
import { CUT, SseStream } from '../sse-stream.js';
import { isContent, textOfBlock } from './generated.js';
import { inBandError, readMessagesUsage } from './wire.js';

export class MessagesStream extends SseStream {
  /** From the event that tells the reason of the end on. */
  #held: Buffer[] = [];
  /** Null: no message has begun. */
  #id: unknown = null;
  #ended = false;
  #calls = false;
  filtered = false;
  empty = true;

  protected ended(rest: SseEvent | undefined): void {
    if (rest?.data !== undefined && /"message_stop"\s{0,9}\}\s{0,9}$/.test(rest.data.slice(-60)))
      this.event({ ...rest, raw: sseEvent(rest.data, 'message_stop') }, rest.data);
    if (!this.done) this.failure ??= CUT;
  }

  closing(): Buffer {
    return Buffer.concat(this.#held);
  }

  get begun(): boolean {
    return this.done || !this.generated.isEmpty || this.#calls;
  }

  /** Events are told by the `type` in their data. False: read no further. */
  protected event(event: SseEvent, data: string): boolean {
    let json: unknown;
    try {
      json = JSON.parse(data);
    } catch {
      return data.trim() === '[DONE]' || this.garbage('something that is not JSON');
    }
    this.failure = inBandError(json);
    if (this.failure) return false;
    if (!isObject(json) || typeof json['type'] !== 'string') return this.garbage('something that is not an event');
    return this.#known(json['type'], json, event);
  }

  #known(type: string, event: Json, { name, data, raw }: SseEvent): boolean {
    // Clients go by the name of an event, which some servers leave out.
    const bytes = name === '' ? sseEvent(data!, type) : raw;
    if (type === 'message_start') return this.#start(event['message'], bytes);
    const own = type.startsWith('content_block_') || type.startsWith('message_');
    if (own && this.#id === null) return this.garbage('content before the message');
    if (type === 'message_stop') return this.#stop(bytes);
    if (type === 'content_block_start') this.#piece(event['content_block']);
    else if (type === 'content_block_delta') this.#piece(event['delta']);
    else if (type === 'message_delta') this.#delta(event);
    if (this.#ended) this.#held.push(bytes);
    else this.pass(bytes);
    return true;
  }

  /** Some servers say it twice, and clients take no second one; another id means that two answers were mixed. */
  #start(message: unknown, bytes: Buffer): boolean {
    if (!isObject(message)) return this.garbage('a start without a message');
    const id = message['id'] ?? '';
    if (this.#id !== null) return id === this.#id || this.garbage('a second message');
    this.#id = id;
    this.servedModel = typeof message['model'] === 'string' ? message['model'] : undefined;
    this.usage = readMessagesUsage(message['usage'], this.usage);
    if (Array.isArray(message['content'])) for (const block of message['content'] as unknown[]) this.#piece(block);
    this.pass(bytes);
    return true;
  }

  #piece(piece: unknown): void {
    this.generated.add(textOfBlock(piece));
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
    if (!this.#ended && !this.begun) return this.garbage('its end without an answer');
    this.#held.push(bytes);
    this.done = true;
    return false;
  }
}

const isDelta = (type: unknown): boolean => typeof type === 'string' && type.endsWith('_delta');
